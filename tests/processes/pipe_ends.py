"""What other processes do at their end of a pipe, in the tests of pipes. Each start method imports it by name."""

from __future__ import annotations

import os
import signal
import time
from typing import Any


def echo(conn: Any) -> None:
    """Send back each message, until the end or what is the last one."""
    while True:
        try:
            message = conn.recv()
        except EOFError:
            return
        if message == "stop":
            return
        conn.send(message)


def echo_bytes(conn: Any) -> None:
    """Send back each message of bytes, until the end."""
    while True:
        try:
            message = conn.recv_bytes()
        except EOFError:
            return
        conn.send_bytes(message)


def die_in_a_message(conn: Any) -> None:
    """Be killed while a message is on its way that nobody takes out."""
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    conn.send_bytes(bytes(10 << 20))


def send_many(conn: Any, n: int) -> None:
    """Send numbers, now and then after a pause."""
    for number in range(n):
        if number % 50 == 0:
            time.sleep(0.002)
        conn.send((os.getpid(), number))
    conn.close()


def receive_an_end(conn: Any) -> None:
    """Receive an end of another pipe, and answer there."""
    other = conn.recv()
    other.send(f"from {os.getpid()}")
    other.close()


def receive_through_an_end(conn: Any) -> None:
    """Receive an end of another pipe, a message there, and whether another comes; tell of both."""
    other = conn.recv()
    message = other.recv()
    conn.send((message, other.poll(0.05)))
    other.close()


def tell_start_methods(conn: Any) -> None:
    """Tell the default start method, and that of a child."""
    from ungil import multiprocessing

    method = multiprocessing.get_start_method(allow_none=True)
    conn.send(method)
    if conn.recv():
        child = multiprocessing.Process(target=tell_start_methods, args=(conn,))
        child.start()
        child.join()
