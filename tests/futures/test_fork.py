"""Forks beside pools and futures: the child has what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

OutputOf = Callable[..., str]


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
