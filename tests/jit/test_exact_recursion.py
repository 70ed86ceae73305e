"""Exact code recurs, and no deeper than the interpreter would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import exact_functions
import pytest

from ungil._exact import Exact


@pytest.mark.parametrize("function", exact_functions.RECURSIVE, ids=lambda function: function.__name__)
def test_recursion_goes_as_deep_as_in_the_interpreter(function: Callable[..., Any]) -> None:
    exact = Exact(function)
    depths = (0, 1, 2, 15, 20) if function is exact_functions.fibonacci else (0, 1, 20, 500, 900, 1500, 100_000)
    for depth in depths:
        ends = []
        for either in (function, exact):
            try:
                ends.append(either(depth))
            except RecursionError as error:
                ends.append(str(error))
        assert ends[0] == ends[1], depth
    assert sum(version.compiled for version in exact.versions) >= 3


def deeper(function: Callable[[int], int], frames: int, depth: int) -> int:
    return deeper(function, frames - 1, depth) if frames else function(depth)


def test_recursion_counts_the_frames_below() -> None:
    function = exact_functions.counted_down
    exact = Exact(function)
    limit = sys.getrecursionlimit()
    for frames in (0, 40, 90, 250, 400, limit - 150):
        for depth in (100, limit - frames - 200, limit - frames):
            ends = []
            for either in (function, exact):
                try:
                    ends.append(deeper(either, frames, depth))
                except RecursionError:
                    ends.append("too deep")
            assert ends[0] == ends[1], (frames, depth)
