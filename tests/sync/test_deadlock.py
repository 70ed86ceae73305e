"""Threads that wait for one another's locks are told of or stopped, what only looks like it is not; `statistics()`."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ungil.threading import (
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    RLock,
    Semaphore,
    Statistics,
    deadlock_policy,
)

Ended = Callable[..., subprocess.CompletedProcess[str]]

# Ends the process when standard error has been quiet for long after a report was due, or at once when one is there.
WATCHING = """
class Watched:
    '''Standard error that knows what was written.'''

    def __init__(self, stream):
        self.stream = stream
        self.text = ""
        self.reported = standard.Event()

    def write(self, text):
        self.text += text
        self.stream.write(text)
        if "deadlock" in text:
            self.reported.set()

    def flush(self):
        self.stream.flush()

sys.stderr = watched = Watched(sys.stderr)

def end_when_reported():
    watched.reported.wait(60)
    # A second report of the same would come as soon.
    time.sleep(1)
    os._exit(0 if watched.reported.is_set() else 3)
"""

CYCLE = """
locks = [{locks}]
meeting = standard.Barrier(len(locks))

def work(number):
    with locks[number]:
        meeting.wait()
        with locks[(number + 1) % len(locks)]:
            pass

threads = [
    standard.Thread(target=work, args=(number,), name=f"worker {{number}}", daemon=True) for number in range(len(locks))
]
for thread in threads:
    thread.start()
"""

CYCLES = {
    "two locks": "Lock(), Lock()",
    "a lock and an rlock": "Lock(), RLock()",
    "two rlocks": "RLock(), RLock()",
    "three locks": "Lock(), RLock(), Lock()",
}


@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_is_reported_once(name: str, ended: Ended) -> None:
    locks = CYCLES[name]
    n = locks.count("(")
    done = ended(f"{WATCHING}\n{CYCLE.format(locks=locks)}\nend_when_reported()")
    assert done.returncode == 0, done.stderr
    report = done.stderr
    assert report.count("deadlock") == 1
    assert f"{n} threads wait for one another" in report
    program = Path(done.args[-1]).read_text().splitlines()
    line = next(at for at, text in enumerate(program, 1) if text.startswith("locks = ["))
    assert len(re.findall(rf"made at .*program\.py:{line}\)", report)) == n
    for number in range(n):
        assert report.count(f"thread 'worker {number}' (") >= 2  # it waits, and it is waited for
    # Where each of them is.
    assert report.count("in work") == n
    assert report.count("with locks[(number + 1) % len(locks)]") == n


@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_is_raised_in_the_thread_that_closed_it(name: str, ended: Ended) -> None:
    cycle = CYCLE.format(locks=CYCLES[name]).replace(
        "        with locks[(number + 1) % len(locks)]:\n            pass",
        "        try:\n            with locks[(number + 1) % len(locks)]:\n                passed.append(number)\n"
        "        except DeadlockError as error:\n            raised.append(str(error))",
    )
    done = ended(f"""
deadlock_policy("raise")
passed, raised = [], []
{cycle}
for thread in threads:
    thread.join(60)
    assert not thread.is_alive()
# One gave up, and the others came through; nobody holds anything.
assert len(raised) == 1 and len(passed) == len(locks) - 1, (raised, passed)
assert "wait for one another" in raised[0] and "worker 0" in raised[0]
for lock in locks:
    assert lock.acquire(False)
    lock.release()
    assert lock.statistics().waiters == 0 and lock.statistics().holder is None
print("went on")
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


@pytest.mark.parametrize("name", CYCLES)
def test_a_report_says_whether_another_thread_could_end_it(name: str, ended: Ended) -> None:
    locks = CYCLES[name]
    done = ended(f"{WATCHING}\n{CYCLE.format(locks=locks)}\nend_when_reported()")
    assert done.returncode == 0, done.stderr
    assert "none of them can go on" in done.stderr
    # The main thread is there; an RLock, it could not release.
    assert ("unless another thread releases one of their plain Locks" in done.stderr) == (" Lock" in f" {locks}")


def test_a_thread_that_waits_for_itself_is_told(ended: Ended) -> None:
    source = """
    lock = Lock()

    class Watched:
        def __init__(self, stream):
            self.stream, self.count = stream, 0

        def write(self, text):
            self.stream.write(text)

        def flush(self):
            self.stream.flush()
            os._exit(0)

    sys.stderr = Watched(sys.stderr)

    def work():
        with lock:
            with lock:
                pass

    work()
    """
    done = ended(source)
    assert done.returncode == 0
    assert done.stderr.count("deadlock") == 1
    assert "waits for itself" in done.stderr
    assert "'MainThread'" in done.stderr
    assert "in work" in done.stderr
    assert re.search(r"made at .*program\.py:\d+\)", done.stderr)


