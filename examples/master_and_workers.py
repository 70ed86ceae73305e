"""A master puts items into a queue and waits until all have been worked on, by workers that get them from there."""

from ungil.queue import Queue
from ungil.threading import Thread


def worker(q, squares):
    """Work on one item after the other, for as long as there is a program."""
    while True:
        item = q.get()  # waits for the next item
        squares.append(item * item)
        q.task_done()  # says that the item has been worked on


def master(q, items):
    """Hand out the items, and wait."""
    for item in items:
        q.put(item)
    q.join()  # waits until each item that was put has its `task_done`


if __name__ == "__main__":
    q, squares = Queue(), []
    for _ in range(3):
        Thread(target=worker, args=(q, squares), daemon=True).start()
    master(q, range(10))
    print(sorted(squares))
