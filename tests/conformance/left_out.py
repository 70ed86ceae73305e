"""The tests of CPython that are not run with ungil's modules, each with its reason.

A test is named by its module, class and function, or all of a class's by module and class; a star stands for the rest
of a class's name. The report of a run lists them as skipped, and `test_suite.py` fails when the running Python does not
have one that it should have.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ("LEFT_OUT", "LeftOut", "why_left_out")

_Version = tuple[int, ...]


@dataclass(frozen=True)
class LeftOut:
    """Why a test is left out, and which versions of Python have it: from `since` on, and none from `before` on.

    With the standard library's modules, it is only left out where the suite `cannot_run_it`.
    """

    reason: str
    since: _Version = (3, 11)
    before: _Version = (4,)
    cannot_run_it: bool = False

    @property
    def is_here(self) -> bool:
        """Whether the running Python has the test."""
        return self.since <= sys.version_info[:3] < self.before


LEFT_OUT: dict[str, LeftOut] = {
    "test_concurrent_futures.FailingInitializerResourcesTest": LeftOut(
        "runs tests of pools of processes",
        since=(3, 13),
        cannot_run_it=True,
    ),
    "test_concurrent_futures.InterpreterPool*": LeftOut(
        "tests the standard library's pool of subinterpreters, which has nothing of ours",
        since=(3, 14),
        cannot_run_it=True,
    ),
    "test_concurrent_futures.ProcessPool*": LeftOut(
        "runs in processes, which would import CPython's module of tests, and not the copy that this suite makes;"
        " test_process_pools.py runs the interpreter's own classes with our executor",
        cannot_run_it=True,
    ),
    "test_multiprocessing.TestConnectionBy*.test_*fd_transfer": LeftOut(
        "sends descriptors through the descriptor of a pipe, as if that were a socket; ours is for waiting alone"
    ),
    **dict.fromkeys(
        [
            "test_process_pools.ProcessPool*.test_hang_gh*",
            "test_process_pools.ProcessPool*.test_interpreter_shutdown",
            "test_process_pools.ProcessPool*.test_submit_after_interpreter_shutdown",
        ],
        LeftOut(
            "runs a program that makes the standard library's executor; tests/processes/test_process_pool.py has"
            " programs of the same kind with ours"
        ),
    ),
    **dict.fromkeys(
        [
            "test_process_pools.ProcessPool*.test_idle_process_reuse*",
            "test_process_pools.ProcessPool*.test_max_tasks_per_child_defaults_to_spawn_context",
            "test_process_pools.ProcessPool*.test_processes_terminate",
            "test_process_pools.ProcessPool*.test_saturation",
            "test_process_pools.ProcessPool*.test_shutdown_deadlock*",
        ],
        LeftOut("looks at the standard executor's insides, its threads and queues, of which ours has none"),
    ),
    "test_process_pools.ProcessPool*.test_python_finalization_error": LeftOut(
        "asks for the error of an executor that needs two threads and gets one; ours needs one", since=(3, 12)
    ),
    "test_process_pools.ProcessPool*FailingInitializerTest.test_initializer": LeftOut(
        "asks for a record in the worker's log; ours tells of the failure, with its traceback, who asks for a result"
    ),
    "test_process_pools.ProcessPoolFork*ExecutorTest.test_max_tasks_per_child": LeftOut(
        "asks for an error where workers are forks, which ours replaces as others"
    ),
    **dict.fromkeys(
        [
            "test_process_pools.ProcessPool*.test_error_at_task_unpickle",
            "test_process_pools.ProcessPool*.test_error_during_result_unpickle_in_result_handler",
            "test_process_pools.ProcessPool*.test_exit_at_task_unpickle",
            "test_process_pools.ProcessPool*.test_exit_during_result_unpickle_in_result_handler",
        ],
        LeftOut("asks for the end of the executor when one object cannot be unpickled; ours fails that call alone"),
    ),
    "test_multiprocessing.TestPoolWorkerErrorsBy*.test_unpickleable_result": LeftOut(
        "asks for an error when a call returns a lambda, which ours sends by value; test_mp_pool.py has the test with"
        " what cannot be pickled"
    ),
    "test_multiprocessing.TestPoolWorkerLifetimeBy*.test_worker_finalization_via_atexit_handler_of_multiprocessing": (
        LeftOut("runs a program that makes the standard library's pool; test_mp_pool.py has the program with ours")
    ),
    "test_multiprocessing.TestQueueBy*.test_queue_feeder_donot_stop_onexc": LeftOut(
        "holds that `put` of what cannot be pickled succeeds, and that a thread prints a traceback later; ours raises"
        " at once, and test_mp_queues.py has the test of that"
    ),
    "test_multiprocessing.TestSimpleQueueBy*.test_closed": LeftOut(
        "looks at both ends of the pipe that a standard queue consists of; ours has none, and test_mp_queues.py has a"
        " test of what a closed queue does"
    ),
    "test_threading.EventTests.test_at_fork_reinit": LeftOut(
        "looks at the condition `Event._cond`, which ours has none of; test_in_place.py has the test without it"
    ),
    "test_threading.PyRLockTests": LeftOut(
        "tests `threading._PyRLock`, the standard library's fallback in Python, which has nothing of ours"
    ),
    "test_threading.SubinterpThreadingTests": LeftOut(
        "starts its threads in subinterpreters, where an extension made with PyO3 is not loaded: it would test the"
        " standard library alone"
    ),
    "test_threading.ThreadTests.test_disallow_instantiation": LeftOut(
        "holds until 3.12 that `type(Lock())` makes no locks; ours is a class, as `threading.Lock` is since 3.13, and"
        " test_in_place.py has the tests of that",
        before=(3, 13),
    ),
}


def why_left_out(module: str, case: str, test: str, *, with_ungil: bool) -> str | None:
    """Return what the report says of a test that is left out, and None for the others."""
    for name, entry in LEFT_OUT.items():
        is_meant = any(fnmatchcase(path, name) for path in (f"{module}.{case}", f"{module}.{case}.{test}"))
        if is_meant and entry.is_here and (with_ungil or entry.cannot_run_it):
            return f"left out: {name} {entry.reason}"
    return None
