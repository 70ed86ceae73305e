"""Our futures and executors in asyncio, which knows the standard ones: it takes ours by what they inherit from."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any

import pytest
from implementation import futures

Future, ThreadPoolExecutor = futures.Future, futures.ThreadPoolExecutor


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class TestWrapFuture:
    @pytest.mark.parametrize("in_another_thread", [True, False])
    def test_a_result_comes_over(self, in_another_thread: bool) -> None:
        async def main() -> object:
            future = Future()
            wrapped = asyncio.wrap_future(future)
            if in_another_thread:
                threading.Thread(target=future.set_result, args=("result",)).start()
            else:
                future.set_result("result")
            return await wrapped

        assert run(main()) == "result"

    def test_one_that_is_done_already(self) -> None:
        async def main() -> object:
            future = Future()
            future.set_result("result")
            return await asyncio.wrap_future(future)

        assert run(main()) == "result"

    def test_an_exception_comes_over(self) -> None:
        async def main() -> None:
            future = Future()
            wrapped = asyncio.wrap_future(future)
            future.set_exception(error)
            await wrapped

        error = KeyError("of it")
        with pytest.raises(KeyError) as raised:
            run(main())
        assert raised.value is error or raised.value.args == error.args

    def test_a_cancellation_comes_over(self) -> None:
        async def main() -> None:
            future = Future()
            wrapped = asyncio.wrap_future(future)
            assert future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wrapped
            assert wrapped.cancelled()

        run(main())

    def test_a_cancellation_goes_back(self) -> None:
        async def main() -> None:
            future = Future()
            wrapped = asyncio.wrap_future(future)
            assert wrapped.cancel()
            await asyncio.sleep(0)
            assert future.cancelled()

        run(main())

    def test_a_cancellation_of_what_runs_does_not(self) -> None:
        async def main() -> None:
            future = Future()
            future.set_running_or_notify_cancel()
            wrapped = asyncio.wrap_future(future)
            assert wrapped.cancel()
            await asyncio.sleep(0)
            assert future.running()
            future.set_result(1)
            await asyncio.sleep(0)

        run(main())

    def test_a_loop_that_is_closed_meanwhile(self) -> None:
        async def main() -> Any:
            future = Future()
            asyncio.wrap_future(future)
            return future

        future = run(main())
        future.set_result(1)
        assert future.result() == 1

    def test_a_timeout_cancels_it(self) -> None:
        async def main() -> None:
            future = Future()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(future), 0.001)
            await asyncio.sleep(0)
            assert future.cancelled()

        run(main())


class TestRunInExecutor:
    def test_a_call(self) -> None:
        async def main() -> object:
            with ThreadPoolExecutor(1, "mine") as executor:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(executor, lambda *args: (args, threading.current_thread().name), 1)

        assert run(main()) == ((1,), "mine_0")

    def test_many_calls(self) -> None:
        async def main() -> list[int]:
            with ThreadPoolExecutor(4) as executor:
                loop = asyncio.get_running_loop()
                return await asyncio.gather(*(loop.run_in_executor(executor, pow, n, 2) for n in range(1000)))

        assert run(main()) == [n * n for n in range(1000)]

    def test_an_exception(self) -> None:
        async def main() -> None:
            with ThreadPoolExecutor(1) as executor:
                await asyncio.get_running_loop().run_in_executor(executor, divmod, 1, 0)

        with pytest.raises(ZeroDivisionError):
            run(main())

    def test_a_call_that_waits_is_cancelled(self) -> None:
        async def main() -> None:
            loop, gate, calls = asyncio.get_running_loop(), threading.Event(), []
            with ThreadPoolExecutor(1) as executor:
                running = loop.run_in_executor(executor, gate.wait)
                waiting = loop.run_in_executor(executor, calls.append, 1)
                waiting.cancel()
                await asyncio.sleep(0)
                gate.set()
                assert await running
            assert calls == []

        run(main())

    def test_one_whose_submit_is_overridden(self) -> None:
        class Contextual(ThreadPoolExecutor):
            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
                return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)

        variable = contextvars.ContextVar("variable", default="default")

        async def main() -> object:
            variable.set("of the task")
            with Contextual(1) as executor:
                return await asyncio.get_running_loop().run_in_executor(executor, variable.get)

        assert run(main()) == "of the task"


class TestDefaultExecutor:
    def test_ours_may_be_it(self) -> None:
        """Since 3.11 a loop refuses what is no standard `ThreadPoolExecutor`; ours is one."""
        assert issubclass(ThreadPoolExecutor, concurrent.futures.ThreadPoolExecutor)

        async def main() -> tuple[str, str]:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(executor)
            return await asyncio.to_thread(lambda: threading.current_thread().name), await loop.run_in_executor(
                None, lambda: threading.current_thread().name
            )

        executor = ThreadPoolExecutor(1, "mine")
        assert run(main()) == ("mine_0", "mine_0")
        # `asyncio.run` shuts it down.
        assert executor._shutdown
        assert not any(thread.is_alive() for thread in executor._threads)

    def test_context_variables_come_with_to_thread(self) -> None:
        variable = contextvars.ContextVar("variable", default="default")

        async def main() -> str:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            variable.set("of the task")
            return await asyncio.to_thread(variable.get)

        assert run(main()) == "of the task"


def test_a_coroutine_from_a_task_of_the_pool() -> None:
    """`run_coroutine_threadsafe` gives a standard future, which ours may wait for together with theirs."""

    async def answer(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async def main() -> int:
        loop = asyncio.get_running_loop()

        def work() -> int:
            made = [asyncio.run_coroutine_threadsafe(answer(n), loop) for n in range(10)]
            made.append(executor.submit(int, 100))
            return sum(future.result() for future in futures.as_completed(made))

        with ThreadPoolExecutor(2) as executor:
            return await loop.run_in_executor(executor, work)

    assert run(main()) == 145
