"""CPython's test.test_queue, with our queues for those that the standard library has in C.

Its classes `Py…` test the standard library's queues in Python, which here are made with our locks and conditions.
"""

from __future__ import annotations

import pytest
from suite import classes

# CPython runs its tests with warnings shown; in some of them a warning is what happens.
pytestmark = pytest.mark.filterwarnings("default")

globals().update(classes("test_queue"))
