"""A semaphore is acquired by a fixed number of threads at a time: here a room with two seats, and six visitors."""

from ungil.threading import Barrier, Lock, Semaphore, Thread


class Room:
    """A room that remembers how many were in it at most."""

    def __init__(self, n_seats):
        self.most_visitors = 0
        self._n_visitors = 0
        self._lock = Lock()
        self._seats = Semaphore(n_seats)
        self._all_seats_taken = Barrier(n_seats)

    def visit(self):
        """Wait for a seat, stay until every seat is taken, and leave."""
        with self._seats:
            self._count(+1)
            self._all_seats_taken.wait()
            self._count(-1)

    def _count(self, change):
        with self._lock:
            self._n_visitors += change
            self.most_visitors = max(self.most_visitors, self._n_visitors)


if __name__ == "__main__":
    room = Room(2)
    visitors = [Thread(target=room.visit) for _ in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    print("at most", room.most_visitors, "at a time")
