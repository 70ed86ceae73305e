"""Signals that arrive while the main thread waits: Ctrl-C ends the wait and loses nothing, others let it go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")

OutputOf = Callable[..., str]

# Sends Ctrl-C until it has been noticed: one that comes a moment before the wait begins must not decide the test. What
# comes after the first is nothing.
INTERRUPTING = """
interrupted = standard.Event()
count = 0

def on_interrupt(number, frame):
    global count
    count += 1
    if count == 1:
        interrupted.set()
        signal.default_int_handler(number, frame)

signal.signal(signal.SIGINT, on_interrupt)

def interrupt_once(is_so):
    until(is_so)
    while not interrupted.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(0.1)
"""

# What is made, what holds it up, and how to wait for it.
WAITS = {
    "Lock.acquire": ("thing = Lock(); thing.acquire()", "thing.acquire()"),
    "Lock.__enter__": ("thing = Lock(); thing.acquire()", "thing.__enter__()"),
    "Lock.acquire, timeout": ("thing = Lock(); thing.acquire()", "thing.acquire(timeout=1000)"),
    "RLock.acquire": ("thing = RLock(); held(thing)", "thing.acquire()"),
    "RLock.acquire, timeout": ("thing = RLock(); held(thing)", "thing.acquire(True, 1000)"),
    "Semaphore.acquire": ("thing = Semaphore(0)", "thing.acquire()"),
    "BoundedSemaphore.acquire": ("thing = BoundedSemaphore(1); thing.acquire()", "thing.acquire(timeout=1000)"),
    "Event.wait": ("thing = Event()", "thing.wait()"),
    "Event.wait, timeout": ("thing = Event()", "thing.wait(1000)"),
    "Barrier.wait": ("thing = Barrier(2)", "thing.wait()"),
    "Queue.get": ("thing = Queue()", "thing.get()"),
    "Queue.get, timeout": ("thing = Queue()", "thing.get(timeout=1000)"),
    "Queue.get_many": ("thing = Queue()", "thing.get_many(3)"),
    "Queue.__next__": ("thing = Queue()", "next(thing)"),
    "PriorityQueue.get": ("thing = PriorityQueue()", "thing.get()"),
    "LifoQueue.get": ("thing = LifoQueue()", "thing.get()"),
    "Queue.put": ("thing = Queue(1); thing.put(1)", "thing.put(2)"),
    "Queue.put, timeout": ("thing = Queue(1); thing.put(1)", "thing.put(2, timeout=1000)"),
    "Queue.put_many": ("thing = Queue(1)", "thing.put_many([1, 2, 3])"),
    "Queue.join": ("thing = Queue(); thing.put(1)", "thing.join()"),
    "SimpleQueue.get": ("thing = SimpleQueue()", "thing.get()"),
    "SimpleQueue.get, timeout": ("thing = SimpleQueue()", "thing.get(True, 1000)"),
}

HELD = """
def held(lock):
    has = standard.Event()

    def hold():
        with lock:
            has.set()
            may_end.wait()

    start(hold)
    has.wait()

may_end = standard.Event()
"""


def test_ctrl_c_ends_a_wait(output_of: OutputOf) -> None:
    source = f"""
{INTERRUPTING}
{HELD}
deadlock_policy("ignore")  # for the lock that this thread holds already
for name, (made, wait) in {WAITS}.items():
    print(name, end=": ", flush=True)
    count = 0
    interrupted.clear()
    exec(made)
    thread = start(interrupt_once, lambda: waiters(thing))
    # Not `exec`: an interrupt that leaves that makes the interpreter end by a signal, even if it is caught.
    wait = eval(f"lambda: {{wait}}")
    try:
        wait()
    except KeyboardInterrupt:
        print("interrupted", waiters(thing))
    thread.join()
"""
    assert output_of(source) == "".join(f"{name}: interrupted 0\n" for name in WAITS)


def test_ctrl_c_ends_a_wait_of_an_opened_queue(output_of: OutputOf) -> None:
    waits = ["thing.get()", "thing.get(timeout=1000)", "thing.put(2)", "thing.put(2, timeout=1000)", "thing.join()"]
    source = f"""
{INTERRUPTING}
for name in {waits}:
    print(name, end=": ", flush=True)
    count = 0
    interrupted.clear()
    thing = Queue(1)
    if ".get" not in name:
        thing.put(1)
    conditions = thing.not_empty, thing.not_full, thing.all_tasks_done
    thread = start(interrupt_once, lambda: sum(map(waiters, conditions)))
    wait = eval(f"lambda: {{name}}")
    try:
        wait()
    except KeyboardInterrupt:
        print("interrupted", sum(map(waiters, conditions)), thing.mutex.locked())
    thread.join()
