"""The end of the interpreter while daemon threads wait, or come and go: silent, and with the process's own code."""

from __future__ import annotations

from typing import Any

import pytest

BLOCKED = """
deadlock_policy("ignore")
lock, rlock, semaphore, bounded = Lock(), RLock(), Semaphore(0), BoundedSemaphore(1)
lock.acquire()
rlock.acquire()
bounded.acquire()
event, condition, barrier = Event(), Condition(), Barrier(2)
foreign = Condition(standard.Lock())
empty, full, unfinished, simple = Queue(), Queue(1), Queue(), SimpleQueue()
full.put(1)
unfinished.put(1)
heap, opened = PriorityQueue(), Queue()
condition_of_opened = opened.not_empty

def in_condition(condition, timeout):
    with condition:
        condition.wait(timeout)

waits = [
    (lock, lock.acquire), (lock, lambda: lock.acquire(timeout=1000)),
    (rlock, rlock.acquire), (rlock, lambda: rlock.acquire(timeout=1000)),
    (semaphore, semaphore.acquire), (bounded, lambda: bounded.acquire(timeout=1000)),
    (event, event.wait), (event, lambda: event.wait(1000)),
    (condition, lambda: in_condition(condition, None)), (condition, lambda: in_condition(condition, 1000)),
    (foreign, lambda: in_condition(foreign, None)), (barrier, barrier.wait),
    (empty, empty.get), (empty, lambda: empty.get(timeout=1000)), (empty, lambda: list(empty)),
    (full, lambda: full.put(2)), (full, lambda: full.put(2, timeout=1000)), (full, lambda: full.put_many([1, 2])),
    (unfinished, unfinished.join), (simple, simple.get), (simple, lambda: simple.get(timeout=1000)),
    (heap, heap.get), (condition_of_opened, opened.get),
]
def quietly(wait):
    try:
        wait()
    except ShutDown:
        pass

for thing, wait in waits:
    before = waiters(thing)
    start(quietly, wait)
    until(lambda: waiters(thing) > before)
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(7)", 7),
        # What they wait for comes when the interpreter is already at its end.
        ("import atexit; atexit.register(lambda: [empty.put(1), simple.put(1), event.set(), lock.release()])", 0),
        ("import atexit; atexit.register(lambda: [full.get(), unfinished.task_done(), semaphore.release()])", 0),
        ("import atexit; atexit.register(lambda: [queue.shutdown() for queue in (empty, full, heap, opened)])", 0),
    ],
)
def test_the_process_ends_while_daemon_threads_wait(end: str, code: int, ended: Any) -> None:
    done = ended(f"{BLOCKED}\n{end}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


class TestWaitsThatEndDuringTheExit:
    """A daemon thread that wakes at the end of the interpreter must not come back into it."""

    @pytest.mark.parametrize(
        "wait",
        [
            "lock.acquire(timeout=0.001)",
            "event.wait(0.001)",
            "semaphore.acquire(timeout=0.001)",
            "in_condition()",
            "get()",
            "put()",
        ],
    )
    def test_timeouts_that_pass_during_the_exit(self, wait: str, ended: Any) -> None:
        source = f"""
        lock, event, semaphore, condition = Lock(), Event(), Semaphore(0), Condition()
        empty, full = SimpleQueue(), Queue(1)
        lock.acquire()
        full.put(1)

        def in_condition():
            with condition:
                condition.wait(0.001)

        def get():
            try:
                empty.get(timeout=0.001)
            except Empty:
                pass

        def put():
            try:
                full.put(2, timeout=0.001)
            except Full:
                pass

        def work(begun):
            begun.set()
            while True:
                {wait}

        for _ in range(4):
            begun = standard.Event()
            start(work, begun)
            begun.wait()
        """
        for _ in range(3):
            done = ended(source)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", ["Queue(4)", "PriorityQueue()", "LifoQueue()", "SimpleQueue()", "opened"])
def test_the_process_ends_while_daemon_threads_put_and_get(kind: str, ended: Any) -> None:
    made = "Queue(4); queue.mutex" if kind == "opened" else kind
    source = f"""
    queue = {made}
    n_got = 0

    def put():
        while True:
            queue.put(1)

    def get():
        global n_got
        while True:
            queue.get()
            n_got += 1

    for _ in range(2):
        start(put)
        start(get)
    until(lambda: n_got > 1000)
    sys.exit(3)
    """
    for _ in range(3):
        done = ended(source)
        assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_the_process_ends_while_daemon_threads_use_primitives(ended: Any) -> None:
    source = """
    lock, rlock, semaphore, condition, event = Lock(), RLock(), BoundedSemaphore(1), Condition(), Event()
    barrier = Barrier(2)
    turns = 0

    def work():
        global turns
        while True:
            with lock, rlock, semaphore:
                turns += 1
            with condition:
                condition.notify_all()
                condition.wait(0.0001)
            event.set()
            event.wait()
            event.clear()

    def meet():
        while True:
            barrier.wait()

    for _ in range(4):
        start(work)
        start(meet)
    until(lambda: turns > 100)
    """
    for _ in range(3):
        done = ended(source)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_thread_that_iterates_is_ended_by_a_shutdown_at_exit(ended: Any) -> None:
    """Threads that are no daemons are joined before `atexit` runs, so the shutdown is registered with `threading`."""
    source = """
    queue = Queue()

    def work():
        for item in queue:
            print(item, flush=True)
        print("ended", flush=True)

    standard._register_atexit(queue.shutdown)
    start(work, daemon=False)
    queue.put_many(["a", "b"])
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\nb\nended\n", "")


