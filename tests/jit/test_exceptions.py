"""Exceptions raised by compiled code: class, arguments, and a traceback that shows the user's lines."""

from __future__ import annotations

import traceback

import pytest

from ungil import njit, prange


class Own(Exception):
    pass


class OwnWithArguments(ValueError):
    def __init__(self, code, text="default"):
        super().__init__(code, text)
        self.code = code


def raises(n):
    if n == 0:
        raise ValueError
    if n == 1:
        raise ValueError("one")
    if n == 2:
        raise Own("two", 2, 2.5, None, (1, "x"))
    if n == 3:
        raise OwnWithArguments(42)
    if n == 4:
        raise IndexError()
    if n == 5:
        raise StopIteration(-1)
    return n


def calls_raises(n):
    return raises(n) + 1


def outer(n):
    x = calls_raises(n)
    return x * 2


def divides(a, b):
    return a // b


@pytest.mark.parametrize("function", [raises, outer])
def test_exceptions_arrive_as_themselves(agrees, function) -> None:
    agrees(function, [(n,) for n in range(7)])


def test_the_class_is_called(agrees) -> None:
    with pytest.raises(OwnWithArguments) as caught:
        njit(raises)(3)
    assert caught.value.code == 42
    assert caught.value.args == (42, "default")


def test_the_traceback_shows_each_compiled_frame() -> None:
    with pytest.raises(ValueError, match="one") as caught:
        njit(outer)(1)
    entries = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert [(entry.name, entry.line) for entry in entries] == [
        ("outer", "x = calls_raises(n)"),
        ("calls_raises", "return raises(n) + 1"),
        ("raises", 'raise ValueError("one")'),
    ]
    assert {entry.filename for entry in entries} == {__file__}


def test_errors_of_operators_have_a_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        njit(divides)(1, 0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "return a // b"


def parallel_raises(n, where):
    s = 0
    for i in prange(n):
        if i >= where:
            raise IndexError("at or after", 1)
        s += i
    return s


def test_the_body_of_a_parallel_loop_may_raise() -> None:
    compiled = njit(parallel=True)(parallel_raises)
    assert compiled(1000, 1000) == sum(range(1000))
    for where in (0, 1, 500, 999):
        with pytest.raises(IndexError) as caught:
            compiled(1000, where)
        assert caught.value.args == ("at or after", 1)


def test_the_first_of_several_exceptions_wins() -> None:
    @njit(parallel=True)
    def f(n):
        for i in prange(n):
            if i == 700:
                raise ValueError("700")
            if i > 600:
                raise IndexError("after 600")
        return 0

    for _ in range(20):
        with pytest.raises(IndexError, match="after 600"):
            f(1000)


def test_each_exception_is_new() -> None:
    compiled = njit(raises)
    errors = []
    for _ in range(2):
        try:
            compiled(1)
        except ValueError as error:
            errors.append(error)
    assert errors[0] is not errors[1]
    assert errors[0].__context__ is None


def test_a_class_whose_constructor_fails() -> None:
    class Fails(Exception):
        def __init__(self):
            raise KeyError("from the constructor")

    @njit
    def f():
        raise Fails

    with pytest.raises(KeyError, match="from the constructor"):
        f()