"""
    assert output_of(source) == "".join(f"{wait}: interrupted 0 False\n" for wait in waits)


LOCKS = {
    "RLock": "",
    "Lock": "Lock()",
    "standard": "standard.Lock()",
    "standard RLock": "standard.RLock()",
    "foreign": "Foreign()",
}

FOREIGN = """
class Foreign:
    def __init__(self):
        self.lock = standard.Lock()

    def acquire(self, *args):
        return self.lock.acquire(*args)

    def release(self):
        self.lock.release()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()
"""


@pytest.mark.parametrize("timeout", [None, 1000])
def test_ctrl_c_ends_the_wait_of_a_condition_with_its_lock_held(timeout: float | None, output_of: OutputOf) -> None:
    source = f"""
{INTERRUPTING}
{FOREIGN}
for name, lock in {LOCKS}.items():
    print(name, end=": ", flush=True)
    count = 0
    interrupted.clear()
    condition = eval(f"Condition({{lock}})")
    sender = start(interrupt_once, lambda: waiters(condition))
    tried = []
    with condition:
        try:
            condition.wait({timeout})
        except KeyboardInterrupt:
            # Held: nobody else gets it, and this thread may notify.
            thread = start(lambda: tried.append(condition.acquire(False)))
            thread.join()
            condition.notify_all()
            print("interrupted", waiters(condition), end=" ")
    print(tried, condition.acquire(False))
    sender.join()
"""
    assert output_of(source) == "".join(f"{name}: interrupted 0 [False] True\n" for name in LOCKS)


def test_a_condition_is_held_as_often_as_before_when_its_wait_is_interrupted(output_of: OutputOf) -> None:
    source = f"""
{INTERRUPTING}
condition = Condition()
start(interrupt_once, lambda: waiters(condition))
for _ in range(3):
    condition.acquire()
try:
    condition.wait()
except KeyboardInterrupt:
    print(condition._lock._recursion_count())
for _ in range(3):
    condition.release()
try:
    condition.release()
except RuntimeError:
    print("free")
"""
    assert output_of(source) == "3\nfree\n"


def test_a_notification_of_an_interrupted_wait_goes_to_the_next(output_of: OutputOf) -> None:
    """Two wait; the first is interrupted and notified at about the same time, in any order: one of them has it."""
    source = f"""
{INTERRUPTING}

def other():
    with condition:
        ended.append(condition.wait(60))

def notify_and_interrupt():
    until(lambda: waiters(condition) == 1)
    thread = start(other)
    until(lambda: waiters(condition) == 2)
    with condition:
        os.kill(os.getpid(), signal.SIGINT)
        condition.notify()
    interrupt_once(lambda: True)
    thread.join(60)

# With a lock of another class, the interrupt may come when that is acquired again, as it may in the standard class.
for name, lock in (("RLock", RLock()), ("Lock", Lock())):
    for turn in range(30):
        condition = Condition(lock)
        ended, mine = [], []
        count = 0
        interrupted.clear()
        thread = start(notify_and_interrupt)
        with condition:
            try:
                # No handler runs between the end of the wait and the note of it.
                mine.extend(map(condition.wait, [None]))
                while True:
                    interrupted.wait(0.1)
            except KeyboardInterrupt:
                pass
            if mine:
                # It came here, so the other still waits.
                condition.notify()
        thread.join()
        assert ended == [True], (name, turn, mine, ended)
