"""Items of a `PriorityQueue` come out as they do from the standard one, whatever they are compared by."""

from __future__ import annotations

import queue
from collections import namedtuple
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ungil.queue as ungil_queue
from ungil.queue import PriorityQueue

NAN = float("nan")
Named = namedtuple("Named", "priority item")

INTS = st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**100]))
FLOATS = st.one_of(st.floats(-2, 2, width=16), st.sampled_from([NAN, -0.0, float("inf"), float("-inf")]))
NUMBERS = st.one_of(INTS, FLOATS, st.booleans(), st.fractions(-2, 2, max_denominator=3).map(Fraction))
TEXTS = st.sampled_from(["", "a", "b", "ab", "ä", "😀", "\udc80"])
ELEMENTS = st.one_of(NUMBERS, TEXTS)


def in_order(module: Any, items: list[Any]) -> list[Any]:
    """Put and get items in turns, then get the rest; what failed stands for itself."""
    line = module.PriorityQueue()
    out: list[Any] = []

    def attempt(act: Any) -> None:
        try:
            out.append(act())
        except TypeError as error:
            out.append(str(error))

    for place, item in enumerate(items):
        attempt(lambda item=item: line.put(item))
        if place % 3 == 2:
            attempt(lambda: line.get(block=False) if line.qsize() else None)
    while line.qsize():
        before = line.qsize()
        attempt(lambda: line.get(block=False))
        if line.qsize() == before:
            break
    return out


@pytest.mark.parametrize(
    "elements",
    [
        INTS,
        FLOATS,
        NUMBERS,
        TEXTS,
        st.tuples(INTS, TEXTS),
        st.tuples(FLOATS, TEXTS, INTS),
        st.tuples(NUMBERS, ELEMENTS.filter(lambda element: not isinstance(element, str))),
        st.lists(INTS, max_size=3).map(tuple),
        st.builds(Named, INTS, INTS),
    ],
)
def test_the_order_is_the_standard_one(elements: st.SearchStrategy[Any]) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(elements, max_size=40))
    def check(items: list[Any]) -> None:
        ours, theirs = in_order(ungil_queue, items), in_order(queue, items)
        # NaNs are told apart by identity alone.
        assert list(map(repr, ours)) == list(map(repr, theirs))

    check()


def test_a_nan_in_two_tuples_is_equal_to_itself_and_unlike_another() -> None:
    line = PriorityQueue[tuple[float, int]]()
    for item in ((NAN, 2), (NAN, 1), (NAN, 3)):
        line.put(item)
    assert [line.get()[1] for _ in range(3)] == [1, 2, 3]


def test_of_equal_numbers_those_come_first_that_come_first_from_heapq() -> None:
    items = [1, True, 1.0, Fraction(1), 1, 1.0, True]
    assert list(map(repr, in_order(ungil_queue, items))) == list(map(repr, in_order(queue, items)))


def test_a_tuple_without_elements_is_the_least_of_tuples() -> None:
    items = [(1,), (), (0, "a"), ()]
    assert in_order(ungil_queue, items) == in_order(queue, items)
