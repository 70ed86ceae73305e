"""CPython's test.test_threading_local: `local` is the standard library's own, here in threads of ours."""

from __future__ import annotations

import pytest
from suite import classes

# CPython runs its tests with warnings shown; in some of them a warning is what happens.
pytestmark = pytest.mark.filterwarnings("default")

globals().update(classes("test_threading_local"))