def test_a_daemon_thread_that_iterates_is_ended_by_a_shutdown_with_atexit(ended: Any) -> None:
    source = """
    import atexit
    queue, over = Queue(), Event()

    def work():
        for item in queue:
            print(item, flush=True)
        print("ended", flush=True)
        over.set()

    atexit.register(over.wait)
    atexit.register(queue.shutdown)
    start(work)
    queue.put_many(["a", "b"])
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\nb\nended\n", "")


def test_objects_that_outlive_the_modules_still_work(ended: Any) -> None:
    """Finalisers run while the modules are taken apart."""
    source = """
    import builtins
    queue, simple, lock, event = PriorityQueue(), SimpleQueue(), Lock(), Event()
    queue.put((1, "one"))

    class Late:
        def __init__(self, *things):
            self.things = things

        def __del__(self, print=print):
            queue, simple, lock, event = self.things
            queue.put((0, "zero"))
            simple.put(2)
            with lock:
                event.set()
            print(queue.get(), queue.get(), simple.get(), event.wait(1), flush=True)

    builtins.late = Late(queue, simple, lock, event)
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(0, 'zero') (1, 'one') 2 True\n", "")


@pytest.mark.parametrize(
    "call",
    [
        "thing.event.wait(0)",
        "thing.event.wait(timeout=0.001)",
        "thing.held.acquire(False)",
        "thing.held.acquire(timeout=0)",
        "thing.rlock.acquire(True, 1)",
        "thing.none_left.acquire(False)",
        "thing.condition.acquire(False)",
        "thing.empty.get(timeout=0)",
        "thing.empty.get_nowait()",
        "thing.simple.get_nowait()",
        "thing.full.put(1, False)",
        "thing.heap.get()",
        "thing.heap.put(1, True, 1)",
        "thing.full.task_done()",
        "thing.rlock.release()",
    ],
)
def test_a_finaliser_at_the_very_end_takes_the_slow_way(call: str, ended: Any) -> None:
    """Calls that have arguments, wait or fail, when the interpreter counts as no longer initialised."""
    source = f"""
    import builtins, types
    thing = types.SimpleNamespace(
        event=Event(), held=Lock(), rlock=RLock(), none_left=Semaphore(0), condition=Condition(), empty=Queue(),
        simple=SimpleQueue(), full=Queue(1), heap=PriorityQueue(),
    )
    thing.held.acquire()
    thing.full.put(0)
    thing.heap.put_many([3, 1, 2])

    class Late:
        def __del__(self, thing=thing, print=print, Exception=Exception):
            try:
                {call}
            except Exception:
                pass
            print("done", flush=True)

    builtins.late = Late()
    """
    done = ended(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_items_are_dropped_at_exit(ended: Any) -> None:
    source = """
    class Item:
        def __del__(self, print=print):
            print("dropped", flush=True)

    for queue in (Queue(), LifoQueue(), SimpleQueue()):
        queue.put(Item())
    opened = Queue()
    opened.put(Item())
    opened.mutex
    kept = Queue()
    kept.put(Item())
    """
    done = ended(source)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "dropped\n" * 5
