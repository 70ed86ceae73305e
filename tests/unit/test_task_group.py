"""`TaskGroup`: what its block waits for, how a failure stops the others, and which exceptions it raises then."""

from __future__ import annotations

import doctest
import gc
import re
import signal
import sys
import threading as standard
import traceback
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from ungil.threading import Barrier, Event, StopRequested, StopToken, TaskGroup, Thread


@pytest.fixture(autouse=True)
def reported(monkeypatch: pytest.MonkeyPatch) -> list[standard.ExceptHookArgs]:
    """What `threading.excepthook` was called with."""
    calls: list[standard.ExceptHookArgs] = []
    monkeypatch.setattr(standard, "excepthook", calls.append)
    return calls


def wait_for_stop(token: StopToken) -> str:
    token.wait()
    return "stopped"


def work_until_stopped(token: StopToken) -> None:
    token.wait()
    token.raise_if_stopped()


def fail(error: BaseException) -> None:
    raise error


class Ended(BaseException):
    """No `Exception`, and none of those that end a program."""


# By which the standard class starts a thread.
START = "_start_joinable_thread" if sys.version_info >= (3, 13) else "_start_new_thread"


def test_the_examples_in_the_docstrings_run() -> None:
    # Without a module, the examples of inherited methods would be among them, and those of ours would not.
    examples = doctest.DocTestFinder().find(TaskGroup, module=False, globs={})
    assert examples
    for example in examples:
        assert doctest.DocTestRunner().run(example).failed == 0


# What the block waits for.


def test_a_block_waits_for_its_threads() -> None:
    with TaskGroup() as group:
        begin = Event()
        threads = [group.submit(begin.wait) for _ in range(8)]
        assert all(thread.is_alive() for thread in threads)
        begin.set()
    assert not any(thread.is_alive() for thread in threads)
    assert [thread.result(timeout=0) for thread in threads] == [True] * 8


def test_a_block_waits_for_threads_that_threads_start() -> None:
    leaves = []

    def grow(group: TaskGroup, depth: int) -> None:
        if depth == 0:
            leaves.append(standard.current_thread())
        else:
            for _ in range(2):
                group.submit(grow, group, depth - 1)

    with TaskGroup() as group:
        group.submit(grow, group, 5)
    assert len(leaves) == 32
    assert not any(thread.is_alive() for thread in leaves)


def test_threads_may_start_threads_while_the_block_waits() -> None:
    with TaskGroup() as group:
        main_waits = Event()

        def start_another() -> Thread[str]:
            main_waits.wait()
            return group.submit(str, "late")

        first = group.submit(start_another)
        Thread(target=main_waits.set).start()
    assert first.result().result(timeout=0) == "late"


def test_a_thread_has_its_arguments_and_its_name() -> None:
    def target(*args: object, **kwargs: object) -> object:
        return args, kwargs

    with TaskGroup() as group:
        thread = group.submit(target, 1, self=2, target=3)
    assert type(thread) is Thread
    assert thread.result() == ((1,), {"self": 2, "target": 3})
    assert re.fullmatch(r"Thread-\d+ \(target\)", thread.name)


def test_a_group_shares_its_token() -> None:
    def asking(token: StopToken) -> StopToken:
        return token

    with TaskGroup() as group:
        threads = [group.submit(asking) for _ in range(2)]
        waiting = group.submit(wait_for_stop)
        assert all(thread.result() is thread.stop_token is group.stop_token for thread in threads)
        threads[0].stop()
    assert waiting.result() == "stopped"


def test_many_threads_may_start_threads_at_once() -> None:
    barrier = Barrier(8)
    with TaskGroup() as group:

        def start() -> list[Thread[int]]:
            barrier.wait()
            return [group.submit(int, number) for number in range(20)]

        starters = [group.submit(start) for _ in range(8)]
    assert [thread.result(timeout=0) for starter in starters for thread in starter.result()] == [*range(20)] * 8


