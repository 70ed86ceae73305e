"""What the child programs of the tests of locks and queues begin with."""

from __future__ import annotations

import pytest

PRELUDE = """
import gc, os, signal, sys, threading as standard, time
from ungil.queue import *
from ungil.threading import *

def until(is_so):
    guard = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < guard, "waited in vain"
        time.sleep(0.001)

def start(target, *args, daemon=True):
    thread = standard.Thread(target=target, args=args, daemon=daemon)
    thread.start()
    return thread

def waiters(thing):
    return thing.statistics().waiters
"""


@pytest.fixture
def prelude() -> str:
    return PRELUDE
