"""Ctrl-C and other signals during waits and submissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OutputOf = Callable[..., str]


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

    @pytest.mark.ours_only(reason="the start of a standard thread that a handler interrupts may be taken back halfway")
    def test_threads_that_a_handler_interrupts_as_they_start_make_their_calls(self, output_of: OutputOf) -> None:
        """A handler that raises at any moment of the first submissions neither loses a thread nor has one complain."""
        source = """
may_raise = False

def handler(*_):
    global may_raise
    if may_raise:
        may_raise = False
        raise InterruptedError

signal.signal(signal.SIGALRM, handler)
n_interrupted = 0
for turn in range(400):
    executor = ThreadPoolExecutor(2)
    made = []
    may_raise = True
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.000_02 + 0.000_001 * turn)
        made += [executor.submit(int), executor.submit(int)]
        time.sleep(0.001)
    except InterruptedError:
        n_interrupted += 1
    may_raise = False
    executor.shutdown()
    assert all(future.result() == 0 for future in made)
print(n_interrupted > 200)
"""
        assert output_of(source) == "True\n"