def test_a_thread_that_waits_for_itself_may_be_stopped(ended: Ended) -> None:
    source = """
    deadlock_policy("raise")
    lock = Lock()
    for _ in range(2):
        with lock:
            try:
                lock.acquire()
            except DeadlockError as error:
                print(type(error).__name__, isinstance(error, RuntimeError), lock.locked(), waiters(lock))
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "DeadlockError True True 0\n" * 2, "")


IN_A_CONDITION = """
lock = {lock}
other, condition = RLock(), Condition(lock)
waits = standard.Event()

def wait():
    with other, condition:
        waits.set()
        condition.wait()
    went_on.append("waiter")

def notify():
    waits.wait()
    with condition:
        condition.notify()
        until(lambda: waiters(lock) == 1)
        try:
            with other:
                pass
        except DeadlockError as error:
            raised.append(str(error))
    went_on.append("notifier")

went_on, raised = [], []
threads = [standard.Thread(target=target, daemon=True) for target in (wait, notify)]
for thread in threads:
    thread.start()
"""


@pytest.mark.parametrize("lock", ["Lock()", "RLock()"])
def test_a_wait_for_the_lock_of_a_condition_is_part_of_a_cycle(lock: str, ended: Ended) -> None:
    program = IN_A_CONDITION.format(lock=lock)
    done = ended(f"""
deadlock_policy("raise")
{program}
for thread in threads:
    thread.join(60)
assert len(raised) == 1 and "2 threads wait for one another" in raised[0] and "condition.wait()" in raised[0], raised
print(*sorted(went_on))
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "notifier waiter\n", "")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs POSIX signals")
@pytest.mark.parametrize("lock", ["Lock()", "RLock()"])
def test_a_condition_that_closes_a_cycle_reports_it(lock: str, ended: Ended) -> None:
    """It cannot raise: its caller has the right to the lock."""
    done = ended(f"""
{WATCHING}
deadlock_policy("raise")
lock = {lock}
other, condition = RLock(), Condition(lock)
handled = standard.Event()

def handler(*_):
    if not handled.is_set():
        handled.set()
        raise InterruptedError

signal.signal(signal.SIGALRM, handler)

def take():
    until(lambda: waiters(condition) == 1)
    with condition:
        with other:
            pass

def interrupt():
    until(lambda: waiters(other) == 1)
    while not handled.is_set():
        os.kill(os.getpid(), signal.SIGALRM)
        handled.wait(0.1)
    end_when_reported()

start(take)
start(interrupt)
with other, condition:
    condition.wait()
""")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("deadlock") == 1
    assert "condition.wait()" in done.stderr and "with other" in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs POSIX signals")
