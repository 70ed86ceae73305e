"""CPython's test.test_queue, with our queues for those that the standard library has in C.

Its classes `Py…` test the standard library's queues in Python, which here are made with our locks and conditions.
"""

from __future__ import annotations

from suite import classes, load

globals().update(classes(load("test_queue")))