print("none lost")
"""
    assert output_of(source) == "none lost\n"


TIMED = {
    "Lock": ("thing = Lock(); thing.acquire()", "thing.acquire(timeout={})", "False"),
    "RLock": ("thing = RLock(); held(thing)", "thing.acquire(timeout={})", "False"),
    "Semaphore": ("thing = Semaphore(0)", "thing.acquire(timeout={})", "False"),
    "Event": ("thing = Event()", "thing.wait({})", "False"),
    "Condition": ("thing = Condition(); thing.acquire()", "thing.wait({})", "False"),
    "Condition.wait_for": ("thing = Condition(); thing.acquire()", "thing.wait_for(list, {})", "[]"),
    "Condition of a standard lock": (
        "thing = Condition(standard.Lock()); thing.acquire()",
        "thing.wait({})",
        "False",
    ),
    "Barrier": ("thing = Barrier(2)", "thing.wait({})", "BrokenBarrierError"),
    "Queue.get": ("thing = Queue()", "thing.get(timeout={})", "Empty"),
    "Queue.put": ("thing = Queue(1); thing.put(1)", "thing.put(2, timeout={})", "Full"),
    "SimpleQueue": ("thing = SimpleQueue()", "thing.get(timeout={})", "Empty"),
    "opened Queue.get": ("thing = Queue(); thing.mutex", "thing.get(timeout={})", "Empty"),
    "opened Queue.put": ("thing = Queue(1); thing.mutex; thing.put(1)", "thing.put(2, timeout={})", "Full"),
}


def test_a_wait_that_signals_interrupt_lasts_as_long_as_it_should(output_of: OutputOf) -> None:
    """A signal every few milliseconds: each handler runs, and the timeout begins anew for none of them."""
    cases = {name: (made, wait.format(0.3)) for name, (made, wait, _) in TIMED.items()}
    source = f"""
{HELD}
handled = []
signal.signal(signal.SIGALRM, lambda *_: handled.append(time.monotonic()))
for name, (made, wait) in {cases}.items():
    print(name, end=": ", flush=True)
    exec(made)
    handled.clear()
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    begin = time.monotonic()
    try:
        # If each signal began the timeout anew, it would never end.
        result = eval(wait)
    except Exception as error:
        result = type(error).__name__
    end = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert end - begin >= 0.3, end - begin
    assert [each for each in handled if each < end], "no handler ran meanwhile"
    print(result)
"""
    assert output_of(source) == "".join(f"{name}: {ends}\n" for name, (_, _, ends) in TIMED.items())


def test_a_handler_runs_while_the_wait_goes_on(output_of: OutputOf) -> None:
    """The handler is what ends the wait: were it to run only afterwards, the wait would never end."""
    release = {
        "Lock": "thing.release()",
        "RLock": "may_end.set()",
        "Semaphore": "thing.release()",
        "BoundedSemaphore": "thing.release()",
        "Event": "thing.set()",
        "Barrier": "thing.abort()",
        "Queue.put": "thing.get()",
        "Queue.put_many": "thing.get()",
        "Queue.join": "thing.task_done()",
    }
    cases = {}
    for name, (made, wait) in WAITS.items():
        method = name.partition(",")[0]
        cases[name] = made, wait, release.get(method) or release.get(method.partition(".")[0], "thing.put(3)")
    source = f"""
{HELD}
deadlock_policy("ignore")  # for the lock that this thread holds already
ended = standard.Event()
calls = 0

def handler(*_):
    global calls
    calls += 1
    try:
        exec(release)
    except Exception:
        pass  # more often than needed

signal.signal(signal.SIGALRM, handler)

def send():
    until(lambda: waiters(thing))
    while not ended.is_set():
        os.kill(os.getpid(), signal.SIGALRM)
        ended.wait(0.1)

for name, (made, wait, release) in {cases}.items():
    print(name, end=": ", flush=True)
    calls = 0
    ended.clear()
    may_end.clear()
    exec(made)
    thread = start(send)
    try:
        exec(wait)
    except BrokenBarrierError:
        pass
    ended.set()
    thread.join()
    print("ended", calls > 0)
