"""`Thread`: what programs know of the standard class, results, stop tokens, `Timer`, and what is freed when."""

from __future__ import annotations

import doctest
import functools
import gc
import re
import signal
import subprocess
import sys
import threading as standard
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Optional, TypeVar, Union

import pytest

import ungil._thread
from ungil.threading import Barrier, Event, StopRequested, StopToken, Thread, Timer

T = TypeVar("T")

# By which the standard class starts a thread.
START = "_start_joinable_thread" if sys.version_info >= (3, 13) else "_start_new_thread"


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[standard.ExceptHookArgs]:
    """What `threading.excepthook` was called with."""
    calls: list[standard.ExceptHookArgs] = []
    monkeypatch.setattr(standard, "excepthook", calls.append)
    return calls


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Whatever is freed is freed by its count of references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def arm() -> Iterator[Callable[[], None]]:
    """Gives a function: after a call, a Ctrl-C is raised once. It is pressed all the time."""
    main = standard.get_ident()
    armed = False

    def arm() -> None:
        nonlocal armed
        armed = True

    def handle(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    def press(token: StopToken) -> None:
        while not token.wait(0.001):
            signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, handle)
    pressing = started(press)
    yield arm
    pressing.stop()
    pressing.join()
    signal.signal(signal.SIGINT, before)


def started(target: Callable[..., Any], *args: Any, **kwargs: Any) -> Thread[Any]:
    thread = Thread(target=target, args=args, kwargs=kwargs)
    thread.start()
    return thread


def fail(error: BaseException) -> None:
    raise error


def run(program: str, *options: str) -> str:
    """Run a program in a process of its own, and return what it printed."""
    command = [sys.executable, *options, "-c", program]
    environment = {"PYTHONPATH": str(Path(ungil.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("public", [StopRequested, StopToken, Thread, Timer])
def test_the_examples_in_the_docstrings_run(public: type) -> None:
    # Without a module, the examples of inherited methods would be among them, and those of ours would not.
    examples = doctest.DocTestFinder().find(public, module=False, globs={})
    assert examples
    for example in examples:
        assert doctest.DocTestRunner().run(example).failed == 0


# The life of a thread.


def test_a_thread_calls_its_target() -> None:
    left: list[int] = []

    def countdown(n: int, step: int = 1) -> None:
        left.extend(n - i - 1 for i in range(0, n, step))

    thread = Thread(target=countdown, args=(4,), kwargs={"step": 2})
    assert left == []
    thread.start()
    thread.join()
    assert left == [3, 1]


def test_a_subclass_has_a_run_of_its_own() -> None:
    class CountdownThread(Thread):
        def __init__(self, n: int) -> None:
            super().__init__()
            self.n = n
            self.left: list[int] = []

        def run(self) -> None:
            self.left.extend(self.n - i - 1 for i in range(self.n))

    thread = CountdownThread(3)
    thread.start()
    thread.join()
    assert thread.left == [2, 1, 0]


@pytest.mark.parametrize("base", [standard.Thread, Thread])
def test_a_subclass_that_forgets_the_constructor_is_told(base: type[standard.Thread]) -> None:
    class CountdownThread(base):  # type: ignore[valid-type, misc]
        def __init__(self, n: int) -> None:
            self.n = n

    thread = CountdownThread(3)
    for method in (thread.start, thread.join, *([thread.result] if base is Thread else [])):
        with pytest.raises(RuntimeError, match=r"(?i)thread\.__init__\(\) not called"):
            method()
    with pytest.raises(AssertionError, match=r"Thread\.__init__\(\) was not called|not called"):
        repr(thread)


def test_a_subclass_may_call_the_standard_constructor() -> None:
    class Old(Thread):
        def __init__(self, function: Callable[..., object]) -> None:
            standard.Thread.__init__(self, target=function)

    def asks(token: StopToken) -> StopToken:
        return token

    for target in (asks, int):
        thread = Old(target)
        thread.start()
        assert thread.result() in (thread.stop_token, 0)


def test_names() -> None:
    def countdown() -> None: ...

    assert re.fullmatch(r"Thread-\d+", Thread().name)
    assert re.fullmatch(r"Thread-\d+ \(countdown\)", Thread(target=countdown).name)
    assert Thread(name="worker").name == "worker"
    thread = Thread()
    thread.name = "other"
    assert repr(thread) == "<Thread(other, initial)>"


def test_numbers() -> None:
    thread = Thread(target=lambda: [standard.get_ident(), standard.get_native_id()])
    assert [thread.ident, thread.native_id] == [None, None]
    thread.start()
    assert thread.result() == [thread.ident, thread.native_id]
    assert thread.ident != standard.get_ident()


def test_a_thread_is_alive_between_start_and_end() -> None:
    end = Event()
    thread = Thread(target=end.wait)
    assert not thread.is_alive()
    thread.start()
    assert thread.is_alive()
    assert thread in standard.enumerate()
    end.set()
    for _ in range(3):
        thread.join()
    assert not thread.is_alive()
    assert thread not in standard.enumerate()


def test_a_thread_starts_once() -> None:
    thread = started(int)
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()
    assert thread.result() == 0


def test_a_daemon_is_inherited_and_does_not_keep_the_process() -> None:
    assert not Thread().daemon
    daemon = Thread(target=lambda: Thread().daemon, daemon=True)
    daemon.start()
    assert daemon.result() is True
    program = """
from ungil.threading import Thread
begun = Thread().stop_token  # an event as good as any
def wait(begun, token: "StopToken"):
    begun.request_stop()
    token.wait()
    print("never")
Thread(target=wait, args=(begun,), daemon=True).start()
begun.wait()
print("over")
"""
    assert run(program) == "over\n"


def test_a_thread_is_a_standard_one_inside() -> None:
    thread = started(standard.current_thread)
    assert thread.result() is thread
    assert isinstance(thread, standard.Thread)


def test_options_go_to_the_standard_class() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nothing'"):
        Thread(nothing=1)
    with pytest.raises(AssertionError, match="group argument must be None"):
        Thread(group=1)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="threads have no context of their own")
def test_a_context_goes_to_the_standard_class() -> None:
    from contextvars import Context, ContextVar

    variable = ContextVar("variable", default=1)
    context = Context()
    context.run(variable.set, 2)
    thread = Thread(target=variable.get, context=context)
    thread.start()
    assert thread.result() == 2


def test_hooks_of_debuggers_see_the_target() -> None:
    seen: list[str] = []

    def target() -> None: ...

    standard.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name) if event == "call" else None)
    try:
        started(target).join()
    finally:
        standard.setprofile(None)
    assert seen.index("run") < seen.index("target")


