"""Locks and their like between processes: killed holders, waits, start methods, and what is left afterwards."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import queue as standard_queue
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import primitive_users as users
import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("primitives are the standard library's here", allow_module_level=True)

from ungil import multiprocessing as ours
from ungil.multiprocessing import HolderDied, Pipe, get_context

KINDS = ["Lock", "RLock", "Semaphore", "BoundedSemaphore"]

Until = Callable[[Callable[[], object]], None]


def made(context: Any, kind: str) -> Any:
    """Make one that can be acquired once."""
    return getattr(context, kind)()


class TestDeadHolders:
    @pytest.mark.parametrize("kind", KINDS[:2])
    def test_the_next_one_gets_a_lock_and_is_told(self, context: Any, start: Any, kind: str) -> None:
        lock = made(context, kind)
        process = start(users.die_with, lock)
        process.join()
        with pytest.warns(HolderDied) as caught:
            assert lock.acquire(timeout=60)
        text = str(caught[0].message)
        assert f"process {process.pid} died" in text
        # Where the program made it, and no library.
        assert f"the {kind} made at {__file__}:" in text
        lock.release()
        with lock:
            pass

    @pytest.mark.parametrize("kind", KINDS[2:])
    def test_permits_come_back(self, context: Any, start: Any, kind: str) -> None:
        semaphore = getattr(context, kind)(2)
        process = start(users.die_with, semaphore, semaphore)
        process.join()
        with pytest.warns(HolderDied, match=f"process {process.pid} died while it had a permit of the {kind}"):
            assert semaphore.acquire(timeout=60)
        assert semaphore.get_value() == 1
        semaphore.release()
        assert semaphore.get_value() == 2

    def test_those_of_a_signal_do_not(self, context: Any, start: Any) -> None:
        signal_ = context.Semaphore(0)
        signal_.release()
        start(users.die_with, signal_).join()
        assert not signal_.acquire(timeout=0.2)

    def test_who_does_not_wait_gets_it_too(self, context: Any, start: Any, until: Until) -> None:
        lock = context.Lock()
        start(users.die_with, lock).join()
        with pytest.warns(HolderDied):
            until(lambda: lock.acquire(block=False))

    def test_a_warning_that_is_an_error_leaves_it_free(self, context: Any, start: Any) -> None:
        for kind in KINDS:
            lock = made(context, kind) if kind != "Semaphore" else context.Semaphore(1)
            start(users.die_with, lock).join()
            with warnings.catch_warnings():
                warnings.simplefilter("error", HolderDied)
                with pytest.raises(HolderDied):
                    lock.acquire()
            assert lock._semlock._get_value() == 1

    def test_a_living_holder_keeps_it(self, context: Any, start: Any) -> None:
        lock, (conn, theirs) = context.Lock(), Pipe()
        start(users.hold, lock, theirs)
        assert "owner=" in conn.recv()
        # Longer than a waiter sleeps before it looks after the dead.
        assert not lock.acquire(timeout=0.2)
        assert not lock.acquire(block=False)
        assert repr(lock) == "<Lock(owner=SomeOtherProcess)>"
        conn.send("release it")
        assert conn.recv() == "released"
        assert lock.acquire(timeout=60)

    def test_a_condition_whose_lock_died(self, context: Any, start: Any) -> None:
        condition = context.Condition()
        start(users.die_with, condition).join()
        with pytest.warns(HolderDied), condition:
            condition.notify()

    def test_a_killed_waiter_swallows_no_notification(self, context: Any, start: Any) -> None:
        condition, ready = context.Condition(), context.Semaphore(0)
        process = start(users.die_waiting, condition, ready)
        assert ready.acquire(timeout=60)
        conn, theirs = Pipe()
        start(users.wait_for, condition, ready, theirs)
        assert ready.acquire(timeout=60)
        process.join()
        with condition:
            condition.notify()
        assert conn.recv() is True

    def test_a_party_that_dies_breaks_its_barrier(self, context: Any, start: Any) -> None:
        barrier, (conn, theirs) = context.Barrier(3), Pipe()
        start(users.arrive, barrier, theirs)
        start(users.die_arriving, barrier)
        assert conn.recv() == "broken"
        assert barrier.broken
        with pytest.raises(threading.BrokenBarrierError):
            barrier.wait()
        barrier.reset()
        assert not barrier.broken

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_killed_anywhere(self, until: Until) -> None:
        context, chance = get_context("fork"), random.Random(1)
        things = [
            context.Lock(),
            context.RLock(),
            context.Semaphore(2),
            context.BoundedSemaphore(2),
            context.Condition(),
            context.Queue(5),
        ]
        lock, rlock, semaphore, bounded, condition, queue = things
        turns, processes = context.Value("q", 0, lock=False), []
        for seed in range(100):
            process = context.Process(target=users.use_until_killed, args=(things, turns, seed), daemon=True)
            process.start()
            processes.append(process)
            if len(processes) == 3:
                # Wherever one of them is after so many turns.
                enough = turns.value + chance.randrange(100)
                until(lambda enough=enough: turns.value >= enough)
                victim = processes.pop(chance.randrange(3))
                victim.kill()
                victim.join()
        for process in processes:
            process.kill()
            process.join()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HolderDied)
            for each in (lock, rlock, semaphore, semaphore, bounded, bounded, condition):
                assert each.acquire(timeout=60)
            for each in (lock, semaphore, bounded):
                assert not each.acquire(block=False), "as many as before, and no more"
        condition.notify_all()
        with pytest.raises(standard_queue.Empty):
            while True:
                queue.get(timeout=0.2)
        for number in range(5):
            queue.put(number, timeout=60)
        assert queue.full()
        assert [queue.get() for _ in range(5)] == list(range(5))


class TestBetweenProcesses:
    @pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore"])
    def test_two_threads_in_each_of_two_processes(self, context: Any, start: Any, kind: str) -> None:
        lock, number = made(context, kind), context.Value("i", 0, lock=False)
        process = start(users.count_up, lock, number, 1000, 2)
        users.count_up(lock, number, 1000, 2)
        process.join()
        assert number.value == 4000

    def test_one_of_each(self, context: Any, start: Any) -> None:
        things = [
            context.Lock(),
            context.RLock(),
            context.Semaphore(),
            context.BoundedSemaphore(),
            context.Condition(),
            context.Event(),
            context.Barrier(2),
        ]

        def n_named() -> int:
            return Path("/proc/self/maps").read_text().count("/dev/shm/")

        before = n_named()
        conn, theirs = Pipe()
        start(users.use_all, things, theirs)
        assert things[5].wait(60)
        index = things[6].wait(60)
        their_index, n_descriptors = conn.recv()
        assert {index, their_index} == {0, 1}
        # One for the pipe, and one for all the primitives. (A fork has those of everything that its parent has.)
        if context.get_start_method() != "fork":
            assert n_descriptors == 2
        # Nothing has a name that could be left behind.
        assert n_named() == before

    @pytest.mark.parametrize("kind", ["Lock", "Semaphore", "BoundedSemaphore"])
    def test_another_process_releases_it(self, context: Any, start: Any, kind: str) -> None:
        lock = made(context, kind)
        assert lock.acquire()
        start(users.release, lock)
        assert lock.acquire(timeout=60)
        lock.release()
        assert lock._semlock._get_value() == 1

    def test_it_is_passed_on(self, context: Any, start: Any) -> None:
        lock, (conn, theirs) = context.Lock(), Pipe()
        start(users.pass_on, lock, theirs)
        conn.recv()
        assert not lock.acquire(block=False)
        conn.send("release it")
        assert conn.recv() == "released"
        assert lock.acquire(timeout=60)

    def test_notified_as_many_as_asked_for(self, context: Any, start: Any) -> None:
        condition, ready = context.Condition(context.Lock()), context.Semaphore(0)
        conns = []
        for _ in range(2):
            conn, theirs = Pipe()
            start(users.wait_for, condition, ready, theirs)
            assert ready.acquire(timeout=60)
            conns.append(conn)
        with condition:
            assert repr(condition) == "<Condition(<Lock(owner=MainProcess)>, 2)>"
            condition.notify()
        assert conns[0].recv() is True
        assert not conns[1].poll(0.1)
        with condition:
            condition.notify_all()
        assert conns[1].recv() is True

    def test_an_event_that_is_cleared_at_once_has_woken_all(self, context: Any, start: Any, until: Until) -> None:
        event, ready, (conn, theirs) = context.Event(), context.Semaphore(0), Pipe()
        start(users.wait_for_event, event, ready, theirs)
        assert ready.acquire(timeout=60)
        # It waits, or is about to.
        until(lambda: (event.set(), event.clear(), conn.poll(0.01))[-1])
        assert conn.recv() is True

    def test_a_value_has_a_lock_of_ours(self, context: Any) -> None:
        for shared in (context.Value("i", 1), context.Array("i", 3)):
            assert isinstance(shared.get_lock(), type(context.RLock()))


class TestOneProcess:
    def test_they_are_standard_ones(self) -> None:
        for name in (*KINDS, "Condition", "Event"):
            assert isinstance(getattr(ours, name)(), getattr(multiprocessing.synchronize, name))
        assert isinstance(ours.Barrier(2), threading.Barrier)

    def test_wrong_arguments(self) -> None:
        for make, error, text in (
            (lambda: ours.Semaphore(-1), OSError, "Invalid argument"),
            (lambda: ours.Semaphore(2**31), OverflowError, "Python int too large to convert to C int"),
            (lambda: ours.Semaphore(1.5), TypeError, "cannot be interpreted as an integer"),
            (lambda: ours.Barrier(0), ValueError, "parties must be >= 1"),
            (lambda: ours.Condition(5), AttributeError, "acquire"),
            (lambda: ours.Lock().acquire(timeout="1"), TypeError, "must be real number"),
            (lambda: ours.Lock().acquire(True, 1, 2), TypeError, "at most 2 arguments"),
            (lambda: ours.Lock().acquire(blocking=True), TypeError, "keyword argument"),
            (ours.Lock().release, ValueError, "semaphore or lock released too many times"),
            (ours.BoundedSemaphore(2).release, ValueError, "semaphore or lock released too many times"),
            (ours.RLock().release, AssertionError, "attempt to release recursive lock not owned by thread"),
            (ours.Condition().wait, AssertionError, "must acquire"),
            (ours.Condition().notify, AssertionError, "lock is not owned"),
        ):
            with pytest.raises(error, match=text):
                make()

    def test_reprs(self) -> None:
        lock, recursive = ours.Lock(), ours.RLock()
        with lock, recursive, recursive:
            assert (repr(lock), repr(recursive)) == ("<Lock(owner=MainProcess)>", "<RLock(MainProcess, 2)>")
            seen = []
            thread = threading.Thread(target=lambda: seen.extend([repr(lock), repr(recursive)]))
            thread.start()
            thread.join()
            assert seen == ["<Lock(owner=SomeOtherThread)>", "<RLock(SomeOtherThread, nonzero)>"]
        assert (repr(lock), repr(recursive)) == ("<Lock(owner=None)>", "<RLock(None, 0)>")
        assert repr(ours.BoundedSemaphore(3)) == "<BoundedSemaphore(value=3, maxvalue=3)>"

    def test_a_recursive_lock_is_its_threads(self) -> None:
        lock, got = ours.RLock(), []

        def other() -> None:
            got.append(lock.acquire(block=False))
            with pytest.raises(AssertionError):
                lock.release()

        with lock:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert got == [False]

    def test_a_forked_child_does_not_hold_what_its_parent_holds(self) -> None:
        lock = ours.RLock()
        with lock:
            pid = os.fork()
            if pid == 0:
                os._exit(10 * lock.acquire(block=False) + lock._count())
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def test_timeouts(self) -> None:
        semaphore, event, condition, barrier = ours.Semaphore(0), ours.Event(), ours.Condition(), ours.Barrier(2)
        for timeout in (0, -1, 0.02):
            before = time.monotonic()
            assert not semaphore.acquire(True, timeout)
            assert not event.wait(timeout)
            with condition:
                assert not condition.wait(timeout)
                assert not condition.wait_for(lambda: False, timeout)
            assert time.monotonic() - before >= 4 * max(timeout, 0)
            with pytest.raises(threading.BrokenBarrierError):
                barrier.wait(timeout)
            barrier.reset()
        assert not semaphore.acquire(False, 10)

    def test_an_action_that_raises_breaks_the_barrier(self) -> None:
        barrier = ours.Barrier(1, action=lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            barrier.wait()
        assert barrier.broken

    def test_an_action_runs_before_any_party_goes_on(self) -> None:
        order: list[str] = []
        barrier = ours.Barrier(2, action=lambda: order.append("action"))

        def arrive() -> None:
            barrier.wait()
            order.append("party")

        thread = threading.Thread(target=arrive)
        thread.start()
        arrive()
        thread.join()
        assert order == ["action", "party", "party"]

    def test_ctrl_c_in_an_action_breaks_the_barrier(self) -> None:
        barrier = ours.Barrier(1, action=lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            barrier.wait()
        assert barrier.broken

    def test_a_reset_in_an_action_breaks_the_round_alone(self) -> None:
        barrier = ours.Barrier(1, action=lambda: barrier.reset())
        with pytest.raises(threading.BrokenBarrierError):
            barrier.wait()
        assert not barrier.broken

    def test_they_are_copied_by_nobody(self) -> None:
        for thing in (ours.Lock(), ours.Semaphore(), ours.Condition(), ours.Event(), ours.Barrier(2)):
            name = type(thing).__name__
            for copied in (pickle.dumps, copy.copy):
                with pytest.raises(RuntimeError, match=f"{name} objects should only be shared between processes"):
                    copied(thing)

    def test_many_take_few_descriptors(self) -> None:
        def descriptors() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        gc.collect()
        before = descriptors()
        locks = [ours.Lock() for _ in range(5000)]
        assert descriptors() <= before + 2
        assert all(lock.acquire() for lock in locks)
        del locks
        # Those that went do not keep what they lay in.
        for _ in range(40_000):
            ours.Lock()
        assert descriptors() <= before + 2

    @pytest.mark.parametrize("what", ["acquire", "semaphore", "condition", "event", "barrier"])
    def test_ctrl_c_ends_a_wait(self, what: str) -> None:
        lock, condition = ours.Lock(), ours.Condition()
        lock.acquire()
        condition.acquire()
        wait = {
            "acquire": lock.acquire,
            "semaphore": ours.Semaphore(0).acquire,
            "condition": condition.wait,
            "event": ours.Event().wait,
            "barrier": ours.Barrier(2).wait,
        }[what]
        timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            wait()
        timer.join()
        # What the wait has left behind takes no notification, and the lock is held again.
        condition.release()
        assert "0)>" in repr(condition)

    def test_a_party_that_is_interrupted_has_not_arrived(self) -> None:
        barrier = ours.Barrier(2)
        timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            barrier.wait()
        timer.join()
        assert (barrier.n_waiting, barrier.broken) == (0, False)

    def test_what_is_not_complete_says_so(self) -> None:
        lock = type(ours.Lock()).__new__(type(ours.Lock()))
        with pytest.raises(RuntimeError, match="not complete"):
            lock.acquire()

    def test_segments_go_with_their_primitives(self) -> None:
        def mapped() -> int:
            gc.collect()
            return Path("/proc/self/maps").read_text().count("memfd:ungil")

        # The last segment is kept for what comes next.
        ours.Barrier(70_000)
        before = mapped()
        barriers = [ours.Barrier(70_000) for _ in range(3)]
        assert mapped() >= before + 2
        barriers.clear()
        assert mapped() == before