"""
    assert output_of(source) == "".join(f"{name}: ended True\n" for name in cases)


def test_a_handler_puts_into_the_simple_queue_that_its_thread_waits_for(output_of: OutputOf) -> None:
    """And into the one that it is in the middle of using: every item comes out, in order."""
    source = """
    queue = SimpleQueue()
    n_put = 0
    is_handling = False

    def handler(*_):
        global n_put, is_handling
        # On a busy machine the next signal comes before this is over: the number would be put twice.
        if not is_handling:
            is_handling = True
            queue.put(n_put)
            n_put += 1
            is_handling = False

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    got = []
    for turn in range(300):
        got.append(queue.get())
        try:
            got.append(queue.get(timeout=0.0005))
        except Empty:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    while not queue.empty():
        got.append(queue.get())
    assert got == list(range(n_put)), got
    print("in order")
    """
    assert output_of(source) == "in order\n"


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue", "opened"])
def test_a_waiter_keeps_its_place_when_a_signal_interrupts_it(kind: str, output_of: OutputOf) -> None:
    """Who came first is served first; a handler that runs meanwhile changes nothing about it."""
    made = "Queue()" if kind == "opened" else f"{kind}()"
    source = f"""
    queue = {made}
    n_waiting = lambda: waiters(queue)
    if {kind == "opened"}:
        condition = queue.not_empty
        n_waiting = lambda: waiters(condition)
    handled = standard.Event()
    signal.signal(signal.SIGALRM, lambda *_: handled.set())
    got = {{}}

    def put():
        until(lambda: n_waiting() == 1)
        other = start(lambda: got.update(other=queue.get()))
        until(lambda: n_waiting() == 2)
        while not handled.is_set():
            os.kill(os.getpid(), signal.SIGALRM)
            handled.wait(0.1)
        until(lambda: n_waiting() == 2)
        queue.put("first")
        until(lambda: got)
        queue.put("second")
        other.join()

    thread = start(put)
    got["main"] = queue.get()
    thread.join()
    print(got["main"], got["other"])
    """
    assert output_of(source) == "first second\n"


@pytest.mark.parametrize("primitive", ["Lock", "Semaphore"])
def test_a_waiter_for_a_lock_keeps_its_place_when_a_signal_interrupts_it(primitive: str, output_of: OutputOf) -> None:
    source = f"""
    deadlock_policy("ignore")
    lock = {primitive}()
    lock.acquire()
    handled = standard.Event()
    signal.signal(signal.SIGALRM, lambda *_: handled.set())
    order = []

    def acquire(name):
        lock.acquire()
        order.append(name)
        lock.release()

    def let_go():
        until(lambda: waiters(lock) == 1)
        other = start(acquire, "other")
        until(lambda: waiters(lock) == 2)
        while not handled.is_set():
            os.kill(os.getpid(), signal.SIGALRM)
            handled.wait(0.1)
        until(lambda: waiters(lock) == 2)
        lock.release()
        other.join()

    thread = start(let_go)
    acquire("main")
    thread.join()
    print(*order)
    """
    assert output_of(source) == "main other\n"


# What is made, how it is waited for, and what ends one wait.
IN_LINE = {
    "Lock": ("thing = Lock(); thing.acquire()", "thing.acquire()", "thing.release()"),
    "RLock": ("thing = RLock(); held(thing)", "thing.acquire(); thing.release()", "may_end.set()"),
    "Semaphore": ("thing = Semaphore(0)", "thing.acquire()", "thing.release()"),
    "Queue.get": ("thing = Queue()", "thing.get()", "thing.put(1)"),
    "Queue.put": ("thing = Queue(1); thing.put(1)", "thing.put(2)", "thing.get()"),
    "SimpleQueue.get": ("thing = SimpleQueue()", "thing.get()", "thing.put(1)"),
}

# Runs a case: when `n` threads wait, a signal comes whose handler calls `once`; when that has begun, a thread calls
# `afterwards`.
HANDLING = f"""
{HELD}
deadlock_policy("ignore")  # for the lock that this thread holds already
begun = standard.Event()

def handler(*_):
    if not begun.is_set():
        begun.set()
        once()

signal.signal(signal.SIGALRM, handler)

def interrupt_and(afterwards, n):
    until(lambda: waiters(thing) == n)
    while not begun.is_set():
        os.kill(os.getpid(), signal.SIGALRM)
        begun.wait(0.1)
    afterwards()

def case(made, afterwards, n=1):
    begun.clear()
    may_end.clear()
    exec(made, globals())
    return start(interrupt_and, afterwards, n)
"""


def test_a_handler_may_wait_for_what_its_thread_waits_for(output_of: OutputOf) -> None:
    """The place in the line is kept for the wait that was interrupted, and holds up no other of the same thread."""
    source = f"""
{HANDLING}
for name, (made, wait, end) in {IN_LINE}.items():
    print(name, end=": ", flush=True)

    def once():
        exec(wait)
        print("handled", end=", ", flush=True)

    def afterwards():
        until(lambda: waiters(thing))
        exec(end)
        if "RLock" not in name:
            until(lambda: waiters(thing))
            exec(end)

    thread = case(made, afterwards)
    exec(wait)
    thread.join()
    print("ended", waiters(thing))
