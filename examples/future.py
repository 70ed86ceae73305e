"""What a future can be asked: how far its call is, what came of it, and to call somebody when it is over."""

from ungil.futures import *

if __name__ == "__main__":
    with ThreadPoolExecutor(max_workers=4) as executor:
        f = executor.submit(sorted, [4, 3, 1, 2])
    print(f.running(), f.done(), f.cancelled())
    print(f.result())
    f.add_done_callback(print)
