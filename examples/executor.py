"""An executor makes calls elsewhere: one at a time by `submit`, or one for each element by `map`."""

from ungil.futures import *

if __name__ == "__main__":
    # With more threads than one, the lines could come in any order.
    executor = ThreadPoolExecutor(max_workers=1)
    executor.submit(print, "Hello, world!")
    print(list(executor.map(print, ["Knock?", "Knock!"])))
    executor.shutdown()
