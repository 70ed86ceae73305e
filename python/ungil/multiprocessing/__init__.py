"""The names of `multiprocessing`: processes, each with an interpreter of its own.

`Pipe`, the locks, semaphores, conditions, events and barriers, and the queues are ours, over shared memory, and so is
`Pool`, on the processes of `ungil.futures` (`docs/reference/multiprocessing.md`). `Process`, the start methods and
whatever else is not ours yet are the standard library's. The default start method is `forkserver`.

Example:
    >>> from ungil.multiprocessing import Pipe, Process
    >>> ours, theirs = Pipe()
    >>> ours.send("ping")
    >>> theirs.recv()
    'ping'
"""

from __future__ import annotations

from multiprocessing import (
    AuthenticationError,
    BufferTooShort,
    ProcessError,
    TimeoutError,  # noqa: A004 -- the standard library's name
    active_children,
    connection,
    current_process,
    parent_process,
    process,
    reducer,
    shared_memory,
)

from ungil._core import HolderDied
from ungil._mp_context import DEFAULT, Connection, Pipe, Process

# As in the standard library, the functions of this module are methods of the default context.
Array = DEFAULT.Array
Barrier = DEFAULT.Barrier
BoundedSemaphore = DEFAULT.BoundedSemaphore
Condition = DEFAULT.Condition
Event = DEFAULT.Event
JoinableQueue = DEFAULT.JoinableQueue
Lock = DEFAULT.Lock
Manager = DEFAULT.Manager
Pool = DEFAULT.Pool
Queue = DEFAULT.Queue
RLock = DEFAULT.RLock
RawArray = DEFAULT.RawArray
RawValue = DEFAULT.RawValue
Semaphore = DEFAULT.Semaphore
SimpleQueue = DEFAULT.SimpleQueue
Value = DEFAULT.Value
allow_connection_pickling = DEFAULT.allow_connection_pickling
cpu_count = DEFAULT.cpu_count
freeze_support = DEFAULT.freeze_support
get_all_start_methods = DEFAULT.get_all_start_methods
get_context = DEFAULT.get_context
get_logger = DEFAULT.get_logger
get_start_method = DEFAULT.get_start_method
log_to_stderr = DEFAULT.log_to_stderr
set_executable = DEFAULT.set_executable
set_forkserver_preload = DEFAULT.set_forkserver_preload
set_start_method = DEFAULT.set_start_method

__all__ = (
    "Array",
    "AuthenticationError",
    "Barrier",
    "BoundedSemaphore",
    "BufferTooShort",
    "Condition",
    "Connection",
    "Event",
    "HolderDied",
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SimpleQueue",
    "TimeoutError",
    "Value",
    "active_children",
    "allow_connection_pickling",
    "connection",
    "cpu_count",
    "current_process",
    "freeze_support",
    "get_all_start_methods",
    "get_context",
    "get_logger",
    "get_start_method",
    "log_to_stderr",
    "parent_process",
    "process",
    "reducer",
    "set_executable",
    "set_forkserver_preload",
    "set_start_method",
    "shared_memory",
)