def test_threads_that_are_over_are_let_go_of() -> None:
    with TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        freed = []
        for _ in range(200):
            thread = group.submit(object)
            thread.join()
            freed.append(weakref.ref(thread))
        del thread
        assert sum(reference() is not None for reference in freed) < 40
        group.stop_token.request_stop()
    assert waiting.result() == "stopped"
    assert not any(reference() for reference in freed)


# Failures.


def test_the_first_failure_stops_the_others(reported: list[standard.ExceptHookArgs]) -> None:
    error = ValueError("no")
    with pytest.raises(ExceptionGroup, match="failures in a TaskGroup") as caught, TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        working = group.submit(work_until_stopped)
        failing = group.submit(fail, error)
    assert caught.value.exceptions == (error,)
    assert waiting.result() == "stopped"
    with pytest.raises(StopRequested):
        working.result()
    with pytest.raises(ValueError) as again:
        failing.result()
    assert again.value is error
    assert reported == []


def test_all_failures_are_raised() -> None:
    errors = [ValueError(number) for number in range(4)]
    barrier = Barrier(len(errors))

    def fail_together(error: ValueError) -> None:
        barrier.wait()
        raise error

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        for error in errors:
            group.submit(fail_together, error)
    assert sorted(caught.value.exceptions, key=str) == errors
    assert type(caught.value) is ExceptionGroup


def test_a_failure_shows_where_it_happened() -> None:
    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.submit(fail, ValueError())
    assert traceback.extract_tb(caught.value.exceptions[0].__traceback__)[-1].name == "fail"
    assert caught.value.__suppress_context__


def test_a_failure_of_the_block_stops_the_threads() -> None:
    error = ValueError("no")
    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        raise error
    assert caught.value.exceptions == (error,)
    assert waiting.result() == "stopped"


def test_failures_of_the_block_and_of_threads_are_raised_together() -> None:
    def fail_when_stopped(token: StopToken) -> None:
        token.wait()
        raise KeyError

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.submit(fail_when_stopped)
        raise ValueError
    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]


def test_a_failure_that_others_saw_is_raised_once() -> None:
    error = ValueError("no")
    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        failing = group.submit(fail, error)
        waiting = Thread(target=failing.join)
        waiting.start()
        waiting.join()
        failing.result()
    assert caught.value.exceptions == (error,)


def test_other_exceptions_make_a_group_of_their_kind() -> None:
    with pytest.raises(BaseExceptionGroup) as caught, TaskGroup() as group:
        group.submit(fail, Ended())
    assert type(caught.value) is BaseExceptionGroup
    assert [type(error) for error in caught.value.exceptions] == [Ended]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_end_of_the_program_is_raised_as_itself(end: BaseException) -> None:
    with pytest.raises(type(end)) as caught, TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        group.submit(fail, end)
    assert caught.value is end
    assert waiting.result() == "stopped"

    with pytest.raises(type(end)) as caught, TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        raise end
    assert caught.value is end
    assert waiting.result() == "stopped"


@pytest.mark.parametrize("in_block", [True, False])
def test_an_end_of_the_program_has_the_failures_as_its_context(in_block: bool) -> None:
    error, end = ValueError(), SystemExit()

    def fail_when_stopped(token: StopToken) -> None:
        token.wait()
        raise error

    with pytest.raises(SystemExit) as caught, TaskGroup() as group:
        group.submit(fail_when_stopped)
        if in_block:
            raise end
        group.submit(fail, end)
    assert caught.value is end
    assert isinstance(end.__context__, ExceptionGroup)
    assert end.__context__.exceptions == (error,)


def test_a_generator_can_be_closed_inside_its_block() -> None:
    threads = []

    def generate() -> Generator[None]:
        with TaskGroup() as group:
            threads.append(group.submit(wait_for_stop))
            yield

    generator = generate()
    next(generator)
    generator.close()
    assert threads[0].result(timeout=0) == "stopped"


# Stops without a failure.


