"""Pipes between processes: whole messages, the end of either side, other ways to wait, and hostile peers."""

from __future__ import annotations

import array
import contextlib
import copy
import ctypes
import gc
import multiprocessing
import multiprocessing.connection
import pickle
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pipe_ends
import pytest
from tests.leftovers import descriptors

if not sys.platform.startswith("linux"):
    pytest.skip("pipes are the standard library's here", allow_module_level=True)

from ungil.multiprocessing import BufferTooShort, Pipe


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Count descriptors and mappings of ours before and after."""

    def ours() -> tuple[int, int]:
        gc.collect()
        maps = Path("/proc/self/maps").read_text().count("memfd:ungil")
        return sum("memfd:ungil" in name or "eventpoll" in name for name in descriptors()), maps

    before = ours()
    yield
    end = time.monotonic() + 10
    while ours() != before and time.monotonic() < end:
        time.sleep(0.01)
    assert ours() == before


@pytest.fixture
def started(context: Any) -> Iterator[Any]:
    """Return what starts a process with an end of a pipe, and gives the other end."""
    processes = []

    def start(target: Any, *args: Any, duplex: bool = True) -> tuple[Any, Any]:
        ours, theirs = context.Pipe(duplex)
        process = context.Process(target=target, args=(theirs, *args))
        process.start()
        theirs.close()
        processes.append((process, ours))
        return ours, process

    yield start
    for process, ours in processes:
        # A fork has a copy of our end, and never sees it close.
        with contextlib.suppress(OSError):
            ours.send("stop")
        ours.close()
        process.join(60)
        assert not process.is_alive()


class TestMessages:
    def test_objects_of_all_kinds_come_back(self, started: Any) -> None:
        conn, _ = started(pipe_ends.echo)
        for sent in (
            None,
            True,
            7,
            2**100,
            1.5,
            "text",
            b"bytes",
            (1, [2, {3: "4"}]),
            {"a": {1, 2}},
            range(3),
            bytes(3 << 20),
        ):
            conn.send(sent)
            assert conn.recv() == sent

    @pytest.mark.parametrize("n", [0, 1, 8, 100, 1 << 14, (1 << 14) + 1, (1 << 18) - 8, 1 << 18, (5 << 20) + 1])
    def test_bytes_of_all_sizes_come_back(self, n: int) -> None:
        ours, theirs = Pipe()
        thread = threading.Thread(target=pipe_ends.echo_bytes, args=(theirs,))
        thread.start()
        message = random.Random(n).randbytes(n)
        for _ in range(3):
            ours.send_bytes(message)
            assert ours.recv_bytes() == message
        ours.close()
        thread.join()
        theirs.close()

    def test_parts_of_buffers(self) -> None:
        receiver, sender = Pipe(duplex=False)
        letters = bytearray(b"abcdefgh")
        sender.send_bytes(letters, 2)
        sender.send_bytes(memoryview(letters), 2, 3)
        sender.send_bytes(array.array("i", [1, 2]))
        sender.send_bytes(letters, 8)
        assert [receiver.recv_bytes() for _ in range(4)] == [b"cdefgh", b"cde", array.array("i", [1, 2]).tobytes(), b""]
        for arguments, text in (
            ((-1,), "offset is negative"),
            ((9,), "< offset"),
            ((2, -1), "size is negative"),
            ((2, 7), r"offset \+ size"),
        ):
            with pytest.raises(ValueError, match=text):
                sender.send_bytes(letters, *arguments)
        with pytest.raises(TypeError):
            sender.send_bytes("text")

    def test_into_a_buffer(self) -> None:
        receiver, sender = Pipe(duplex=False)
        buffer = bytearray(10)
        sender.send_bytes(b"12345")
        assert receiver.recv_bytes_into(buffer, 3) == 5
        assert buffer == b"\0\0\x0012345\0\0"
        sender.send_bytes(b"too long for it")
        with pytest.raises(BufferTooShort) as caught:
            receiver.recv_bytes_into(buffer)
        assert caught.value.args == (b"too long for it",)

    def test_a_message_that_is_too_long_ends_the_connection(self) -> None:
        receiver, sender = Pipe(duplex=False)
        sender.send_bytes(bytes(100))
        with pytest.raises(OSError, match="bad message length"):
            receiver.recv_bytes(99)
        assert receiver.closed

    def test_one_way_is_one_way(self) -> None:
        receiver, sender = Pipe(duplex=False)
        assert (receiver.readable, receiver.writable, sender.readable, sender.writable) == (True, False, False, True)
        with pytest.raises(OSError, match="read-only"):
            receiver.send(1)
        for receive in (sender.recv, sender.recv_bytes, sender.poll):
            with pytest.raises(OSError, match="write-only"):
                receive()

    def test_a_closed_end_does_nothing(self) -> None:
        ours, theirs = Pipe()
        with ours:
            assert not ours.closed
        assert ours.closed
        ours.close()
        for call in (
            ours.recv,
            ours.recv_bytes,
            ours.poll,
            ours.fileno,
            lambda: ours.send(1),
            lambda: ours.send_bytes(b"1"),
        ):
            with pytest.raises(OSError, match="closed"):
                call()
        theirs.close()

    def test_it_is_a_standard_connection(self) -> None:
        ours, theirs = Pipe()
        assert isinstance(ours, multiprocessing.connection.Connection)
        assert "Connection" in repr(theirs)

    def test_buffers_of_all_formats_are_bytes(self) -> None:
        receiver, sender = Pipe(duplex=False)
        for buffer in (
            array.array("b", b"abc"),
            memoryview(b"abc").cast("c"),
            (ctypes.c_char * 3)(*b"abc"),
            array.array("h", b"ab"),
        ):
            sender.send_bytes(buffer)
            assert receiver.recv_bytes(2**70) == bytes(memoryview(buffer))

    def test_a_buffer_that_is_too_short_is_given_back(self) -> None:
        receiver, sender = Pipe(duplex=False)
        buffer = bytearray(2)
        sender.send_bytes(b"too long")
        with pytest.raises(BufferTooShort) as caught:
            receiver.recv_bytes_into(buffer)
        buffer.extend(caught.value.args[0])
        assert buffer == b"\0\0too long"

    def test_it_is_not_copied(self) -> None:
        ours, theirs = Pipe()
        for copied in (pickle.dumps, copy.copy):
            with pytest.raises(TypeError, match="by multiprocessing alone"):
                copied(ours)
        ours.close()
        with pytest.raises(OSError, match="closed"):
            ours.send(lambda: "cannot be pickled")
        with pytest.raises(EOFError):
            theirs.recv()


class TestTheEnd:
    def test_of_the_other_side(self, started: Any) -> None:
        conn, process = started(pipe_ends.send_many, 3)
        assert [conn.recv()[1] for _ in range(3)] == [0, 1, 2]
        for _ in range(2):
            with pytest.raises(EOFError):
                conn.recv()
        assert conn.poll(0)
        process.join()
        with pytest.raises(BrokenPipeError) as caught:
            conn.send("anybody?")
        assert caught.value.errno == 32

    def test_by_a_kill_in_the_middle_of_a_message(self, started: Any) -> None:
        conn, process = started(pipe_ends.die_in_a_message)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with pytest.raises((EOFError, OSError)):
            conn.recv_bytes()
        with pytest.raises(EOFError):
            conn.recv_bytes()

    def test_while_a_message_waits_for_room(self) -> None:
        receiver, sender = Pipe(duplex=False)
        ended: list[BaseException] = []

        def send() -> None:
            try:
                sender.send_bytes(bytes(1 << 20))
            except OSError as error:
                ended.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        assert receiver.poll(10)
        receiver.close()
        thread.join(30)
        assert [type(error) for error in ended] == [BrokenPipeError]
        sender.close()


class TestWaiting:
    def test_poll_keeps_its_time(self) -> None:
        receiver, sender = Pipe(duplex=False)
        assert not receiver.poll()
        assert not receiver.poll(0.01)
        assert not receiver.poll(-1)
        threading.Timer(0.05, sender.send, (1,)).start()
        assert receiver.poll(None)
        assert receiver.poll(0)
        assert receiver.recv() == 1

    def test_for_several_at_once(self, started: Any) -> None:
        ends = [started(pipe_ends.send_many, 200)[0] for _ in range(3)]
        got: dict[int, list[int]] = {}
        left = list(ends)
        while left:
            for conn in multiprocessing.connection.wait(left, 60):
                try:
                    pid, number = conn.recv()
                except EOFError:
                    left.remove(conn)
                else:
                    got.setdefault(pid, []).append(number)
        assert list(got.values()) == [list(range(200))] * 3

    def test_select_tells_of_what_has_come_and_of_nothing_else(self) -> None:
        receiver, sender = Pipe(duplex=False)

        def is_readable() -> bool:
            return bool(select.select([receiver], [], [], 0)[0])

        sender.send("before the descriptor was asked for")
        assert is_readable()
        receiver.recv()
        assert not is_readable()
        for number in range(5):
            sender.send(number)
        for number in range(5):
            assert is_readable()
            assert receiver.recv() == number
        assert not is_readable()
        sender.close()
        assert is_readable()

    def test_a_signal_handler_runs_while_it_waits(self) -> None:
        receiver, sender = Pipe(duplex=False)
        before = signal.signal(signal.SIGALRM, lambda *_: sender.send("from the handler"))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert receiver.recv() == "from the handler"
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_an_exception_of_a_handler_loses_nothing(self) -> None:
        receiver, sender = Pipe(duplex=False)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                receiver.recv()
            message = bytes(range(256)) * 8192
            thread = threading.Thread(
                target=lambda: (sender.send_bytes(message[:1]), time.sleep(0.1), sender.send_bytes(message))
            )
            thread.start()
            assert receiver.recv_bytes() == message[:1]
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                receiver.recv_bytes()
            assert receiver.recv_bytes() == message
            thread.join()
        finally:
            signal.signal(signal.SIGALRM, before)


class TestSharing:
    def test_an_end_is_passed_through_a_pipe(self, started: Any) -> None:
        conn, process = started(pipe_ends.receive_an_end)
        ours, theirs = Pipe()
        conn.send(theirs)
        assert ours.recv() == f"from {process.pid}"
        theirs.close()
        with pytest.raises(EOFError):
            ours.recv()

    def test_an_end_is_handed_over_after_a_look(self, started: Any) -> None:
        conn, _ = started(pipe_ends.receive_through_an_end)
        ours, theirs = Pipe()
        timer = threading.Timer(0.05, ours.send, ("for the other process",))
        timer.start()
        assert theirs.poll(20)
        timer.join()
        conn.send(theirs)
        assert conn.recv() == ("for the other process", False)
        theirs.close()
        ours.close()

    def test_threads_take_turns(self) -> None:
        ours, theirs = Pipe()
        n_threads, n = 4, 500
        got: list[tuple[int, int]] = []

        def send(number: int) -> None:
            for turn in range(n):
                ours.send((number, turn, bytes(turn)))

        def receive() -> None:
            for _ in range(n_threads * n // 2):
                number, turn, rest = theirs.recv()
                assert len(rest) == turn
                got.append((number, turn))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(n_threads)]
        threads += [threading.Thread(target=receive) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [(number, turn) for number in range(n_threads) for turn in range(n)]
