"""Queues, beside those of `queue`, `_queue` and culsans: what an item costs, in one thread and between threads.

In one thread, the shortest of the rounds; between threads, the median.

It is not called `queue.py`: Python looks for modules in the folder of a program first, and each program here, with all
that it imports, would find this one by `import queue`.
"""

from __future__ import annotations

import _queue
import importlib.util
import queue
import random
import statistics
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from report import Line, parse, show
from turns import Timer, compare, statement, together

import ungil.queue

# Makes a queue, of the size that it is given or without bounds.
Make = Callable[..., Any]

# Items that pass through a queue between threads.
ITEMS = 20_000


def main() -> None:
    """Measure an item's way through each queue, priorities in two sizes, and the throughput between threads."""
    repeat = (options := parse(__doc__)).repeat
    shuffled = random.Random(0).sample(range(10_000), 10_000)  # noqa: S311 - the same for all
    pairs = [(priority % 100, str(priority)) for priority in shuffled]
    lines = [
        *put_and_get("Queue", repeat, 20),
        *put_and_get("LifoQueue", repeat),
        *put_and_get("PriorityQueue", repeat, 5),
        *put_and_get("SimpleQueue", repeat),
        *fill_and_empty("ints", shuffled[:100], repeat),
        *fill_and_empty("ints", shuffled, repeat),
        *fill_and_empty("(priority, item)", pairs[:100], repeat),
        *fill_and_empty("(priority, item)", pairs, repeat),
        *throughput("Queue", 1, 0, repeat, 5),
        *throughput("Queue", 4, 0, repeat, 5),
        *throughput("Queue", 1, 100, repeat, 5),
        *throughput("Queue", 4, 100, repeat, 5),
        *throughput("SimpleQueue", 1, 0, repeat),
        *throughput("SimpleQueue", 4, 0, repeat),
    ]
    show("queues", lines, as_json=options.json)


def sides(kind: str) -> dict[str, Make]:
    """Return what makes a queue of this kind, by the name of its package."""
    if kind == "SimpleQueue":
        return {"ungil": ungil.queue.SimpleQueue, "_queue": _queue.SimpleQueue}
    found: dict[str, Make] = {"ungil": getattr(ungil.queue, kind), "queue": getattr(queue, kind)}
    if importlib.util.find_spec("culsans"):
        import culsans

        theirs = getattr(culsans, kind)
        # The face of it that is for threads.
        found["culsans"] = lambda *arguments: theirs(*arguments).sync_q
    return found


def put_and_get(kind: str, repeat: int, least_ratio: float | None = None) -> list[Line]:
    """Time one item's way through a queue that is empty but for it."""
    timers = {side: statement("x.put(1); x.get()", make) for side, make in sides(kind).items()}
    return beside(f"{kind}: x.put(1); x.get()", timers, repeat, least_ratio)


def fill_and_empty(what: str, items: Sequence[Any], repeat: int) -> list[Line]:
    """Time an item's way through a `PriorityQueue` that is filled with all of them, and then emptied."""
    n_fillings = max(1, 1_000 // len(items))

    def timer(make: Make) -> Timer:
        def fill() -> float:
            filled = make()
            start = perf_counter()
            for item in items:
                filled.put(item)
            for _ in items:
                filled.get()
            return perf_counter() - start

        return lambda: min(fill() for _ in range(n_fillings)) / len(items)

    timers = {side: timer(make) for side, make in sides("PriorityQueue").items()}
    return beside(f"PriorityQueue, {len(items):,} {what}", timers, repeat, 5)


def throughput(kind: str, n_pairs: int, maxsize: int, repeat: int, least_ratio: float | None = None) -> list[Line]:
    """Time an item's way from so many producers to as many consumers, through `maxsize` places or, by 0, any number."""
    share = range(ITEMS // n_pairs)

    def timer(make: Make) -> Timer:
        def time() -> float:
            between = make(maxsize) if maxsize else make()

            def produce() -> None:
                for item in share:
                    between.put(item)

            def consume() -> None:
                for _ in share:
                    between.get()

            return together(*[produce] * n_pairs, *[consume] * n_pairs) / ITEMS

        return time

    timers = {side: timer(make) for side, make in sides(kind).items()}
    size = f", maxsize {maxsize}" if maxsize else ""
    name = f"{kind}{size}, {n_pairs} to {n_pairs} threads"
    return beside(name, timers, repeat, least_ratio, summary=statistics.median)


def beside(name: str, timers: dict[str, Timer], repeat: int, least_ratio: float | None, **options: Any) -> list[Line]:
    """Compare, with a budget against the standard library."""
    least_ratios = {} if least_ratio is None else {"queue": least_ratio}
    return compare(name, timers, repeat, least_ratios=least_ratios, **options)


if __name__ == "__main__":
    main()
