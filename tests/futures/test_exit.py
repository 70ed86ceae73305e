"""The end of the interpreter: it waits for what was submitted, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OutputOf = Callable[..., str]


class TestExit:
    def test_it_waits_for_what_was_submitted(self, output_of: OutputOf) -> None:
        source = """
        executor = ThreadPoolExecutor(1)
        gate = threading.Event()
        executor.submit(gate.wait)
        for n in range(5):
            executor.submit(print, n)
        print("main is over", flush=True)
        gate.set()
        """
        assert output_of(source) == "main is over\n0\n1\n2\n3\n4\n"

    def test_it_waits_also_after_a_shutdown_that_did_not(self, output_of: OutputOf) -> None:
        source = """
        executor = ThreadPoolExecutor(2)
        gate = threading.Event()
        executor.submit(lambda: (gate.wait(), print("ended")))
        executor.shutdown(wait=False)
        print("main is over", flush=True)
        gate.set()
        """
        assert output_of(source) == "main is over\nended\n"

    def test_it_waits_for_a_pool_that_was_dropped(self, output_of: OutputOf) -> None:
        source = """
        gate = threading.Event()
        def use():
            executor = ThreadPoolExecutor(1)
            executor.submit(gate.wait)
            executor.submit(print, "ended")
        use()
        gc.collect()
        print("main is over", flush=True)
        gate.set()
        """
        assert output_of(source) == "main is over\nended\n"

    @pytest.mark.parametrize("error", ["ValueError", "KeyboardInterrupt", "SystemExit(3)"])
    def test_a_task_that_raises_meanwhile_says_nothing(self, error: str, output_of: OutputOf) -> None:
        source = f"""
        gate = threading.Event()
        def fail():
            gate.wait()
            raise {error}
        executor = ThreadPoolExecutor(1)
        executor.submit(fail)
        executor.submit(print, "the next")
        gate.set()
        """
        assert output_of(source) == "the next\n"

    def test_a_task_cannot_submit_any_more(self, output_of: OutputOf) -> None:
        source = """
        def submit():
            until(executor_is_closed)  # which the interpreter sees to at the main thread's end
            print("asked")
        def executor_is_closed():
            try:
                executor.submit(int)
            except RuntimeError as error:
                print(error)
                return True
        executor = ThreadPoolExecutor(1)
        executor.submit(submit)
        """
        assert output_of(source) in (
            "cannot schedule new futures after interpreter shutdown\nasked\n",
            "cannot schedule new futures after shutdown\nasked\n",
        )

    def test_nothing_is_taken_by_atexit(self, output_of: OutputOf) -> None:
        source = """
        import atexit
        executor = ThreadPoolExecutor(1)
        @atexit.register
        def last():
            for submit in (lambda: executor.submit(int), lambda: ThreadPoolExecutor(1).submit(int)):
                try:
                    submit()
                except RuntimeError as error:
                    print(error)
        """
        message = "cannot schedule new futures after interpreter shutdown\n"
        assert output_of(source) == message * 2

    def test_idle_threads_do_not_hold_it_up(self, output_of: OutputOf) -> None:
        source = """
        executors = [ThreadPoolExecutor(3) for _ in range(20)]
        for executor in executors:
            assert list(executor.map(abs, range(10))) == list(range(10))
        print("main is over")
        """
        assert output_of(source) == "main is over\n"

    def test_a_daemon_thread_may_wait_for_a_future(self, output_of: OutputOf) -> None:
        source = """
        future = Future()
        for ask in (future.result, lambda: future.exception(1000), lambda: wait([future]),
                    lambda: list(as_completed([future]))):
            threading.Thread(target=ask, daemon=True).start()
        print("main is over")
        """
        assert output_of(source) == "main is over\n"

    def test_a_daemon_thread_may_submit_all_the_time(self, ended: Any) -> None:
        source = """
        executor = ThreadPoolExecutor(2)
        n_done = 0
        def submit():
            global n_done
            try:
                while True:
                    executor.submit(int).result()
                    n_done += 1
            except RuntimeError:
                pass
        for _ in range(3):
            threading.Thread(target=submit, daemon=True).start()
        until(lambda: n_done > 100)
        sys.exit(7)
        """
        for _ in range(3):
            done = ended(source)
            assert (done.returncode, done.stdout, done.stderr) == (7, "", "")

    @pytest.mark.parametrize(
        "work",
        [
            "future = Future(); future.add_done_callback(call); future.set_result(1)",
            "future = Future(); future.add_done_callback(call); future.cancel()",
            "future = Future(); future.set_result(1); future.add_done_callback(call)",
            "future = Future(); future._waiters.append(waiter); future.set_result(1)",
        ],
    )
    def test_a_daemon_thread_may_be_in_a_callback(self, work: str, ended: Any) -> None:
        """CPython ends it where it next asks for the interpreter: in Python that a method of a future has called."""
        source = f"""
        n_done = 0
        def call(*_):
            time.sleep(0)
        class Waiter:
            add_result = call
        waiter = Waiter()
        def run():
            global n_done
            while True:
                {work}
                n_done += 1
        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        until(lambda: n_done > 100)
        sys.exit(7)
        """
        done = ended(source)
        assert (done.returncode, done.stdout, done.stderr) == (7, "", "")

    def test_a_future_that_is_done_when_modules_are_gone(self, output_of: OutputOf) -> None:
        source = """
        import builtins
        class Late:
            def __del__(self, future=Future(), print=print):
                future.add_done_callback(lambda done: print(done.result()))
                future.set_result("late")
        builtins.late = Late()
        """
        assert output_of(source) == "late\n"
