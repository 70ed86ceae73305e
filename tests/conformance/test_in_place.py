"""Tests in the place of those of CPython that left_out.py lists, as far as there is something of ours to test."""

from __future__ import annotations

import sys
from types import UnionType

import pytest
from implementation import IS_UNGIL, threading


def test_an_event_works_after_at_fork_reinit() -> None:
    event = threading.Event()
    event._at_fork_reinit()
    assert not event.wait(0)
    event.set()
    event._at_fork_reinit()
    assert event.wait(0)


def test_a_lock_takes_no_arguments() -> None:
    for arguments, options in (((1,), {}), ((), {"a": 1}), ((1, 2), {"a": 1})):
        with pytest.raises(TypeError):
            threading.Lock(*arguments, **options)


def test_a_lock_is_not_subclassed() -> None:
    with pytest.raises(TypeError):
        type("MyLock", (threading.Lock,), {})


@pytest.mark.skipif(not IS_UNGIL and sys.version_info < (3, 13), reason="the standard Lock was a function")
def test_a_lock_or_none_is_a_type() -> None:
    assert isinstance(threading.Lock | None, UnionType)
