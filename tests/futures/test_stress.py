"""Many calls at once: none is lost and none is made twice, and what was given is not kept."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from implementation import IS_UNGIL, futures

N_THREADS = 8
# Of the standard library's, a tenth in about the same time.
N_CALLS = 1_000_000 if IS_UNGIL else 100_000
BATCH = 2_500


@pytest.mark.parametrize("max_workers", [1, 4])
def test_submissions_of_many_threads_with_cancellations_at_random(max_workers: int, threads: Any) -> None:
    """Each call marks a place of its own, and each cancellation that was granted marks the same place elsewhere."""
    made, cancelled, called_back = (bytearray(N_CALLS) for _ in range(3))

    def call(n: int) -> int:
        made[n] += 1
        return n

    def submit(first: int) -> None:
        chance = random.Random(first)
        mine = range(first, N_CALLS, N_THREADS)
        for begin in range(0, len(mine), BATCH):
            batch = []
            for n in mine[begin : begin + BATCH]:
                future = executor.submit(call, n)
                batch.append((n, future))
                kind = chance.random()
                if kind < 0.1:
                    cancelled[n] += future.cancel()
                elif kind < 0.2:
                    earlier, pending = chance.choice(batch)
                    cancelled[earlier] |= pending.cancel()
                elif kind < 0.3:
                    future.add_done_callback(lambda _, n=n: called_back.__setitem__(n, called_back[n] + 1))
                    called_back[n] += 1
            for n, future in batch:
                if cancelled[n]:
                    assert future.cancelled()
                else:
                    assert future.result(60) == n

    with futures.ThreadPoolExecutor(max_workers) as executor:
        for first in range(N_THREADS):
            threads.start(submit, first)
        threads.join(280)
    assert made.count(1) + cancelled.count(1) == N_CALLS
    assert all(one + other == 1 for one, other in zip(made, cancelled, strict=True))
    assert {*called_back} == {0, 2}
    assert cancelled.count(1) > 0
    assert executor._work_queue.qsize() == 0 or not IS_UNGIL


def test_shutdowns_beside_submissions(threads: Any) -> None:
    """What a pool has taken it makes, and what it refuses it does not."""
    for _ in range(100 if IS_UNGIL else 20):
        executor = futures.ThreadPoolExecutor(2)
        calls: list[int] = []
        taken: list[Any] = []

        def submit(executor: Any = executor, calls: list[int] = calls, taken: list[Any] = taken) -> None:
            try:
                for n in range(1000):
                    taken.append(executor.submit(calls.append, n))
            except RuntimeError as error:
                assert str(error) == "cannot schedule new futures after shutdown"

        for _ in range(3):
            threads.start(submit)
        threads.start(executor.shutdown)
        threads.join()
        executor.shutdown()
        assert len(calls) == len(taken)
        assert all(future.result(0) is None for future in taken)


@pytest.mark.parametrize("until", [futures.ALL_COMPLETED, futures.FIRST_COMPLETED])
def test_waits_beside_ends_and_cancellations(until: str, threads: Any) -> None:
    """Every wait ends, whatever comes first."""
    n_turns = 2_000 if IS_UNGIL else 300
    made = [[futures.Future() for _ in range(4)] for _ in range(n_turns)]

    def finish(seed: int) -> None:
        chance = random.Random(seed)
        for group in made:
            for future in group:
                if chance.random() < 0.5:
                    future.cancel()
                try:
                    if future.set_running_or_notify_cancel():
                        future.set_result(seed)
                except (RuntimeError, futures.InvalidStateError):
                    pass  # the other thread was there before

    def wait() -> None:
        for group in made:
            done, not_done = futures.wait(group, 60, until)
            assert done
            assert until != futures.ALL_COMPLETED or not not_done

    def iterate() -> None:
        for group in made:
            assert {*futures.as_completed(group, 60)} == {*group}

    logger = logging.getLogger("concurrent.futures")
    logger.disabled = True  # each of the ends that come second is logged
    try:
        for target, *args in ((wait,), (iterate,), (wait,), (finish, 1), (finish, 2)):
            threads.start(target, *args)
        threads.join(280)
    finally:
        logger.disabled = False


N_FUTURES = 1_000_000 if IS_UNGIL else 100_000

# Prints by how many MiB the most memory that the process had so far grows.
GROWTH = f"""
import resource
N = {N_FUTURES}

def most_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""


def test_as_completed_keeps_no_result(output_of: Callable[..., str]) -> None:
    """If it kept them, it would be 4 KiB for each future."""
    source = f"""{GROWTH}
pending = [Future() for _ in range(N)]
each = as_completed(pending)
pending.reverse()
pending[-1].set_result(bytes(4096))
before = None
for n, future in enumerate(each):
    assert len(future.result()) == 4096
    assert future is pending.pop()
    if pending:
        pending[-1].set_result(bytes(4096))
    if n == 0:
        before = most_memory()
print(n + 1, most_memory() - before)
"""
    n, growth = output_of(source).split()
    assert int(n) == N_FUTURES
    assert float(growth) < 64


def test_as_completed_over_many_that_are_done_stays_flat(output_of: Callable[..., str]) -> None:
    source = f"""{GROWTH}
done = [Future() for _ in range(N)]
for future in done:
    future.set_result(None)
each = as_completed(done)
n, before = 1, next(each) and most_memory()
for future in each:
    n += 1
print(n, most_memory() - before)
"""
    n, growth = output_of(source).split()
    assert int(n) == N_FUTURES
    assert float(growth) < 64


def test_a_pool_at_work_stays_flat(output_of: Callable[..., str]) -> None:
    source = f"""{GROWTH}
with ThreadPoolExecutor(2) as executor:
    for turn in range(N // 1000):
        assert sum(executor.map(abs, range(-1000, 0))) == 500500
        for future in as_completed([executor.submit(bytes, 1000) for _ in range(20)]):
            future.result()
        if turn == N // 10000:
            before = most_memory()
print(most_memory() - before)
"""
    assert float(output_of(source)) < 16
