"""`await q.aget()` and `await q.aput()`: with tasks and threads, bounded, cancelled, shut down, with a loop closed."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from ungil.queue import Empty, LifoQueue, PriorityQueue, Queue, ShutDown

KINDS = [Queue, LifoQueue, PriorityQueue]


async def turns(is_so: Any) -> None:
    """Let other tasks run until it is so."""
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0)


def made(kind: Any, maxsize: int, is_open: bool) -> Any:
    queue = kind(maxsize)
    if is_open:
        assert len(queue.queue) == 0
    return queue


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("maxsize", [0, 1, 5])
def test_from_threads_to_tasks(maxsize: int, is_open: bool, threads: Any) -> None:
    queue = made(Queue, maxsize, is_open)
    n_items = 50 if is_open else 2000

    async def consume() -> list[int]:
        return [await queue.aget() for _ in range(n_items)]

    def put() -> None:
        for number in range(n_items):
            queue.put(number)

    threads.start(put)
    assert asyncio.run(consume()) == list(range(n_items))


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("maxsize", [0, 1, 5])
def test_from_tasks_to_threads(maxsize: int, is_open: bool, threads: Any) -> None:
    queue = made(Queue, maxsize, is_open)
    n_items = 50 if is_open else 2000
    got: list[int] = []

    async def produce() -> None:
        for number in range(n_items):
            await queue.aput(number)

    threads.start(lambda: got.extend(queue.get() for _ in range(n_items)))
    asyncio.run(produce())
    threads.join()
    assert got == list(range(n_items))


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_many_tasks_and_threads(kind: Any, is_open: bool, threads: Any) -> None:
    queue = made(kind, 3, is_open)
    n_each = 20 if is_open else 200
    got: list[Any] = []

    async def consume() -> None:
        for _ in range(n_each):
            got.append(await queue.aget())

    async def produce(number: int) -> None:
        for at in range(n_each):
            await queue.aput((at, number))

    async def main() -> None:
        await asyncio.gather(*(consume() for _ in range(20)), *(produce(number) for number in range(10)))

    for number in range(10, 20):
        threads.start(lambda number=number: [queue.put((at, number)) for at in range(n_each)])
    asyncio.run(asyncio.wait_for(main(), 100))
    threads.join()
    assert sorted(got) == sorted((at, number) for at in range(n_each) for number in range(20))
    assert queue.unfinished_tasks == 20 * n_each


def test_tasks_are_served_in_the_order_in_which_they_came() -> None:
    queue: Queue[int] = Queue()

    async def main() -> list[int]:
        tasks = []
        for number in range(10):
            tasks.append(asyncio.create_task(queue.aget()))
            await turns(lambda: queue.statistics().waiters == number + 1)
        queue.put_many(range(10))
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == list(range(10))


@pytest.mark.parametrize("is_open", [False, True])
def test_a_get_that_is_cancelled_before_anything_comes(is_open: bool) -> None:
    queue = made(Queue, 0, is_open)

    async def main() -> int:
        task = asyncio.create_task(queue.aget())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert queue.statistics().waiters == 0
        queue.put(1)
        return await queue.aget()

    assert asyncio.run(main()) == 1
    assert queue.empty()


@pytest.mark.parametrize("kind", KINDS)
def test_a_get_that_is_cancelled_when_it_has_just_been_handed_an_item(kind: Any) -> None:
    """The item goes back to where it came from, and is not counted twice."""
    queue = kind()

    async def main() -> None:
        task = asyncio.create_task(queue.aget())
        await turns(lambda: queue.statistics().waiters == 1)
        queue.put(1)
        queue.put(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert queue.unfinished_tasks == 2
    assert queue.qsize() == 2
    # Of a stack too: what had been taken is the next again.
    assert [queue.get(), queue.get()] == [1, 2]


def test_an_item_of_a_cancelled_get_goes_to_the_next_who_waits(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue()
    got: list[int] = []

    async def main() -> None:
        task = asyncio.create_task(queue.aget())
        await turns(lambda: queue.statistics().waiters == 1)
        threads.start(lambda: got.append(queue.get()))
        await turns(lambda: queue.statistics().waiters == 2)
        queue.put(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    threads.join()
    assert got == [1]


@pytest.mark.parametrize("maxsize", [0, 2])
def test_no_item_is_lost_when_tasks_are_cancelled_at_any_moment(maxsize: int, threads: Any) -> None:
    queue: Queue[int] = Queue(maxsize)
    n_items = 1000
    got: list[int] = []

    async def get() -> None:
        got.append(await queue.aget())

    async def main() -> None:
        async with asyncio.timeout(100):
            while len(got) < n_items:
                tasks = [asyncio.create_task(get()) for _ in range(4)]
                await asyncio.sleep(0)
                tasks[0].cancel()
                await asyncio.sleep(0)
                tasks[1].cancel()
                await asyncio.wait(tasks, timeout=0)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    threads.start(lambda: [queue.put(number) for number in range(n_items)])
    asyncio.run(main())
    threads.join()
    assert sorted(got) == list(range(n_items))
    assert queue.empty()


def test_a_put_that_is_cancelled_puts_nothing_and_keeps_no_room(threads: Any) -> None:
    queue: Queue[int] = Queue(1)
    queue.put(0)

    async def main(is_granted: bool) -> None:
        task = asyncio.create_task(queue.aput(1))
        await turns(lambda: queue.statistics().waiters == 1)
        if is_granted:
            assert queue.get() == 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert queue.statistics().waiters == 0

    asyncio.run(main(False))
    assert queue.get() == 0
    queue.put_nowait(0)
    asyncio.run(main(True))
    queue.put_nowait(2)
    assert queue.get() == 2
    assert queue.empty()
    assert queue.unfinished_tasks == 3


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("immediate", [False, True])
def test_a_shutdown_wakes_tasks_that_wait(immediate: bool, is_open: bool) -> None:
    empty, full = made(Queue, 0, is_open), made(Queue, 1, is_open)
    full.put(1)

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(empty.aget()) for _ in range(3)]
        tasks += [asyncio.create_task(full.aput(number)) for number in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        await asyncio.to_thread(empty.shutdown, immediate)
        await asyncio.to_thread(full.shutdown, immediate)
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)

    results = asyncio.run(main())
    assert [type(each) for each in results] == [ShutDown] * 6
    assert full.qsize() == (0 if immediate else 1)


def test_a_shutdown_while_a_task_has_been_handed_an_item() -> None:
    queue: Queue[int] = Queue()

    async def main() -> int:
        task = asyncio.create_task(queue.aget())
        await turns(lambda: queue.statistics().waiters == 1)
        queue.put(1)
        queue.shutdown()
        return await task

    assert asyncio.run(main()) == 1


def test_the_queue_is_opened_while_tasks_wait(threads: Any) -> None:
    empty: Queue[int] = Queue()
    full: Queue[int] = Queue(1)
    full.put(0)

    async def main() -> int:
        get, put = asyncio.create_task(empty.aget()), asyncio.create_task(full.aput(1))
        await turns(lambda: empty.statistics().waiters and full.statistics().waiters)
        with empty.mutex, full.mutex:
            assert list(full.queue) == [0]
        empty.put(5)
        assert full.get() == 0
        await asyncio.wait_for(put, 60)
        return await asyncio.wait_for(get, 60)

    assert asyncio.run(main()) == 5
    assert full.get() == 1


def test_the_queue_is_opened_when_a_cancelled_task_has_been_handed_an_item() -> None:
    queue: Queue[int] = Queue()

    async def main() -> None:
        task = asyncio.create_task(queue.aget())
        await turns(lambda: queue.statistics().waiters == 1)
        queue.put(1)
        queue.put(2)
        assert list(queue.queue) == [2]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert list(queue.queue) == [1, 2]
    assert queue.unfinished_tasks == 2


@pytest.mark.parametrize("is_put_before", [True, False], ids=["put before the close", "put after the close"])
def test_a_loop_that_is_closed_with_a_pending_get_takes_no_item(is_put_before: bool) -> None:
    """As when a program stops its loop and cancels nothing."""
    queue: Queue[str] = Queue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.aget())
    loop.run_until_complete(turns(lambda: queue.statistics().waiters == 1))
    if is_put_before:
        queue.put("item")
    task._log_destroy_pending = False  # type: ignore[attr-defined] - it is what the test is about
    loop.close()
    del task, loop
    gc.collect()
    if not is_put_before:
        queue.put("item")
    gc.collect()
    assert queue.get_nowait() == "item"


@pytest.mark.parametrize("is_got_before", [True, False], ids=["got before the close", "got after it"])
def test_a_loop_that_is_closed_with_a_pending_put_keeps_no_room(is_got_before: bool) -> None:
    queue: Queue[int] = Queue(1)
    queue.put(0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.aput(1))
    loop.run_until_complete(turns(lambda: queue.statistics().waiters == 1))
    if is_got_before:
        assert queue.get() == 0
    task._log_destroy_pending = False  # type: ignore[attr-defined] - it is what the test is about
    loop.close()
    del task, loop
    gc.collect()
    if not is_got_before:
        assert queue.get() == 0
    gc.collect()
    queue.put_nowait(2)
    assert queue.get() == 2
    with pytest.raises(Empty):
        queue.get_nowait()


def test_two_loops_in_two_threads(threads: Any) -> None:
    there: Queue[int] = Queue(2)
    back: Queue[int] = Queue(2)
    got: list[int] = []

    async def answer() -> None:
        for _ in range(500):
            await back.aput(await there.aget() * 2)

    async def ask() -> None:
        for number in range(500):
            await there.aput(number)
            got.append(await back.aget())

    threads.start(lambda: asyncio.run(asyncio.wait_for(answer(), 100)))
    threads.start(lambda: asyncio.run(asyncio.wait_for(ask(), 100)))
    threads.join(120)
    assert got == [2 * number for number in range(500)]


def test_a_coroutine_that_is_never_awaited_takes_nothing() -> None:
    queue: Queue[int] = Queue()
    queue.put(1)
    coroutine: Any = queue.aget()
    coroutine.close()
    assert queue.get_nowait() == 1


def test_a_comparison_that_raises_in_a_task() -> None:
    class Raises:
        def __lt__(self, other: object) -> bool:
            raise KeyError

    queue: PriorityQueue[Any] = PriorityQueue()

    async def main() -> None:
        await queue.aput(Raises())
        with pytest.raises(KeyError):
            await queue.aput(Raises())

    asyncio.run(main())
    assert (queue.qsize(), queue.unfinished_tasks) == (1, 1)


def test_the_loop_goes_on_while_a_task_waits() -> None:
    queue: Queue[int] = Queue()
    done = threading.Event()

    async def main() -> int:
        task = asyncio.create_task(queue.aget())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not task.done()
        done.set()
        queue.put(3)
        return await task

    assert asyncio.run(main()) == 3
    assert done.is_set()
