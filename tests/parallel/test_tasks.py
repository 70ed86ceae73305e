"""What tasks are, and how they are made one after the other."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
import weakref
from itertools import repeat
from types import MappingProxyType
from typing import Any

import pytest
import tasks

from ungil._core import _Elsewhere, _make_tasks
from ungil.parallel import Parallel, delayed


def documented(a: int, *, function: int = 0, self: int = 1) -> tuple[int, int, int]:
    """It has a text."""
    return a, function, self


def test_a_call_becomes_a_task() -> None:
    later = delayed(documented)
    assert later(1) == (documented, (1,), {})
    # Whatever they are called.
    assert later(1, function=2, self=3) == (documented, (1,), {"function": 2, "self": 3})
    assert type(later(1)[1]) is tuple and type(later(1)[2]) is dict


def test_it_looks_like_the_function() -> None:
    later = delayed(documented)
    assert (later.__name__, later.__doc__, later.__wrapped__) == ("documented", "It has a text.", documented)
    assert repr(later) == f"delayed({documented!r})"
    with pytest.raises(AttributeError):
        _ = later.no_such_thing
    assert delayed.__name__ == "delayed"
    assert "Args:" in (delayed.__doc__ or "")
    with pytest.raises(TypeError):
        delayed()  # type: ignore[call-arg]


def test_it_is_pickled_as_the_function_is() -> None:
    assert pickle.loads(pickle.dumps(delayed(tasks.square)))(3) == (tasks.square, (3,), {})


def test_in_a_class_it_is_a_method() -> None:
    class Thing:
        @delayed
        def method(self, x: int) -> tuple[Any, int]:
            return self, x

    thing = Thing()
    [function], args = {Thing.method.__wrapped__}, (thing, 3)
    assert thing.method(3) == (function, args, {})
    assert Parallel(1)([thing.method(3)]) == [(thing, 3)]


def test_a_cycle_through_it_is_collected() -> None:
    def function() -> None: ...

    function.later = delayed(function)  # type: ignore[attr-defined]
    reference = weakref.ref(function)
    del function
    gc.collect()
    assert reference() is None


def test_they_are_made_in_their_order() -> None:
    assert _make_tasks([delayed(pow)(2, i) for i in range(5)]) == [1, 2, 4, 8, 16]
    assert _make_tasks(iter([(int, ["z"], MappingProxyType({"base": 36}))])) == [35]
    assert _make_tasks([]) == []


def test_the_first_that_takes_long_is_the_last() -> None:
    made = _make_tasks([delayed(time.sleep)(0.02 if i == 3 else 0) for i in range(9)], 0.01)
    assert 1 <= len(made) <= 4


@pytest.mark.parametrize("task", [(abs,), abs, (abs, 1, {}), (abs, (1,), 2), (1, (), {}), (abs, (), {1: 2})])
def test_what_is_no_task_is_refused(task: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _make_tasks([task])


def test_what_a_task_raises_comes_out_of_it() -> None:
    made: list[int] = []
    with pytest.raises(ValueError, match="task 2"):
        _make_tasks([delayed(made.append)(1), delayed(tasks.FailsAt(2))(2), delayed(made.append)(3)])
    assert made == [1]


def test_a_signal_comes_between_tasks_that_are_not_in_python() -> None:
    timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        _make_tasks(repeat(delayed(abs)(1)), 1e9)
    timer.join()


def test_threads_are_kept_off_a_processor_and_come_back() -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("there is no affinity here")
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    number = thread.native_id or 0
    before = os.sched_getaffinity(number)
    try:
        with pytest.raises(ZeroDivisionError), _Elsewhere([number, -1, 2**30]):
            assert len(os.sched_getaffinity(number)) == max(len(before) - 1, 1)
            _ = 1 / 0
        assert os.sched_getaffinity(number) == before
    finally:
        end.set()
        thread.join()
