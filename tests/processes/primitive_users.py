"""What other processes do with primitives, in the tests of these. Each start method imports it by name."""

from __future__ import annotations

import contextlib
import os
import queue as standard_queue
import random
import signal
import threading
import warnings
from pathlib import Path
from typing import Any


def die() -> None:
    """End at once, with everything that this process has in its hands."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_with(acquired: Any, *more: Any) -> None:
    """Acquire what is given, and be killed."""
    for each in (acquired, *more):
        each.acquire()
    die()


def release(acquired: Any) -> None:
    """Release what another process has acquired."""
    acquired.release()


def hold(acquired: Any, conn: Any) -> None:
    """Acquire it, say so, and have it until told to release it."""
    acquired.acquire()
    conn.send(repr(acquired))
    conn.recv()
    acquired.release()
    conn.send("released")


def count_up(lock: Any, number: Any, times: int, n_threads: int) -> None:
    """Count, from several threads, in two steps between which nobody else may come."""

    def count() -> None:
        for _ in range(times):
            with lock:
                before = number.value
                number.value = before + 1

    threads = [threading.Thread(target=count) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(condition: Any, ready: Any, results: Any) -> None:
    """Wait for a condition, and tell how that ended."""
    with condition:
        ready.release()
        results.send(condition.wait(60))


def wait_for_event(event: Any, ready: Any, results: Any) -> None:
    """Wait for an event, and tell how that ended."""
    ready.release()
    results.send(event.wait(60))


def die_waiting(condition: Any, ready: Any) -> None:
    """Wait for a condition, and be killed meanwhile."""
    threading.Timer(0.2, die).start()
    with condition:
        ready.release()
        condition.wait()


def arrive(barrier: Any, results: Any) -> None:
    """Arrive at a barrier, and tell how that ended."""
    try:
        results.send(barrier.wait())
    except threading.BrokenBarrierError:
        results.send("broken")


def die_arriving(barrier: Any) -> None:
    """Arrive at a barrier, and be killed meanwhile."""
    threading.Timer(0.2, die).start()
    barrier.wait()


def use_all(things: list[Any], conn: Any) -> None:
    """Use one of each kind, and tell of what one sees of them."""
    lock, rlock, semaphore, bounded, condition, event, barrier = things
    with lock, rlock, semaphore, bounded, condition:
        condition.notify_all()
    event.set()
    index = barrier.wait(60)
    conn.send((index, _n_descriptors()))


def _n_descriptors() -> int:
    links = []
    for path in Path("/proc/self/fd").iterdir():
        # The folder's own is gone by now.
        with contextlib.suppress(FileNotFoundError):
            links.append(str(path.readlink()))
    return sum("memfd:ungil" in link for link in links)


def use_until_killed(things: list[Any], turns: Any, seed: int) -> None:
    """Use one thing after the other, in an order of one's own, and count the turns."""
    lock, rlock, semaphore, bounded, condition, queue = things
    random_ = random.Random(seed)

    def take_part() -> None:
        with condition:
            if random_.random() < 0.5:
                condition.notify(random_.randrange(3))
            else:
                condition.wait(0.002)

    def exchange() -> None:
        with contextlib.suppress(standard_queue.Full, standard_queue.Empty):
            queue.put((seed, bytes(random_.randrange(3000))), timeout=0.001)
            queue.get(timeout=0.001)

    def hold(*acquired: Any) -> None:
        for each in acquired:
            each.acquire()
        for each in acquired:
            each.release()

    ways = [
        lambda: hold(lock),
        lambda: hold(rlock, rlock),
        lambda: hold(semaphore),
        lambda: hold(bounded),
        take_part,
        exchange,
    ]
    warnings.simplefilter("ignore")
    while True:
        random_.choice(ways)()
        turns.value += 1


def pass_on(lock: Any, conn: Any) -> None:
    """Pass a lock on to a process of one's own."""
    from ungil.multiprocessing import get_context

    child = get_context("spawn").Process(target=hold, args=(lock, conn))
    child.start()
    child.join()
