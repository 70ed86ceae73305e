"""A countdown in a process of its own, which has an interpreter, and so a GIL, of its own."""

from ungil.multiprocessing import Process


def countdown(n):
    """Count down from `n`."""
    for i in range(n):
        print(n - i - 1, "left", flush=True)


if __name__ == "__main__":
    process = Process(target=countdown, args=(5,))
    process.start()
    process.join()
