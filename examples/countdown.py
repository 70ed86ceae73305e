"""A countdown in a thread, made both ways: with a function that the thread calls, and as a class of threads."""

from ungil.threading import Thread


def countdown(n):
    """Count down from `n`."""
    for i in range(n):
        print(n - i - 1, "left")


class CountdownThread(Thread):
    """The same as a class, which can be used in a thread of its own only."""

    def __init__(self, n):
        super().__init__()  # makes it a thread
        self.n = n

    def run(self):
        """Count down: `start` has the new thread call this."""
        for i in range(self.n):
            print(self.n - i - 1, "left")


if __name__ == "__main__":
    for thread in (Thread(target=countdown, args=(3,)), CountdownThread(2)):
        thread.start()
        thread.join()
