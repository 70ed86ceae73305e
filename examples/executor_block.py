"""An executor as a context manager: at the end of the block its calls are made, and its threads are gone."""

from ungil.futures import *

if __name__ == "__main__":
    with ThreadPoolExecutor(max_workers=4) as executor:
        futures = [executor.submit(pow, 2, n) for n in range(5)]
    print(all(f.done() for f in futures), [f.result() for f in futures])
    try:
        executor.submit(pow, 2, 5)
    except RuntimeError as error:
        print(error)
