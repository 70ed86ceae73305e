"""What goes between processes: pipes, queues and locks beside those of `multiprocessing`, pools beside those of others.

Of a pipe the other side is a forked child, which imports nothing anew. Between processes, the median of the rounds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

from pools import pool_lines
from report import Line, parse, show
from turns import Timer, compare, statement

import ungil.multiprocessing

SIDES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "ungil": ungil.multiprocessing.Pipe,
    "multiprocessing": multiprocessing.Pipe,
}

FORK = multiprocessing.get_context("fork")
CONTEXTS: dict[str, Any] = {"ungil": ungil.multiprocessing.get_context("fork"), "multiprocessing": FORK}

ITEMS = 5_000
PING_PONGS = 2_000
LARGE = 1 << 20
LARGES = 200


def main() -> None:
    """Run the benchmarks and print them."""
    arguments = parse(__doc__)
    lines = [
        *ping_pong("64 bytes there and back", bytes(64), PING_PONGS, arguments.repeat, as_bytes=True, least_ratio=3),
        *ping_pong("a tuple there and back", (1, "two", 3.0), PING_PONGS, arguments.repeat, as_bytes=False),
        *one_way(arguments.repeat),
        *queue_one_way(arguments.repeat),
        *turns(arguments.repeat),
        *alone(arguments.repeat),
        *pool_lines(arguments.repeat),
    ]
    show("processes", lines, as_json=arguments.json)


def ping_pong(
    name: str, message: Any, n: int, repeat: int, *, as_bytes: bool, least_ratio: float | None = None
) -> list[Line]:
    """Time a message's way to the child and back."""

    def answer(conn: Any) -> None:
        receive, send = ways(conn, as_bytes)
        while (got := receive()) not in (b"", None):
            send(got)

    def time(conn: Any) -> float:
        receive, send = ways(conn, as_bytes)
        start = perf_counter()
        for _ in range(n):
            send(message)
            receive()
        return (perf_counter() - start) / n

    with each_with_child(answer, time, b"" if as_bytes else None, as_bytes=as_bytes) as timers:
        least = None if least_ratio is None else {"multiprocessing": least_ratio}
        return compare(f"Pipe, {name}", timers, repeat, least_ratios=least, summary=statistics.median)


def one_way(repeat: int) -> list[Line]:
    """Time a mebibyte's way from the child, which sends many."""
    message = bytes(LARGE)

    def pour(conn: Any) -> None:
        while conn.recv_bytes():
            for _ in range(LARGES):
                conn.send_bytes(message)

    def time(conn: Any) -> float:
        start = perf_counter()
        conn.send_bytes(b"begin")
        for _ in range(LARGES):
            conn.recv_bytes()
        return (perf_counter() - start) / LARGES

    with each_with_child(pour, time, b"", as_bytes=True) as timers:
        return compare(
            "Pipe, a message of 1 MiB", timers, repeat, least_ratios={"multiprocessing": 2}, summary=statistics.median
        )


def queue_one_way(repeat: int) -> list[Line]:
    """Time an item's way from the child, which puts many."""

    def pour(queue: Any, conn: Any) -> None:
        while conn.recv():
            for number in range(ITEMS):
                queue.put((number, "two", 3.0))

    def time(queue: Any, conn: Any) -> float:
        start = perf_counter()
        conn.send(True)
        for _ in range(ITEMS):
            queue.get()
        return (perf_counter() - start) / ITEMS

    with contextlib.ExitStack() as stack:
        timers = {
            side: partial(time, queue, stack.enter_context(child(pour, queue)))
            for side, queue in ((side, context.Queue()) for side, context in CONTEXTS.items())
        }
        return compare(
            "Queue, a tuple one way",
            timers,
            repeat,
            least_ratios={"multiprocessing": 5},
            summary=statistics.median,
        )


def turns(repeat: int) -> list[Line]:
    """Time how long it takes that the other process has its turn and this one again, by two semaphores."""

    def take_turns(pair: Any, conn: Any) -> None:
        theirs, ours = pair
        while conn.recv():
            for _ in range(PING_PONGS):
                theirs.acquire()
                ours.release()

    def time(pair: Any, conn: Any) -> float:
        theirs, ours = pair
        start = perf_counter()
        conn.send(True)
        for _ in range(PING_PONGS):
            theirs.release()
            ours.acquire()
        return (perf_counter() - start) / PING_PONGS

    with contextlib.ExitStack() as stack:
        timers: dict[str, Timer] = {}
        for side, context in CONTEXTS.items():
            pair = (context.Semaphore(0), context.Semaphore(0))
            timers[side] = partial(time, pair, stack.enter_context(child(take_turns, pair)))
        return compare("Semaphore, a turn there and back", timers, repeat, summary=statistics.median)


def alone(repeat: int) -> list[Line]:
    """Time what a process does with a primitive that nobody else wants."""
    lines = []
    for kind in ("Lock", "RLock", "Semaphore"):
        for name, code in (("acquire+release", "x.acquire(); x.release()"), ("with", "with x: pass")):
            timers = {side: statement(code, getattr(context, kind)) for side, context in CONTEXTS.items()}
            lines += compare(f"{kind}, {name}", timers, repeat)
    timers = {side: statement("x.set(); x.is_set(); x.clear()", each.Event) for side, each in CONTEXTS.items()}
    return [*lines, *compare("Event, set+is_set+clear", timers, repeat)]


@contextmanager
def child(target: Callable[[Any, Any], None], shared: Any) -> Iterator[Any]:
    """Give a pipe to a child that does `target` with what is shared, again and again, until it is told not to."""
    conn, child_conn = FORK.Pipe()
    process = FORK.Process(target=target, args=(shared, child_conn))
    process.start()
    try:
        yield conn
    finally:
        conn.send(False)
        process.join()


def ways(conn: Any, as_bytes: bool) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return how this end receives and sends."""
    return (conn.recv_bytes, conn.send_bytes) if as_bytes else (conn.recv, conn.send)


@contextmanager
def each_with_child(
    theirs: Callable[[Any], None], time: Callable[[Any], float], last: Any, *, as_bytes: bool
) -> Iterator[dict[str, Timer]]:
    """Give timers for each side's pipe, at whose other end a child does `theirs` until it receives `last`."""
    ends: list[tuple[Any, Any]] = []
    timers: dict[str, Timer] = {}
    for side, make in SIDES.items():
        conn, child_conn = make()
        child_process = FORK.Process(target=theirs, args=(child_conn,))
        child_process.start()
        child_conn.close()
        ends.append((conn, child_process))
        timers[side] = partial(time, conn)
    try:
        yield timers
    finally:
        for conn, child_process in ends:
            ways(conn, as_bytes)[1](last)
            child_process.join()


if __name__ == "__main__":
    main()
