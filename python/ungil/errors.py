"""What ungil raises when it cannot compile.

`TypingError` and `UnsupportedError` carry diagnostics that point into the function's source; what a compiled function
raises while it runs is raised as itself. `CacheWarning` says that `cache=True` had no effect.
"""

from __future__ import annotations

from ungil._core import CacheWarning, TypingError, UngilError, UnsupportedError

__all__ = ("CacheWarning", "NumbaError", "TypingError", "UngilError", "UnsupportedError")

NumbaError = UngilError
