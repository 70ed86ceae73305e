"""Large arrays: shared with other processes and not copied, as `mmap_mode` says, and gone when the call is over."""

from __future__ import annotations

import contextlib
import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tasks

from ungil.parallel import Parallel, delayed


def place(array: Any) -> tuple[bool, bool, float]:
    """Say whether it is in memory that other processes map, may be written to, and its sum."""
    address = array.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= address < end:
            return line.split()[1].endswith("s"), array.flags.writeable, float(array.sum())
    raise AssertionError("it is nowhere")


def test_it_is_shared_once_and_read_only() -> None:
    array = np.arange(300_000, dtype=float)
    parallel = Parallel(2, "processes", batch_size=1)
    for shared, is_writable, total in parallel(delayed(place)(array) for _ in range(20)):
        assert shared
        assert not is_writable
        assert total == array.sum()
    assert parallel.statistics().shared_bytes == array.nbytes


def test_wherever_it_is_in_the_arguments() -> None:
    array = np.arange(300_000)
    parallel = Parallel(2, "processes", batch_size=1)
    found = parallel(delayed(lambda x: x["here"][0].sum())({"here": [array]}) for _ in range(4))
    assert found == [array.sum()] * 4
    assert parallel.statistics().shared_bytes == array.nbytes


@pytest.mark.parametrize(("mode", "shared", "writable"), [("r", True, False), ("r+", True, True), ("w+", True, True)])
def test_modes_that_share(mode: str, shared: bool, writable: bool) -> None:
    array = np.ones(300_000)
    assert Parallel(2, "processes", mmap_mode=mode)([delayed(place)(array)] * 3) == [(shared, writable, 300_000)] * 3


@pytest.mark.parametrize("mode", ["c", None])
def test_modes_that_copy(mode: str | None) -> None:
    array = np.ones(300_000)
    assert Parallel(2, "processes", mmap_mode=mode)(delayed(tasks.write_to)(array, i) for i in range(4)) == [0, 1, 2, 3]
    assert array[0] == 1


def test_the_caller_sees_no_writes() -> None:
    array = np.ones(300_000)
    Parallel(2, "processes", mmap_mode="r+")(delayed(tasks.write_to)(array, 5.0) for _ in range(4))
    assert array[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        Parallel(2, "processes")(delayed(tasks.write_to)(array, 5.0) for _ in range(4))


@pytest.mark.parametrize("max_nbytes", [1, "1M", None])
@pytest.mark.parametrize("dtype", ["<i4", ">i4", "f8", "U3", "O", [("a", "i4"), ("b", "f8")]])
def test_values_stay(max_nbytes: Any, dtype: Any) -> None:
    array = np.ones((2, 3), dtype=dtype)
    for array_there in Parallel(2, "processes", max_nbytes=max_nbytes)([delayed(tasks.identity)(array)] * 3):
        assert array_there.dtype == array.dtype
        np.testing.assert_array_equal(array_there, array)


LAYOUTS = [lambda a: a.T, lambda a: a[::2], lambda a: a[:, 1:], np.asfortranarray, lambda a: a[:0]]


@pytest.mark.parametrize("make", LAYOUTS)
def test_layouts_stay(make: Any) -> None:
    array = make(np.arange(600_000, dtype=float).reshape(600, 1000))
    (there,) = Parallel(2, "processes", max_nbytes=1)([delayed(tasks.identity)(array)] * 1)
    np.testing.assert_array_equal(there, array)


def test_results_are_the_callers_own() -> None:
    array = np.ones(300_000)
    results = Parallel(2, "processes")([delayed(np.negative)(array)] * 3)
    results[0][0] = 7
    assert results[1][0] == -1


def test_arrays_that_are_made_on_the_way_are_gone_when_they_are_done() -> None:
    def descriptors() -> int:
        found = 0
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 -- names of what may be gone
            # The folder's own is gone by now.
            with contextlib.suppress(FileNotFoundError):
                found += "memfd:" in os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        return found

    parallel = Parallel(2, "processes", "generator", batch_size=1)
    most = 0
    gc.collect()
    before = descriptors()
    for total in parallel(delayed(np.sum)(np.full(200_000, i)) for i in range(50)):
        assert total % 200_000 == 0
        most = max(most, descriptors())
    gc.collect()
    assert descriptors() <= before + 10
