"""Processes count under a lock, wait for a condition, and get what a killed one held."""

import os
import signal
import warnings

from ungil.multiprocessing import Condition, HolderDied, Lock, Process, Value


def count(number, lock):
    """Count in two steps, between which nobody else may come."""
    for _ in range(1000):
        with lock:
            number.value = number.value + 1


def wait_for_go(condition, state):
    """Say that it is ready, and wait for the word."""
    with condition:
        state.value = 1
        condition.notify()
        condition.wait_for(lambda: state.value == 2)
        print("gone", flush=True)


def die_with(lock):
    """Be killed while it holds a lock."""
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    lock, number = Lock(), Value("i", 0, lock=False)
    processes = [Process(target=count, args=(number, lock)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("counted to", number.value)

    condition, state = Condition(), Value("i", 0, lock=False)
    process = Process(target=wait_for_go, args=(condition, state))
    process.start()
    with condition:
        condition.wait_for(lambda: state.value == 1)
        print("ready, go", flush=True)
        state.value = 2
        condition.notify()
    process.join()

    process = Process(target=die_with, args=(lock,))
    process.start()
    process.join()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HolderDied)
        print("the lock is ours:", lock.acquire())
    print("told by a", caught[0].category.__name__)
