"""Arrays that processes share: by handle there and back, views of them, and what is no such array."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pool_calls
import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("there is no such memory here", allow_module_level=True)

from ungil import shared
from ungil._process_pool import worker
from ungil.futures import ProcessPoolExecutor
from ungil.multiprocessing import Process, Queue


@pytest.fixture(scope="module")
def single() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1) as made:
        yield made


def made_there(n: int) -> Any:
    return shared.copy(np.arange(n))


def fill_and_return(array: Any, value: float) -> Any:
    array[...] = value
    return array


def send_one(queue: Any, is_sent: Any) -> None:
    array = shared.copy(np.arange(5))
    queue.put(array)
    is_sent.get()


def n_files(pid: int | str) -> int:
    links = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(path.readlink()))
        except FileNotFoundError:
            continue
    return sum("memfd" in link for link in links)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", ">i4", "U5", "datetime64[s]", [("a", "i4"), ("b", "f8")]])
def test_a_large_copy_has_every_value(dtype: Any, order: Any) -> None:
    array = np.zeros((600, 1000), dtype=dtype, order=order)
    field = array["b"] if array.dtype.names else array
    field[...] = np.arange(600_000).reshape(600, 1000)
    made = shared.copy(array)
    np.testing.assert_array_equal(made, array)
    assert made.flags.f_contiguous == array.flags.f_contiguous


def test_what_one_process_writes_the_other_sees(single: ProcessPoolExecutor) -> None:
    array = shared.array((100, 50), dtype="float32")
    back = single.submit(fill_and_return, array, 3.0).result()
    assert (array == 3).all() and type(back) is shared.SharedArray
    back[0, 0] = 9
    assert array[0, 0] == 9
    assert single.submit(float, array[0, 0]).result() == 9


@pytest.mark.parametrize("view", [np.s_[2:5], np.s_[::2, ::-3], np.s_[..., 1], np.s_[3:3], np.s_[7, None, 4:]], ids=str)
def test_views_go_by_handle(single: ProcessPoolExecutor, view: Any) -> None:
    array = shared.copy(np.arange(80.0).reshape(8, 10))
    expected = np.array(array)
    expected[view] = -1
    back = single.submit(fill_and_return, array[view], -1).result()
    assert np.array_equal(array, expected) and back.shape == expected[view].shape


@pytest.mark.parametrize("make", [lambda a: a.T, lambda a: a.view("uint8"), lambda a: a.reshape(-1), np.ravel])
def test_other_views_do_too(single: ProcessPoolExecutor, make: Any) -> None:
    array = shared.copy(np.arange(12, dtype="int32").reshape(3, 4))
    single.submit(fill_and_return, make(array), 0).result()
    assert not array.any()


def test_what_is_computed_is_a_plain_array(single: ProcessPoolExecutor) -> None:
    array = shared.array(4)
    for made in (array + 1, np.sqrt(array), -array, array == 0):
        assert type(made) is np.ndarray
    assert type(array.sum()) is np.float64
    copied = single.submit(fill_and_return, array.copy(), 5.0).result()
    assert (copied == 5).all() and not array.any()


def test_copies_have_memory_of_their_own() -> None:
    array = shared.array(4)
    for other in (copy.deepcopy(array), shared.copy(array)):
        other += 1
        assert type(other) is shared.SharedArray and not array.any()
    again = pickle.loads(pickle.dumps(array))
    again += 1
    assert (array == 1).all()


def test_what_a_process_makes_comes_back(single: ProcessPoolExecutor) -> None:
    futures = [single.submit(made_there, n) for n in range(1, 100)]
    gc.collect()
    for n, future in enumerate(futures, 1):
        assert future.result().tolist() == list(range(n))


def test_nothing_piles_up(single: ProcessPoolExecutor) -> None:
    pid = single.submit(os.getpid).result()
    counts = []
    for _ in range(3):
        for n in range(1, 50):
            single.submit(pool_calls.double, shared.array(n)).result()
            single.submit(made_there, n).result()
        gc.collect()
        single.submit(made_there, 1).result()
        counts.append((n_files("self"), n_files(pid)))
    # A worker lets go of what it made when it next answers after the parent has.
    assert counts[2][0] == counts[0][0] and counts[2][1] <= counts[0][1] + 3


class LinkOfOneBlock:
    """The link of a worker whose parent reads each answer late, but before it sends the next call."""

    def __init__(self, n_calls: int) -> None:
        self.n_left = n_calls
        self.is_read = True

    def receive(self) -> tuple[int, int, bytes, None]:
        self.is_read = True
        self.n_left -= 1
        if self.n_left < 0:
            raise EOFError
        return worker._CALL, self.n_left, pickle.dumps((made_there, (3,), {})), None

    def send(self, kind: int, number: int, data: bytes, buffers: list[bytes]) -> int:
        assert kind == worker._RETURNED, pickle.loads(data)
        self.is_read = False
        # One block is free again each time.
        return 0

    def is_lent(self, index: int) -> bool:
        return not self.is_read


def test_what_the_parent_has_read_is_not_kept_because_of_what_comes_next() -> None:
    before = signal.getsignal(signal.SIGINT)
    link: Any = LinkOfOneBlock(5)
    made = worker._Worker(link, None, None, is_pool=False)
    try:
        made.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(made._kept) == 1


def test_an_argument_is_kept_until_the_call_is_made(single: ProcessPoolExecutor) -> None:
    single.submit(pool_calls.pause_and_return, 0.1, None)
    future = single.submit(np.sum, shared.copy(np.ones(1000)))
    gc.collect()
    assert future.result() == 1000


def test_other_ways_between_processes_take_it() -> None:
    queue, is_sent = Queue(), Queue()
    process = Process(target=send_one, args=(queue, is_sent))
    process.start()
    received = queue.get(timeout=60)
    is_sent.put(None)
    process.join()
    # The memory outlives who made it.
    assert received.tolist() == [0, 1, 2, 3, 4]


def test_one_whose_owner_is_gone_is_refused_with_the_reason() -> None:
    array = shared.array(3)
    data = pickle.dumps(array)
    del array
    gc.collect()
    with pytest.raises(FileNotFoundError, match="must keep it until the other one has it"):
        pickle.loads(data)


def test_shapes_and_types() -> None:
    assert shared.array(0).shape == (0,)
    assert shared.array(()).tolist() == 0.0
    assert shared.array((2, 3), order="F").flags.f_contiguous
    assert shared.copy(np.asfortranarray(np.ones((2, 3)))).flags.f_contiguous
    assert shared.copy([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    record = shared.array(3, dtype=[("x", "f8"), ("n", "i4")])
    record["n"] = 7
    assert record["n"].tolist() == [7, 7, 7]
    with pytest.raises(TypeError, match="holds Python objects"):
        shared.array(3, dtype=object)
    with pytest.raises(TypeError, match="holds Python objects"):
        shared.copy([object()])
    with pytest.raises(ValueError, match="negative"):
        shared.array(-1)