def test_a_group_that_is_asked_to_stop_has_not_failed() -> None:
    with TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        working = group.submit(work_until_stopped)
        group.stop_token.request_stop()
        group.stop_token.raise_if_stopped()
        pytest.fail("the block goes on")
    assert waiting.result() == "stopped"
    with pytest.raises(StopRequested):
        working.result()


def test_a_thread_that_ends_by_itself_stops_nobody() -> None:
    with TaskGroup() as group:
        group.submit(fail, StopRequested()).join()
        assert not group.stop_token.stop_requested


def test_a_group_that_was_asked_to_stop_starts_nothing() -> None:
    calls: list[int] = []
    with TaskGroup() as group:
        group.stop_token.request_stop()
        group.submit(calls.append, 1)
        pytest.fail("the block goes on")
    assert calls == []


def test_the_first_failure_ends_a_block_that_goes_on_starting() -> None:
    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.submit(fail, ValueError())
        while True:
            group.submit(int).join()
    assert [type(error) for error in caught.value.exceptions] == [ValueError]


def test_a_stop_passes_from_an_outer_group_through_an_inner_one() -> None:
    outer_stop = StopToken()
    with pytest.raises(StopRequested), TaskGroup() as inner:
        waiting = inner.submit(wait_for_stop)
        outer_stop.request_stop()
        outer_stop.raise_if_stopped()
    assert waiting.result() == "stopped"

    with TaskGroup() as outer:

        def inside(token: StopToken) -> None:
            with TaskGroup() as inner:
                inner.submit(wait_for_stop)
                token.wait()
                token.raise_if_stopped()

        thread = outer.submit(inside)
        outer.stop_token.request_stop()
    with pytest.raises(StopRequested):
        thread.result()


def test_failures_of_nested_groups_are_nested() -> None:
    def inside() -> None:
        with TaskGroup() as inner:
            inner.submit(fail, ValueError())

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as outer:
        outer.submit(inside)
    (nested,) = caught.value.exceptions
    assert isinstance(nested, ExceptionGroup)
    assert [type(error) for error in nested.exceptions] == [ValueError]


# A group's life.


def test_a_group_starts_threads_in_its_block_only() -> None:
    group = TaskGroup()
    with pytest.raises(RuntimeError, match=r"within its `with` block: this one is new"):
        group.submit(int)
    with group:
        pass
    with pytest.raises(RuntimeError, match=r"within its `with` block: this one is over"):
        group.submit(int)


def test_a_group_serves_one_block() -> None:
    group = TaskGroup()
    with group, pytest.raises(RuntimeError, match="serves one `with` block: this one is open"), group:
        pass
    with pytest.raises(RuntimeError, match="serves one `with` block: this one is over"), group:
        pass


def test_a_thread_that_cannot_be_started_leaves_the_group_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    with TaskGroup() as group:
        waiting = group.submit(wait_for_stop)
        with monkeypatch.context() as patched:
            patched.setattr(standard, START, lambda *_, **__: fail(RuntimeError("can't start new thread")))
            with pytest.raises(RuntimeError, match="can't start new thread"):
                group.submit(int)
        assert group.submit(int).result() == 0
        assert not group.stop_token.stop_requested
        waiting.stop()
    assert waiting.result() == "stopped"


def test_a_group_says_what_it_does() -> None:
    group = TaskGroup()

    def said() -> str:
        found = re.fullmatch(r"<ungil\.TaskGroup at 0x[0-9a-f]+: (.*)>", repr(group))
        assert found is not None
        return found[1]

    assert said() == "new threads=0 failures=0"
    with pytest.raises(ExceptionGroup), group:
        end = Event()
        group.submit(end.wait)
        assert said() == "open threads=1 failures=0"
        group.submit(fail, ValueError()).join()
        assert said() == "open stopping threads=1 failures=1"
        end.set()
    assert said() == "over stopping threads=0 failures=0"


