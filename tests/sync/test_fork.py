"""Forked children: what nobody held works, and what another thread of the parent held stays held."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

OutputOf = Callable[..., str]

FORK = """
import faulthandler, traceback, warnings
warnings.simplefilter("ignore", DeprecationWarning)

def in_child(work):
    '''Run it in a forked child, which has a minute for it.'''
    faulthandler.cancel_dump_traceback_later()  # whose thread a grandchild would wait for
    child = os.fork()
    if child == 0:
        code = 1
        try:
            faulthandler.dump_traceback_later(60, exit=True)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the child failed"
"""

# Every object, with threads that wait in it.
WAITED_FOR = """
event, barrier, semaphore = Event(), Barrier(3), Semaphore(0)
condition, foreign = Condition(), Condition(standard.Lock())
queues = [Queue(), LifoQueue(), PriorityQueue(), SimpleQueue(), Queue()]
queues[-1].mutex
full, joined = Queue(1), Queue()
full.put(0)
joined.put(0)
lock, rlock = Lock(), RLock()

def in_condition(condition):
    with condition:
        condition.wait()

waits = [(event, event.wait), (barrier, barrier.wait), (semaphore, semaphore.acquire)]
waits += [(each, lambda each=each: in_condition(each)) for each in (condition, foreign)]
waits += [(queue, queue.get) for queue in queues[:-1]] + [(queues[-1].not_empty, queues[-1].get)]
waits += [(full, lambda: full.put(1)), (joined, joined.join)]
for thing, wait in waits:
    start(wait)
    until(lambda: waiters(thing))
"""


def test_what_threads_of_the_parent_wait_for_works_in_the_child(output_of: OutputOf) -> None:
    source = f"""
{FORK}
{WAITED_FOR}

def work():
    # Nobody of those who waited is here, so none takes what is given.
    for queue in queues:
        for _ in range(3):
            queue.put(1)
            assert queue.get() == 1
        assert queue.qsize() == 0
        got = []
        thread = start(lambda: got.append(queue.get()))
        queue.put(2)
        thread.join()
        assert got == [2]
    assert full.get() == 0
    full.put(5)
    assert full.get() == 5 and full.empty()
    assert joined.get() == 0
    thread = start(joined.join)
    until(lambda: waiters(joined) == 1)
    joined.task_done()
    thread.join()
    assert not event.is_set()
    thread = start(event.wait)
    until(lambda: waiters(event) == 1)
    event.set()
    thread.join()
    semaphore.release()
    assert semaphore.acquire(False)
    assert not semaphore.acquire(False)
    for each in (condition, foreign):
        assert waiters(each) == 0
        thread = start(in_condition, each)
        until(lambda: waiters(each) == 1)
        with each:
            each.notify()
        thread.join()
    with lock, rlock, rlock:
        pass

in_child(work)
in_child(lambda: in_child(work))

# And in the parent as before.
for queue in queues:
    queue.put("parent")
until(lambda: all(queue.empty() for queue in queues))
print("done")
"""
    assert output_of(source) == "done\n"


def test_a_barrier_that_a_thread_of_the_parent_waits_at(output_of: OutputOf) -> None:
    """Who arrived in the parent is not in the child: as many as are needed must come there."""
    source = f"""
{FORK}
barrier = Barrier(2)
thread = start(barrier.wait)
until(lambda: barrier.n_waiting == 1)

def work():
    barrier._at_fork_reinit()
    assert barrier.n_waiting == 0 and not barrier.broken
    threads = [start(barrier.wait) for _ in range(2)]
    for each in threads:
        each.join()

def work_without_help():
    assert barrier.n_waiting == 0, barrier
    threads = [start(barrier.wait) for _ in range(2)]
    for each in threads:
        each.join()

in_child(work)
in_child(work_without_help)
barrier.wait()
thread.join()
print("done")
"""
    assert output_of(source) == "done\n"


def test_what_another_thread_of_the_parent_holds_stays_held(output_of: OutputOf) -> None:
    source = f"""
{FORK}
lock, rlock, semaphore, condition = Lock(), RLock(), BoundedSemaphore(1), Condition()
held, may_end = standard.Event(), standard.Event()

def hold():
    with lock, rlock, semaphore, condition:
        held.set()
        may_end.wait()

holder = start(hold)
held.wait()
mine = Lock(), RLock()
for each in mine:
    each.acquire()

def work():
    for each in (lock, rlock, semaphore, condition):
        assert not each.acquire(blocking=False), each
        assert not each.acquire(timeout=0.01), each
    assert lock.locked() and rlock.locked()
    try:
        rlock.release()
    except RuntimeError:
        pass
    else:
        raise AssertionError("it was not ours")
    # The thread that forked has what it had.
    assert mine[1]._is_owned()
    assert not mine[0].acquire(False)
    for each in mine:
        each.release()
        with each:
            pass
    # Made anew, all are free.
    for each in (lock, rlock, semaphore, condition):
        each._at_fork_reinit()
        with each:
            pass
        thread = start(each.acquire)
        thread.join()
    # Anybody may release a plain lock.
    lock.release()
    assert lock.acquire(False)

in_child(work)
may_end.set()
holder.join()
for each in (lock, rlock, semaphore, condition):
    with each:
        pass
print("done")
"""
    assert output_of(source) == "done\n"


def test_a_lock_that_is_waited_for_and_held_by_the_thread_that_forks(output_of: OutputOf) -> None:
    source = f"""
{FORK}
things = [Lock(), RLock(), Semaphore(1), Condition()]
threads = []

def take(thing):
    with thing:
        pass

