"""Connections, sockets and queues in calls of an executor of processes and in their results, and what is left."""

from __future__ import annotations

import multiprocessing
import pickle
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pool_calls
import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("the executor is the standard library's here", allow_module_level=True)

from ungil.futures import ProcessPoolExecutor
from ungil.multiprocessing import Pipe

PIPES = [multiprocessing.Pipe, Pipe]


@pytest.fixture
def single() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1) as made:
        yield made


@pytest.mark.parametrize("pipe", PIPES)
def test_connections_may_be_arguments(pipe: Any) -> None:
    ours, theirs = pipe()
    with ProcessPoolExecutor(1) as executor:
        # One for each call, though the function goes by value.
        assert list(executor.map(lambda n, end=theirs: end.send(n), range(3))) == [None] * 3
        assert [ours.recv() for _ in range(3)] == [0, 1, 2]
        executor.submit(pool_calls.send, theirs, "and").result(60)
        assert ours.recv() == "and"
        executor.submit(pool_calls.send, end=theirs, message="named").result(60)
        assert ours.recv() == "named"
    theirs.close()
    # Nobody has kept one.
    with pytest.raises(EOFError):
        ours.recv()
    ours.close()


@pytest.mark.parametrize("pipe", PIPES)
def test_a_connection_beside_what_cannot_be_pickled_is_not_kept(single: ProcessPoolExecutor, pipe: Any) -> None:
    ours, theirs = pipe()
    with pytest.raises(TypeError, match=r"argument 1 of send cannot be pickled: cannot pickle '_thread.lock' object"):
        single.submit(pool_calls.send, theirs, threading.Lock()).result(60)
    ours.close()
    theirs.close()


def test_sockets_may_be_arguments(single: ProcessPoolExecutor) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert single.submit(socket.socket.send, theirs, b"hello").result(60) == 5
        assert ours.recv(10) == b"hello"


def test_connections_may_be_results(monkeypatch: pytest.MonkeyPatch) -> None:
    # The path of a socket must not be long.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        with ProcessPoolExecutor(1, max_tasks_per_child=1) as executor:
            for n, end in enumerate(executor.map(pool_calls.an_end_with, range(3))):
                assert end.recv() == n
                end.close()
        assert not list(Path(folder).iterdir())


def test_what_a_worker_puts_into_a_queue_is_there_after_its_end() -> None:
    queue = multiprocessing.get_context("spawn").Queue()
    items = [bytes([n]) * 100_000 for n in range(20)]
    with ProcessPoolExecutor(1, initializer=pool_calls.initialise, initargs=(queue,)) as executor:
        futures = [executor.submit(pool_calls.put_there, item) for item in items]
        # The pipe holds less than all of them, so that the worker may end in the middle.
        for future in futures:
            future.result(60)
        executor.shutdown(wait=False)
        assert [queue.get(timeout=60) for _ in items] == items
    queue.close()
    queue.join_thread()


def test_a_descriptor_that_has_been_taken_is_not_there_again(single: ProcessPoolExecutor) -> None:
    from ungil._process_pool.pickles import pickled

    ours, theirs = multiprocessing.Pipe()
    data, _, kept = pickled(theirs)
    assert kept
    pickle.loads(data).close()
    with pytest.raises((EOFError, OSError)):
        pickle.loads(data)
    ours.close()
    theirs.close()