def test_a_group_and_its_failures_are_freed() -> None:
    class Noticed(Exception): ...

    def fail_noticed(freed: list[weakref.ref[Any]]) -> None:
        error = Noticed()
        freed.append(weakref.ref(error))
        raise error

    freed: list[weakref.ref[Any]] = []
    group = TaskGroup()
    with pytest.raises(ExceptionGroup), group:
        group.submit(fail_noticed, freed)
    freed.append(weakref.ref(group))
    del group
    gc.collect()
    assert len(freed) == 2
    assert not any(reference() for reference in freed)


# Ctrl-C.


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Gives a function: after a call, Ctrl-C is raised in the next waits for a thread. It is pressed all the time."""
    main = standard.get_ident()
    join = Thread.join
    left = 0
    armed = False

    def interrupt(times: int) -> None:
        nonlocal left
        left = times

    def interrupted_join(thread: Thread[Any], timeout: float | None = None) -> None:
        nonlocal armed, left
        if standard.get_ident() == main and left > 0:
            left -= 1
            armed = True
        join(thread, timeout)

    def handle(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    def press(token: StopToken) -> None:
        while not token.wait(0.001):
            signal.pthread_kill(main, signal.SIGINT)

    monkeypatch.setattr(Thread, "join", interrupted_join)
    before = signal.signal(signal.SIGINT, handle)
    pressing = Thread(target=press)
    pressing.start()
    yield interrupt
    pressing.stop()
    join(pressing)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_the_threads_and_is_raised_at_their_end(interrupt: Callable[[int], None]) -> None:
    interrupt(1)
    with pytest.raises(KeyboardInterrupt), TaskGroup() as group:
        waiting = [group.submit(wait_for_stop) for _ in range(4)]
    assert [thread.result(timeout=0) for thread in waiting] == ["stopped"] * 4


def test_ctrl_c_in_the_middle_of_a_start_loses_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    start = getattr(standard, START)
    threads: list[Any] = []

    class Late(standard.Event):
        """Set by a thread that begins when somebody waits for it to."""

        def __init__(self, begin: Callable[[], object]) -> None:
            super().__init__()
            self.begin = begin

        def wait(self, timeout: float | None = None) -> bool:
            self.begin()
            return super().wait(timeout)

    def interrupted(bootstrap: Any, *args: Any, **kwargs: Any) -> None:
        threads.append(bootstrap.__self__)
        threads[0]._started = Late(lambda: start(bootstrap, *args, **kwargs))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), TaskGroup() as group, monkeypatch.context() as patched:
        patched.setattr(standard, START, interrupted)
        group.submit(wait_for_stop)
    assert threads[0].result(timeout=0) == "stopped"


def test_a_second_ctrl_c_leaves_at_once(
    interrupt: Callable[[int], None], reported: list[standard.ExceptHookArgs]
) -> None:
    end = Event()
    error = ValueError()

    def fail_in_the_end() -> None:
        end.wait()
        raise error

    interrupt(2)
    with pytest.raises(KeyboardInterrupt), TaskGroup() as group:
        left_behind = group.submit(fail_in_the_end)
    assert left_behind.is_alive()
    assert group.stop_token.stop_requested
    with pytest.raises(RuntimeError):
        group.submit(int)
    end.set()
    left_behind.join()
    assert [(call.thread, call.exc_value) for call in reported] == [(left_behind, error)]


def test_a_signal_handler_may_start_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Thread[str]] = []
    submit: Callable[..., Thread[str]]
    with TaskGroup() as group:
        start = Thread.start

        def start_and_be_interrupted(thread: Thread[Any]) -> None:
            if not started:
                started.append(Thread())
                signal.raise_signal(signal.SIGINT)
            start(thread)

        submit = group.submit
        monkeypatch.setattr(Thread, "start", start_and_be_interrupted)
        before = signal.signal(signal.SIGINT, lambda *_: started.append(submit(str, "from the handler")))
        try:
            thread = group.submit(str, "from the block")
        finally:
            signal.signal(signal.SIGINT, before)
    assert thread.result(timeout=0) == "from the block"
    assert started[1].result(timeout=0) == "from the handler"
