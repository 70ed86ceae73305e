"""The end of the interpreter, forks and Ctrl-C: programs in processes of their own."""

from __future__ import annotations

import os
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
class TestFork:
    QUIET = ("-W", "ignore::DeprecationWarning")  # since 3.12 a fork with other threads beside is warned of

    IN_A_CHILD = """
def in_a_child(work):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            work()
            sys.stdout.flush()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

    def test_a_new_pool_in_the_child(self, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + """
executor = ThreadPoolExecutor(2)
executor.submit(int).result()
def work():
    with ThreadPoolExecutor(2) as executor:
        print(sum(executor.map(abs, range(10))))
in_a_child(work)
print(executor.submit(int, 3).result())
"""
        )
        assert output_of(source, *self.QUIET) == "45\n3\n"

    @pytest.mark.ours_only(reason="a standard pool's threads are not in the child, and it does not know")
    @pytest.mark.parametrize("busy", [False, True])
    def test_the_parents_pool_in_the_child(self, busy: bool, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + f"""
executor = ThreadPoolExecutor(2)
gate = threading.Event()
made = [executor.submit(gate.wait if {busy} else int) for _ in range(2)]
if not {busy}:
    wait(made)
def work():
    print(sum(executor.map(abs, range(10))))
    executor.shutdown()
for _ in range(3):
    in_a_child(work)
gate.set()
print(executor.submit(int, 3).result(), [future.done() for future in made])
"""
        )
        out = output_of(source, *self.QUIET)
        assert out.startswith("45\n45\n45\n3 ")

    def test_futures_that_are_done_or_the_childs_own(self, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + """
done, pending = Future(), Future()
done.set_result("result")
def work():
    print(done.result(), pending.done())
    calls = []
    pending.add_done_callback(calls.append)
    threading.Thread(target=pending.set_result, args=("of the child",)).start()
    print(pending.result(), next(as_completed([pending])) is pending, wait([done, pending]).not_done)
    until(lambda: calls == [pending])
in_a_child(work)
print(pending.done())
"""
        )
        assert output_of(source, *self.QUIET) == "result False\nof the child True set()\nFalse\n"

    def test_a_fork_while_others_wait_for_the_same_future(self, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + """
future, answers = Future(), []
for _ in range(3):
    threading.Thread(target=lambda: answers.append(future.result())).start()
def work():
    future.set_result("of the child")
    print(future.result(), len(answers))
in_a_child(work)
future.set_result("of the parent")
until(lambda: len(answers) == 3)
print(*set(answers))
"""
        )
        assert output_of(source, *self.QUIET) == "of the child 0\nof the parent\n"

    def test_forks_while_a_pool_is_at_work(self, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + """
stop = threading.Event()
executor = ThreadPoolExecutor(2)
def work_on():
    while not stop.is_set():
        assert list(executor.map(abs, range(50))) == list(range(50))
threads = [threading.Thread(target=work_on) for _ in range(2)]
for thread in threads:
    thread.start()
def work():
    with ThreadPoolExecutor(2) as mine:
        assert list(mine.map(abs, range(50))) == list(range(50))
for _ in range(30):
    in_a_child(work)
stop.set()
for thread in threads:
    thread.join()
print("ended")
"""
        )
        assert output_of(source, *self.QUIET) == "ended\n"

    def test_a_fork_in_a_task(self, output_of: OutputOf) -> None:
        source = (
            self.IN_A_CHILD
            + """
def work():
    with ThreadPoolExecutor(1) as executor:
        print(executor.submit(int, 1).result())
with ThreadPoolExecutor(1) as executor:
    executor.submit(in_a_child, work).result()
    print(executor.submit(int, 2).result())
"""
        )
        assert output_of(source, *self.QUIET) == "1\n2\n"


# Sends signals to the process, once `is_so`, until one has been handled while `call` ran. No other raises.
INTERRUPTING = """
armed = threading.Event()
is_raised = False

def handler(*_):
    global is_raised
    if armed.is_set() and not is_raised:
        is_raised = True
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, handler)

def interrupt_when(is_so):
    armed.wait()
    until(is_so)
    while not is_raised:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.02)

def expect_interrupt(call, is_so=lambda: True):
    thread = threading.Thread(target=interrupt_when, args=(is_so,))
    thread.start()
    try:
        armed.set()
        call()
    except KeyboardInterrupt:
        pass
    else:
        print("no interrupt")
    thread.join()