def test_ctrl_c_during_a_report_of_a_condition_is_raised_with_the_lock_held(ended: Ended) -> None:
    done = ended("""
import ungil._deadlock
lock, other = Lock(), RLock()
condition = Condition(lock)
handled = standard.Event()

def handler(*_):
    if not handled.is_set():
        handled.set()
        raise InterruptedError

def report(text):
    lock.release()  # of the thread that waits for the other lock
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, handler)
ungil._deadlock.report = report

def take():
    until(lambda: waiters(condition) == 1)
    lock.acquire()
    with other:
        pass

def interrupt():
    until(lambda: waiters(other) == 1)
    while not handled.is_set():
        os.kill(os.getpid(), signal.SIGALRM)
        handled.wait(0.1)

start(take)
start(interrupt)
other.acquire()
lock.acquire()
try:
    condition.wait()
except KeyboardInterrupt:
    print("interrupted", lock.locked())
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted True\n", "")


def test_a_lock_that_is_used_as_a_signal_is_no_deadlock(ended: Ended) -> None:
    source = """
    deadlock_policy("raise")
    first, second = Lock(), Lock()
    first.acquire()
    second.acquire()

    def let_go():
        until(lambda: waiters(first) and waiters(second))
        # Longer than a cycle needs to be believed.
        time.sleep(0.7)
        first.release()
        second.release()

    def wait_for_second():
        second.acquire()

    threads = [start(let_go), start(wait_for_second)]
    first.acquire()
    for thread in threads:
        thread.join()
    print("went on")
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_waits_with_a_timeout_are_no_deadlock(ended: Ended) -> None:
    cycle = CYCLE.format(locks="Lock(), RLock()").replace(
        "        with locks[(number + 1) % len(locks)]:\n            pass",
        "        results.append(locks[(number + 1) % len(locks)].acquire(timeout=1 + number))",
    )
    done = ended(f"""
results = []
{cycle}
for thread in threads:
    thread.join(60)
lock = Lock()
lock.acquire()
assert not lock.acquire(timeout=0.7)
# The first gives up and lets the other go on.
print(sorted(results))
""")
    assert done.stderr == ""
    assert done.stdout in ("[False, True]\n", "[False, False]\n")


def test_a_chain_without_a_cycle_is_no_deadlock(ended: Ended) -> None:
    source = """
    deadlock_policy("raise")
    locks = [Lock() for _ in range(4)]
    locks[-1].acquire()
    meeting = standard.Barrier(3)

    def work(number):
        with locks[number]:
            meeting.wait()
            with locks[number + 1]:
                pass

    threads = [start(work, number) for number in range(3)]
    until(lambda: all(waiters(lock) for lock in locks[1:]))
    time.sleep(0.7)
    locks[-1].release()
    for thread in threads:
        thread.join()
    print("went on")
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_ignored_deadlocks_are_silent(ended: Ended) -> None:
    source = f"""
deadlock_policy("ignore")
{CYCLE.format(locks="Lock(), Lock()")}
until(lambda: all(map(waiters, locks)))
time.sleep(1)
print("quiet", flush=True)
os._exit(0)
"""
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "quiet\n", "")


def test_a_report_without_standard_error_does_no_harm(ended: Ended) -> None:
    source = f"""
sys.stderr = None
{CYCLE.format(locks="Lock(), Lock()")}
until(lambda: all(map(waiters, locks)))
time.sleep(1)
print("alive", flush=True)
os._exit(0)
"""
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def test_the_policy() -> None:
    before = deadlock_policy()
    try:
        assert deadlock_policy("raise") == before
        assert deadlock_policy() == "raise"
        assert deadlock_policy("ignore") == "raise"
        assert deadlock_policy("report") == "ignore"
        for wrong in ("", "Report", "raises", "report "):
            with pytest.raises(ValueError, match="report"):
                deadlock_policy(wrong)
        for wrong_type in (1, b"raise", ["raise"]):
            with pytest.raises(TypeError):
                deadlock_policy(wrong_type)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            deadlock_policy(policy="raise")  # type: ignore[call-arg]
        assert deadlock_policy() == "report"
    finally:
        deadlock_policy(before)


# Statistics.


@pytest.mark.parametrize("make", [Lock, RLock])
def test_statistics_of_a_lock(make: Callable[[], Any], threads: Any, until: Any) -> None:
    lock = make()
    quiet = lock.statistics()
    assert (quiet.holder, quiet.waiters, quiet.contentions, quiet.longest_wait) == (None, 0, 0, 0.0)
    lock.acquire()
    assert lock.statistics().holder == threading.get_ident()

    def wait() -> None:
        with lock:
            assert lock.statistics().holder == threading.get_ident()

    for number in range(3):
        threads.start(wait)
        until(lambda: lock.statistics().waiters == number + 1)
    assert lock.statistics().holder == threading.get_ident()
    lock.release()
    threads.join()
    after = lock.statistics()
    assert (after.holder, after.waiters, after.contentions) == (None, 0, 3)
    assert 0 < after.longest_wait < 600
    assert not lock.acquire(False) or lock.release() is None
    assert lock.statistics() == after
    assert isinstance(after, Statistics)
    assert repr(after).startswith("Statistics(holder=None, waiters=0, contentions=3, longest_wait=")


def let_go_of_condition(condition: Condition) -> None:
    with condition:
        condition.notify_all()


def wait_in_condition(condition: Condition) -> None:
    with condition:
        condition.wait()


@pytest.mark.parametrize(
    ("make", "wait", "let_go"),
    [
        (lambda: Semaphore(0), lambda it: it.acquire(), lambda it: it.release(2)),
        (lambda: Event(), lambda it: it.wait(), lambda it: it.set()),
        (lambda: Condition(), wait_in_condition, let_go_of_condition),
        (lambda: Condition(threading.Lock()), wait_in_condition, let_go_of_condition),
        (lambda: Barrier(3), lambda it: it.wait(), lambda it: it.wait()),
    ],
    ids=["Semaphore", "Event", "Condition", "Condition of a standard lock", "Barrier"],
)
def test_statistics_of_what_has_no_holder(
    make: Callable[[], Any], wait: Callable[[Any], Any], let_go: Callable[[Any], Any], threads: Any, until: Any
) -> None:
    thing = make()
    quiet = thing.statistics()
    assert (quiet.holder, quiet.waiters, quiet.contentions, quiet.longest_wait) == (None, 0, 0, 0.0)
    for number in range(2):
        threads.start(wait, thing)
        until(lambda: thing.statistics().waiters == number + 1)
    let_go(thing)
    threads.join()
    after = thing.statistics()
    assert (after.holder, after.waiters) == (None, 0)
    assert after.contentions >= 2
    assert 0 < after.longest_wait < 600


def test_statistics_of_a_bounded_semaphore_and_of_waits_that_fail() -> None:
    semaphore = BoundedSemaphore(1)
    semaphore.acquire()
    assert semaphore.statistics().contentions == 0
    assert not semaphore.acquire(timeout=0.01)
    assert semaphore.statistics().waiters == 0
    assert semaphore.statistics().longest_wait >= 0.01
    lock = Lock()
    lock.acquire()
    assert not lock.acquire(timeout=0.01)
    assert (lock.statistics().contentions, lock.statistics().waiters) == (1, 0)
    assert lock.statistics().longest_wait >= 0.01
