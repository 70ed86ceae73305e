"""What goes between processes: pipes beside those of `multiprocessing`, and pools beside those of others.

Of a pipe the other side is a forked child, which imports nothing anew. Between processes, the median of the rounds.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

from pools import pool_lines
from report import Line, parse, show
from turns import Timer, compare

import ungil.multiprocessing

SIDES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "ungil": ungil.multiprocessing.Pipe,
    "multiprocessing": multiprocessing.Pipe,
}

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


def ways(conn: Any, as_bytes: bool) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return how this end receives and sends."""
    return (conn.recv_bytes, conn.send_bytes) if as_bytes else (conn.recv, conn.send)


@contextmanager
def each_with_child(
    theirs: Callable[[Any], None], time: Callable[[Any], float], last: Any, *, as_bytes: bool
) -> Iterator[dict[str, Timer]]:
    """Give timers for each side's pipe, at whose other end a child does `theirs` until it receives `last`."""
    fork = multiprocessing.get_context("fork")
    ends: list[tuple[Any, Any]] = []
    timers: dict[str, Timer] = {}
    for side, make in SIDES.items():
        conn, child_conn = make()
        child = fork.Process(target=theirs, args=(child_conn,))
        child.start()
        child_conn.close()
        ends.append((conn, child))
        timers[side] = partial(time, conn)
    try:
        yield timers
    finally:
        for conn, child in ends:
            ways(conn, as_bytes)[1](last)
            child.join()


if __name__ == "__main__":
    main()