def test_a_thread_that_could_not_be_started_can_be_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = Thread(target=int)
    with monkeypatch.context() as patched:
        patched.setattr(standard, START, lambda *_, **__: fail(RuntimeError("can't start new thread")))
        with pytest.raises(RuntimeError, match="can't start new thread"):
            thread.start()
    assert not thread.is_alive()
    thread.start()
    assert thread.result() == 0


# Results.


def test_the_result_is_what_the_target_returned() -> None:
    value = object()
    thread = started(lambda: value)
    assert thread.result() is value
    assert thread.result(timeout=0) is value
    assert Thread(target=lambda: value).run() is value


def test_the_result_is_what_the_target_raised(reported: list[standard.ExceptHookArgs]) -> None:
    error = ValueError("no")
    thread = started(fail, error)
    lengths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="no") as caught:
            thread.result()
        assert caught.value is error
        lengths.append(len(traceback.extract_tb(error.__traceback__)))
    assert len(set(lengths)) == 1
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[-3:] == ["result", "run", "fail"]
    assert [(call.thread, call.exc_type, call.exc_value) for call in reported] == [(thread, ValueError, error)]


def test_the_end_of_a_thread_alone_is_reported_as_ever(reported: list[standard.ExceptHookArgs]) -> None:
    thread = started(sys.exit, 3)
    with pytest.raises(SystemExit) as caught:
        thread.result()
    assert caught.value.code == 3
    assert [call.exc_type for call in reported] == [SystemExit]


def test_the_result_is_awaited_no_longer_than_asked() -> None:
    end = Event()
    thread = started(end.wait)
    for timeout in (0, -1, 0.001):
        with pytest.raises(TimeoutError, match=re.escape(f"{thread.name} was not over after {timeout} s")):
            thread.result(timeout)
    end.set()
    assert thread.result() is True


def test_a_thread_that_was_not_started_has_no_result() -> None:
    with pytest.raises(RuntimeError, match="before it is started"):
        Thread().result()


def test_a_thread_does_not_wait_for_itself() -> None:
    def wait_for_myself() -> None:
        thread = standard.current_thread()
        assert isinstance(thread, Thread)
        with pytest.raises(RuntimeError, match="cannot join current thread"):
            thread.result()

    started(wait_for_myself).result()


def test_the_result_is_what_a_subclass_returned() -> None:
    class Mixin:
        def run(self) -> Any:
            return "mixed in"

    class Alone(Thread):
        def run(self) -> Any:
            return "alone"

    class Around(Thread):
        def run(self) -> Any:
            return super().run() + 1

    class Mixed(Mixin, Thread): ...

    for thread, expected in ((Alone(), "alone"), (Around(target=int), 1), (Mixed(), "mixed in")):
        thread.start()
        assert thread.result() == expected