"""
    assert output_of(source) == "".join(f"{name}: handled, ended 0\n" for name in IN_LINE)


def test_a_handler_may_wait_for_a_thread_that_waits_for_the_same(output_of: OutputOf) -> None:
    source = f"""
{HANDLING}
for name, (made, wait, end) in {IN_LINE}.items():
    print(name, end=": ", flush=True)
    handled = standard.Event()

    def once():
        # Nobody else could let this one go, should what was waited for have been given to the thread of the handler.
        thread = start(lambda: exec(wait))
        until(lambda: waiters(thing))
        exec(end)
        thread.join()
        print("handled", end=", ", flush=True)
        handled.set()

    def afterwards():
        handled.wait()
        if "RLock" not in name:
            until(lambda: waiters(thing))
            exec(end)

    thread = case(made, afterwards)
    exec(wait)
    thread.join()
    print("ended", waiters(thing))
"""
    assert output_of(source) == "".join(f"{name}: handled, ended 0\n" for name in IN_LINE)


def test_what_comes_while_a_handler_runs_goes_to_the_next_if_the_handler_raises(output_of: OutputOf) -> None:
    source = f"""
{HANDLING}
for name, (made, wait, end) in {IN_LINE}.items():
    print(name, end=": ", flush=True)

    def once():
        exec(end)
        raise InterruptedError

    thread = case(made, lambda: None, n=2)
    other = start(lambda: (until(lambda: waiters(thing)), exec(wait)))
    try:
        exec(wait)
    except InterruptedError:
        print("interrupted", end=", ", flush=True)
    other.join()
    thread.join()
    print("ended", waiters(thing))
"""
    assert output_of(source) == "".join(f"{name}: interrupted, ended 0\n" for name in IN_LINE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_wait_goes_on_in_a_child_that_its_handler_makes(output_of: OutputOf) -> None:
    source = f"""
{HANDLING}
for name, (made, wait, end) in {IN_LINE}.items():
    if name == "RLock":
        continue  # is held by a thread that is not in the child
    child = None

    def once():
        global child
        child = os.fork()
        if not child:
            start(lambda: (until(lambda: waiters(thing)), exec(end)))

    def afterwards():
        until(lambda: child)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        until(lambda: waiters(thing))
        exec(end)

    thread = case(made, afterwards)
    exec(wait)
    if not child:
        os._exit(0)
    thread.join()
    print(name, "ended", waiters(thing))
"""
    # Since 3.12 a fork with other threads beside is warned of.
    output = output_of(source, "-W", "ignore::DeprecationWarning")
    assert output == "".join(f"{name} ended 0\n" for name in IN_LINE if name != "RLock")


def test_an_interrupted_put_does_not_put_and_an_interrupted_get_takes_nothing(output_of: OutputOf) -> None:
    source = f"""
{INTERRUPTING}
queue = Queue(1)
queue.put("first")
item = object()
before = sys.getrefcount(item)
thread = start(interrupt_once, lambda: waiters(queue))
try:
    queue.put(item)
except KeyboardInterrupt:
    pass
thread.join()
assert sys.getrefcount(item) == before
assert queue.get_nowait() == "first" and queue.empty() and queue.unfinished_tasks == 1
# The room that it waited for is there for others.
queue.put_nowait("second")
count = 0
interrupted.clear()
queue.get()
start(interrupt_once, lambda: waiters(queue))
try:
    queue.get()
except KeyboardInterrupt:
    pass
queue.put("third")
print(queue.qsize(), queue.get())
"""
    assert output_of(source) == "1 third\n"


def test_an_interrupted_put_many_tells_what_is_left(output_of: OutputOf) -> None:
    source = f"""
{INTERRUPTING}
queue = Queue(2)
start(interrupt_once, lambda: waiters(queue))
try:
    queue.put_many([1, 2, 3, 4])
except KeyboardInterrupt as error:
    print(error.items, queue.get_many(5))
"""
    assert output_of(source) == "[3, 4] [1, 2]\n"


def test_a_barrier_after_an_interrupted_wait_does_what_the_standard_one_does(output_of: OutputOf) -> None:
    program = """
{interrupting}
module = {module}
barrier = module.Barrier(2)
start(interrupt_once, lambda: barrier.n_waiting)
try:
    barrier.wait()
except KeyboardInterrupt:
    print(barrier.n_waiting, barrier.broken)
"""
    ours = output_of(program.format(interrupting=INTERRUPTING, module='__import__("ungil.threading").threading'))
    theirs = output_of(program.format(interrupting=INTERRUPTING, module="standard"))
    assert ours == theirs