"""

WAITS = {
    "result": "future.result()",
    "result with a timeout": "future.result(1000)",
    "exception": "future.exception()",
    "wait": "wait([future, done])",
    "wait for the first": "wait([future], return_when=FIRST_COMPLETED)",
    "wait with a timeout": "wait([future], 1000)",
    "as_completed": "list(as_completed([done, future]))",
    "as_completed with a timeout": "list(as_completed([done, future], 1000))",
    "map": "list(executor.map(lambda _: gate.wait(), [1]))",
    "shutdown": "executor.shutdown()",
}


class TestCtrlC:
    @pytest.mark.parametrize("name", WAITS)
    def test_a_wait_is_interrupted(self, name: str, output_of: OutputOf) -> None:
        source = f"""
{INTERRUPTING}
gate = threading.Event()
future, done = Future(), Future()
done.set_result(1)
executor = ThreadPoolExecutor(1)
running = executor.submit(gate.wait)
expect_interrupt(lambda: {WAITS[name]})
# Nothing is harmed.
future.set_result("result")
print(future.result(), wait([future, done]).not_done)
gate.set()
print(running.result())
executor.shutdown()
"""
        assert output_of(source) == "result set()\nTrue\n"

    @pytest.mark.ours_only(reason="the standard `wait` leaves its waiter in the futures")
    @pytest.mark.parametrize("name", [name for name in WAITS if name.startswith(("wait", "as_completed"))])
    @pytest.mark.parametrize("made_by", ["Future", "standard.Future"])
    def test_an_interrupted_wait_leaves_nothing_behind(self, name: str, made_by: str, output_of: OutputOf) -> None:
        source = f"""
{INTERRUPTING}
future, done = {made_by}(), {made_by}()
done.set_result(1)
expect_interrupt(lambda: {WAITS[name]})
gc.collect()
print(list(future._waiters), list(done._waiters))
"""
        assert output_of(source) == "[] []\n"

    @pytest.mark.parametrize("name", [name for name in WAITS if name not in ("map", "shutdown")])
    def test_a_handler_may_finish_what_its_thread_waits_for(self, name: str, output_of: OutputOf) -> None:
        source = f"""
future, done = Future(), Future()
done.set_result(1)
n_handled = 0

def handler(*_):
    global n_handled
    n_handled += 1
    if n_handled == 3:
        future.set_result("of the handler")

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
{WAITS[name]}
signal.setitimer(signal.ITIMER_REAL, 0)
print(future.result())
"""
        assert output_of(source) == "of the handler\n"

    def test_a_task_is_not_interrupted(self, output_of: OutputOf) -> None:
        source = f"""
{INTERRUPTING}
def work():
    begun.set()
    gate.wait()
    return sum(range(1000))
begun, gate = threading.Event(), threading.Event()
with ThreadPoolExecutor(1) as executor:
    future = executor.submit(work)
    expect_interrupt(future.result, begun.is_set)
    gate.set()
    print(future.result())
"""
        assert output_of(source) == "499500\n"

    def test_the_end_of_a_block_is_interrupted_and_the_work_goes_on(self, output_of: OutputOf) -> None:
        source = f"""
{INTERRUPTING}
gate = threading.Event()
def block():
    with ThreadPoolExecutor(1) as executor:
        made.append(executor.submit(gate.wait))
        made.append(executor.submit(int, 5))
made = []
expect_interrupt(block, lambda: len(made) == 2)
gate.set()
print(made[1].result())
"""
        assert output_of(source) == "5\n"

    def test_the_exit_waits_though_the_main_thread_was_interrupted(self, ended: Any) -> None:
        source = """
executor = ThreadPoolExecutor(1)
gate = threading.Event()
executor.submit(lambda: (gate.wait(), print("worked")))
threading._register_atexit(gate.set)  # which is called before executors are waited for
raise KeyboardInterrupt
"""
        done = ended(source)
        assert done.stdout == "worked\n"
        assert done.stderr.endswith("KeyboardInterrupt\n")

    @pytest.mark.ours_only(reason="a standard pool that a handler interrupts may hang, or have lost a lock")
    def test_submissions_are_interrupted_and_none_is_lost(self, output_of: OutputOf) -> None:
        """A handler that raises in the middle of a submission leaves a pool that works, and each call made once."""
        source = """
calls = []
made = []
n_raised = 0
may_raise = False

def handler(*_):
    global may_raise, n_raised
    if may_raise:
        may_raise = False
        n_raised += 1
        raise InterruptedError

signal.signal(signal.SIGALRM, handler)
executor = ThreadPoolExecutor(2)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for turn in range(50):
    try:
        may_raise = True
        while True:
            made.append(executor.submit(calls.append, 1))
    except InterruptedError:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
executor.shutdown()
# A call whose future the interrupt has kept from us may have been made, too.
assert all(future.done() and future.result() is None for future in made)
print(0 <= len(calls) - len(made) <= n_raised, n_raised)
"""
        assert output_of(source) == "True 50\n"