def test_a_subclass_that_returns_nothing_has_the_result_of_its_target() -> None:
    class Loud(Thread):
        def run(self) -> None:
            super().run()

    thread = Loud(target=lambda: 7)
    thread.start()
    assert thread.result() == 7


def test_a_subclass_may_handle_what_its_target_raised() -> None:
    class Calm(Thread):
        def run(self) -> Any:
            try:
                return super().run()
            except ValueError:
                return "handled"

    thread = Calm(target=int, args=("x",))
    thread.start()
    assert thread.result() == "handled"


def test_a_run_of_the_object_is_called_and_stays() -> None:
    thread = Thread()
    own = lambda: 5
    thread.run = own  # type: ignore[method-assign]
    thread.start()
    assert thread.result() == 5
    assert thread.run is own
    assert "run" not in vars(started(int))


def test_a_subclass_may_use_our_names() -> None:
    class Own(Thread):
        def __init__(self) -> None:
            self.stop_token = Event()  # type: ignore[assignment]
            super().__init__()
            self.result = None  # type: ignore[assignment, method-assign]
            self._value = self._failure = self._recorded = 1

        def run(self) -> None:
            self.result = self.stop_token  # type: ignore[assignment, method-assign]

        def join(self) -> None:  # type: ignore[override]
            self.stop_token.set()  # type: ignore[attr-defined]
            super().join()

    thread = Own()
    thread.start()
    thread.join()
    assert vars(thread)["result"] is thread.stop_token
    assert Thread.result(thread) is None


def test_a_subclass_may_be_generic() -> None:
    class Worker(Generic[T], Thread):
        def run(self) -> Any:
            return 1

    thread = Worker[int]()
    thread.start()
    assert thread.result() == 1
    assert Thread[int].__origin__ is Thread  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot be sent a signal")
def test_ctrl_c_ends_the_wait_and_not_the_thread(arm: Callable[[], None]) -> None:
    end = Event()
    thread = started(end.wait)
    for wait in (thread.join, thread.result, lambda: thread.join(1000), lambda: thread.result(1000)):
        with pytest.raises(KeyboardInterrupt):
            arm()
            wait()
        assert thread.is_alive()
    end.set()
    assert thread.result() is True


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_thread_that_was_lost_in_a_fork_has_no_result() -> None:
    program = """
import os
from ungil.threading import Thread
def wait(token: "StopToken"):
    token.wait()
thread = Thread(target=wait, name="lost")
thread.start()
child = os.fork()
if child == 0:
    try:
        thread.result()
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
thread.stop()
assert thread.result() is None
"""
    assert run(program, "-W", "ignore") == "lost has no result: it was running when the process forked\n"


# Stop tokens.


def test_a_token_is_asked_for_a_stop_once_and_for_all() -> None:
    token = StopToken()
    assert not token.stop_requested
    assert not token.wait(timeout=0)
    token.raise_if_stopped()
    assert re.fullmatch(r"<ungil\.StopToken at 0x[0-9a-f]+: no stop requested>", repr(token))
    for _ in range(2):
        token.request_stop()
        assert token.stop_requested
        assert token.wait()
        with pytest.raises(StopRequested, match="a stop was requested"):
            token.raise_if_stopped()
    assert re.fullmatch(r"<ungil\.StopToken at 0x[0-9a-f]+: stop requested>", repr(token))


def test_a_request_wakes_all_who_wait() -> None:
    token = StopToken()
    threads = [started(token.wait) for _ in range(8)]
    token.request_stop()
    assert [thread.result() for thread in threads] == [True] * 8


def test_a_task_ends_when_it_is_asked_to() -> None:
    class Task:
        def __init__(self) -> None:
            self.turns = 0
            self.turned = Event()

        def run(self, n: int, token: StopToken) -> str:
            while not token.stop_requested:
                self.turns += n
                self.turned.set()
            return "ended"

    task = Task()
    thread = started(task.run, 2)
    task.turned.wait()
    thread.stop()
    assert thread.result() == "ended"
    assert task.turns % 2 == 0


def test_a_stop_before_the_start_counts() -> None:
    def asked(token: StopToken) -> bool:
        return token.stop_requested

    thread = Thread(target=asked)
    thread.stop()
    thread.start()
    assert thread.result() is True


