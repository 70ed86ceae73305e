"""Three queues, three orders: first in first out, last in first out, and the smallest (priority, item) first."""

from ungil.queue import LifoQueue, PriorityQueue, Queue

ITEMS = [(2, "sort the post"), (1, "put out the fire"), (3, "water the plants")]

if __name__ == "__main__":
    for kind in (Queue, LifoQueue, PriorityQueue):
        q = kind()
        for item in ITEMS:
            q.put(item)
        print(kind.__name__)
        while not q.empty():
            priority, task = q.get()
            print("  ", priority, task)
