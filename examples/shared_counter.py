"""A counter that threads share: its lock makes reading, adding and writing one step, so that no increment is lost."""

from ungil.threading import Lock, Thread


class SharedCounter:
    """A number that any thread may increment."""

    def __init__(self, value):
        self._value = value
        self._lock = Lock()

    def increment(self, delta=1):
        """Add to the number."""
        with self._lock:
            self._value += delta

    def get(self):
        """Return the number."""
        with self._lock:
            return self._value


def count(counter, n):
    """Increment it `n` times."""
    for _ in range(n):
        counter.increment()


if __name__ == "__main__":
    counter = SharedCounter(0)
    threads = [Thread(target=count, args=(counter, 10_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(counter.get())