def test_a_thread_that_was_stopped_is_not_reported(reported: list[standard.ExceptHookArgs]) -> None:
    def work(token: StopToken) -> None:
        while True:
            try:
                token.wait()
                token.raise_if_stopped()
            except Exception:
                pytest.fail("a worker's handler swallowed the request")

    thread = started(work)
    thread.stop()
    for _ in range(2):
        with pytest.raises(StopRequested):
            thread.result()
    assert reported == []


def test_a_subclass_has_the_token() -> None:
    class Waiting(Thread):
        def run(self) -> Any:
            return self.stop_token.wait()

    thread = Waiting()
    thread.start()
    thread.stop()
    assert thread.result() is True


def test_a_thread_has_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    both_make_one = Barrier(2)

    def make() -> Event:
        both_make_one.wait()
        return Event()

    thread = Thread()
    monkeypatch.setattr(ungil._thread, "Event", make)
    looking = [started(lambda: thread.stop_token) for _ in range(2)]
    assert all(each.result() is thread.stop_token for each in looking)


def test_threads_may_share_a_token() -> None:
    def wait(token: StopToken) -> bool:
        return token.wait()

    token = StopToken()
    threads = [Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.stop_token = token
        thread.start()
    threads[0].stop()
    assert [thread.result() for thread in threads] == [True] * 4


def target_annotated(annotation: object) -> Callable[..., object]:
    """Return a function whose parameter has the annotation; it returns what it was given."""

    def target(token=None):  # type: ignore[no-untyped-def]
        return token

    target.__annotations__ = {"token": annotation}
    return target


ASKING = [
    StopToken,
    StopToken | None,
    Optional[StopToken],
    Union[None, StopToken],
    "StopToken",
    "StopToken | None",
    "None|StopToken",
    "ungil.threading.StopToken",
    "Optional[StopToken]",
    "typing.Union[threading.StopToken, None]",
    "'StopToken'",
]
SILENT = [
    Event,
    StopToken | Event,
    list[StopToken],
    Callable[[StopToken], None],
    StopToken(),
    None,
    "",
    "Event",
    "MyStopToken",
    "list[StopToken]",
    "Callable[[StopToken], None]",
    "None",
]


@pytest.mark.parametrize("annotation", ASKING, ids=str)
def test_a_target_asks_for_the_token_by_an_annotation(annotation: object) -> None:
    thread = started(target_annotated(annotation))
    assert thread.result() is thread.stop_token


@pytest.mark.parametrize("annotation", SILENT, ids=str)
def test_a_target_with_another_annotation_asks_for_nothing(annotation: object) -> None:
    assert started(target_annotated(annotation)).result() is None


class Asking:
    """Things to be called, which ask for the token in all the ways there are."""

    def method(self, *, token: StopToken) -> object:
        return token

    @classmethod
    def class_method(cls, token: StopToken) -> object:
        return token

    @staticmethod
    def static_method(token: StopToken, /) -> object:
        return token

    def __call__(self, n: int, token: StopToken, *rest: int) -> object:
        return token

    @functools.wraps(method)
    def wrapper(self, *args: Any, **kwargs: Any) -> object:
        return self.method(*args, **kwargs)

    def many(self, token: StopToken, other: StopToken | None = None) -> object:
        return token if token is other else None


@pytest.mark.parametrize(
    ("target", "args"),
    [
        (Asking().method, ()),
        (Asking.class_method, ()),
        (Asking.static_method, ()),
        (Asking(), (1,)),
        (Asking().wrapper, ()),
        (Asking().many, ()),
        (functools.partial(Asking(), 1), ()),
        (functools.partial(Asking(), n=1), ()),
    ],
)
def test_whatever_can_be_called_may_ask(target: Callable[..., object], args: tuple[int, ...]) -> None:
    thread = started(target, *args)
    assert thread.result() is thread.stop_token


def test_a_parameter_that_is_filled_is_left_alone() -> None:
    def target(n: object, token: StopToken | None = None, *rest: object, **more: object) -> object:
        return n, token, rest, more

    token = StopToken()
    assert started(target, 1, token).result() == (1, token, (), {})
    assert started(target, 1, token=token).result() == (1, token, (), {})
    assert started(target, 1, None).result() == (1, None, (), {})
    assert started(target, 1, token, 2, more=3).result() == (1, token, (2,), {"more": 3})
    assert started(functools.partial(target, token=token), 1).result() == (1, token, (), {})


def test_a_parameter_with_a_default_is_left_alone() -> None:
    token = StopToken()

    def target(token: StopToken = token) -> StopToken:
        return token

    assert started(target).result() is token


def test_a_positional_parameter_is_filled_only_in_its_turn() -> None:
    def next_to_come(n: int, token: StopToken, /) -> object:
        return token

    def later(n: int = 1, token: StopToken | None = None, /) -> object:
        return n, token

    thread = started(next_to_come, 1)
    assert thread.result() is thread.stop_token
    assert started(later).result() == (1, None)


def test_arguments_may_come_from_an_iterator() -> None:
    def target(n: int, token: StopToken) -> tuple[int, StopToken]:
        return n, token

    thread = Thread(target=target, args=iter([1]))
    thread.start()
    assert thread.result() == (1, thread.stop_token)


def test_what_has_no_signature_asks_for_nothing() -> None:
    class Strange:
        __signature__ = "none"

        def __call__(self, token: StopToken | None = None) -> object:
            return token

    assert started(Strange()).result() is None
    assert started(dict).result() == {}
    assert started(time.sleep, 0).result() is None


def test_arguments_that_do_not_fit_fail_as_ever(reported: list[standard.ExceptHookArgs]) -> None:
    def target(token: StopToken) -> None: ...

    for args in ((1, 2), ()):
        thread = started(target, *args, wrong=1)
        with pytest.raises(TypeError, match="target"):
            thread.result()
    assert len(reported) == 2


def test_programs_that_do_not_ask_do_not_pay() -> None:
    program = """
import sys, time
from ungil.threading import Thread
class Task:
    def run(self, n=1): pass
for target in (lambda n: None, time.sleep, Task().run):
    thread = Thread(target=target, args=(0,))
    thread.start()
    thread.result()
print("inspect" in sys.modules)
"""
    assert run(program, "-S") == "False\n"


# Timers.


def test_a_timer_calls_its_function() -> None:
    timer = Timer(0, lambda *args, **kwargs: (args, kwargs), [1, 2], {"three": 3})
    assert re.fullmatch(r"Thread-\d+", timer.name)
    assert not timer.finished.is_set()
    timer.start()
    assert timer.result() == ((1, 2), {"three": 3})
    assert timer.finished.is_set()


def test_timers_share_no_arguments() -> None:
    first, second = Timer(0, print), Timer(0, print)
    assert (first.interval, first.function, first.args, first.kwargs) == (0, print, [], {})
    assert first.args is not second.args
    assert first.kwargs is not second.kwargs


@pytest.mark.parametrize("end", [Timer.cancel, Timer.stop])
def test_a_timer_that_is_cancelled_calls_nothing(end: Callable[[Timer], None]) -> None:
    timer = Timer(3600, pytest.fail)
    timer.start()
    end(timer)
    assert timer.result() is None
    end(timer)


def test_the_function_of_a_timer_may_ask_for_the_token() -> None:
    running = Event()

    def function(token: StopToken) -> bool:
        running.set()
        return token.wait()

    timer = Timer(0, function)
    timer.start()
    running.wait()
    timer.stop()
    assert timer.result() is True


def test_what_the_function_of_a_timer_raises_is_its_result(reported: list[standard.ExceptHookArgs]) -> None:
    timer = Timer(0, int, ["x"])
    timer.start()
    with pytest.raises(ValueError, match="x"):
        timer.result()
    assert not timer.finished.is_set()
    assert [call.thread for call in reported] == [timer]


# What is freed.


def stopped(token: StopToken) -> None:
    token.request_stop()
    token.raise_if_stopped()


@pytest.mark.usefixtures("no_collector", "reported")
@pytest.mark.parametrize("target", [object, stopped])
def test_a_thread_that_is_over_is_freed_at_once(target: Callable[..., object]) -> None:
    thread = started(target)
    thread.join()
    freed = weakref.ref(thread)
    del thread
    assert freed() is None


@pytest.mark.usefixtures("no_collector")
def test_a_thread_that_was_never_started_is_freed_at_once() -> None:
    freed = weakref.ref(Thread(target=int))
    assert freed() is None


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("end", [None, SystemExit(), StopRequested()], ids=repr)
def test_what_a_thread_worked_with_is_freed_at_its_end(
    end: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard, "excepthook", lambda _: None)

    class Holder:
        thread: Thread[None]

    def target(holder: Holder, *, other: Holder, token: StopToken) -> None:
        if end is not None:
            raise end

    holder = Holder()
    holder.thread = thread = Thread(target=target, args=(holder,), kwargs={"other": holder})
    freed = weakref.ref(holder)
    thread.start()
    thread.join()
    del holder
    assert freed() is None


def test_a_thread_that_failed_is_freed_by_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard, "excepthook", lambda _: None)
    thread = started(fail, ValueError())
    with pytest.raises(ValueError):
        thread.result()
    freed = weakref.ref(thread)
    del thread
    gc.collect()
    assert freed() is None