for thing in things:
    thing.acquire()
    threads += [start(take, thing) for _ in range(3)]
    until(lambda: waiters(thing if not isinstance(thing, Condition) else thing._lock) == 3)

def work():
    for thing in things:
        assert waiters(thing) == 0
        # Who waited in the parent must not be given it here.
        thing.release()
        assert thing.acquire(False), thing
        thread = start(take, thing)
        until(lambda: waiters(thing if not isinstance(thing, Condition) else thing._lock) == 1)
        thing.release()
        thread.join()

in_child(work)
for thing in things:
    thing.release()
for thread in threads:
    thread.join()
print("done")
"""
    assert output_of(source) == "done\n"


@pytest.mark.parametrize("kind", ["Queue()", "Queue(8)", "LifoQueue(8)", "PriorityQueue(8)", "SimpleQueue()", "opened"])
def test_a_queue_that_threads_hammer_works_in_every_child(kind: str, output_of: OutputOf) -> None:
    made = "Queue(8); queue.mutex" if kind == "opened" else kind
    source = f"""
{FORK}
queue = {made}
stop = standard.Event()

def put():
    while not stop.is_set():
        queue.put(1)

def get():
    while queue.get() != 0:
        pass

def work():
    while not queue.empty():
        queue.get()
    for number in (3, 4):
        queue.put(number)
        assert queue.get() == number
    got = []
    thread = start(lambda: got.append(queue.get()))
    queue.put(9)
    thread.join()
    assert got == [9]

def work_opened():
    # As with the standard queue: the thread that forks holds the mutex, so no other does.
    queue.mutex.release()
    work()

putters = [start(put) for _ in range(2)]
getters = [start(get) for _ in range(2)]
for _ in range(20):
    if {kind == "opened"}:
        with queue.mutex:
            in_child(work_opened)
    else:
        in_child(work)
stop.set()
while any(thread.is_alive() for thread in putters):
    try:
        queue.get(timeout=0.01)
    except Empty:
        pass
for thread in getters:
    while thread.is_alive():
        # Whoever gets a zero ends, of whatever order the queue is.
        try:
            queue.put(0, timeout=0.01)
        except Full:
            pass
        thread.join(0.01)
print("done")
"""
    assert output_of(source) == "done\n"


def test_who_opens_a_queue_imports_its_algorithm(output_of: OutputOf) -> None:
    """Were it the first thread to use the queue, who forks meanwhile would have a child that waits for the import."""
    source = """
import sys
queue = Queue()
print("ungil._opened_queue" in sys.modules)
queue.mutex
print("ungil._opened_queue" in sys.modules)
"""
    assert output_of(source) == "False\nTrue\n"


def test_primitives_that_threads_hammer_work_in_every_child(output_of: OutputOf) -> None:
    """Whoever was in the middle of them: they can be used in the child, where need be after they were made anew."""
    source = f"""
{FORK}
lock, rlock, semaphore, condition, event, barrier = Lock(), RLock(), Semaphore(2), Condition(), Event(), Barrier(2)
stop = standard.Event()

def hammer():
    while not stop.is_set():
        with lock, rlock, semaphore:
            pass
        with condition:
            condition.notify()
            condition.wait(0.0001)
        event.set()
        event.wait()
        event.clear()

def work():
    event.clear()
    thread = start(event.wait)
    event.set()
    thread.join()
    for each in (lock, rlock, semaphore, condition, event, barrier):
        each._at_fork_reinit()
    for each in (lock, rlock, semaphore, condition):
        with each:
            pass
    got = []

    def wait():
        with condition:
            got.append(condition.wait(60))

    thread = start(wait)
    until(lambda: waiters(condition))
    with condition:
        condition.notify()
    thread.join()
    assert got == [True]
    thread = start(barrier.wait)
    barrier.wait()
    thread.join()

threads = [start(hammer) for _ in range(4)]
for _ in range(20):
    in_child(work)
stop.set()
for thread in threads:
    thread.join()
print("done")
"""
    assert output_of(source) == "done\n"


def test_the_deadlock_report_knows_nothing_of_the_parents_threads(output_of: OutputOf) -> None:
    source = f"""
{FORK}
deadlock_policy("raise")
first, second = Lock(), Lock()
first.acquire()
begun = standard.Event()

def wait():
    with second:
        begun.set()
        first.acquire()

thread = start(wait)
begun.wait()
until(lambda: waiters(first))

def work():
    # `second` is held by a thread that waits, but not here: no cycle, and nobody is waited for for ever.
    assert not second.acquire(timeout=0.01)
    second._at_fork_reinit()
    with second:
        pass

in_child(work)
first.release()
thread.join()
print("done")
"""
    assert output_of(source) == "done\n"


def test_a_fork_within_a_comparison(output_of: OutputOf) -> None:
    """The child is in the middle of a put of its own: it comes to its end there too."""
    source = f"""
{FORK}

class Item:
    def __init__(self, key):
        self.key = key

    def __lt__(self, other):
        global children
        if not children:
            children += 1
            pid = os.fork()
            if pid == 0:
                children += 1
                is_child.append(True)
            else:
                pids.append(pid)
        return self.key < other.key

children, pids, is_child = 0, [], []
queue = PriorityQueue()
queue.put(Item(2))
queue.put(Item(1))
keys = [queue.get().key for _ in range(queue.qsize())]
if is_child:
    os._exit(0 if keys == [1, 2] else 1)
assert os.waitpid(pids[0], 0)[1] == 0
print(keys)
"""
    assert output_of(source) == "[1, 2]\n"
