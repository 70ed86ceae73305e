"""Which backend a `Parallel` has that asks for none: what the thread's `parallel_config` says, or the default.

Settings are a thread's own, as joblib's are: a thread that is started has the defaults, and a task what its batch says.
"""

from __future__ import annotations

import contextlib
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

__all__ = ("BACKENDS", "DEFAULTS", "Unset", "default", "found", "nested", "set_settings", "settings")


class Unset:
    """The value of an argument that was not given; `default` is what it means where no `parallel_config` says more."""

    def __init__(self, default: Any) -> None:
        self.default = default

    def __repr__(self) -> str:
        return f"default({self.default!r})"


# The arguments that `Parallel` and `parallel_config` have in common. Told by identity: whoever gives None means None.
DEFAULTS: dict[str, Any] = {
    "backend": Unset(None),
    "n_jobs": Unset(None),
    "verbose": Unset(0),
    "temp_folder": Unset(None),
    "max_nbytes": Unset("1M"),
    "mmap_mode": Unset("r"),
    "prefer": Unset(None),
    "require": Unset(None),
}

# What makes a backend, by its name; `_backends.py` enters its own, and `register_parallel_backend` others.
BACKENDS: dict[str, Callable[..., Any]] = {}

_LOCAL = threading.local()

# The backend of who asks for none; `register_parallel_backend` may change it.
_DEFAULT = ["auto"]


def default(name: str | None = None) -> str:
    """Return the name of the default backend, after setting it if one is given."""
    if name is not None:
        _DEFAULT[0] = name
    return _DEFAULT[0]


def settings() -> Mapping[str, Any]:
    """Return this thread's settings."""
    found: Mapping[str, Any] = getattr(_LOCAL, "settings", DEFAULTS)
    return found


def set_settings(value: Mapping[str, Any]) -> None:
    """Set this thread's settings."""
    _LOCAL.settings = value


@contextlib.contextmanager
def nested(backend: Any, n_jobs: int | None) -> Iterator[None]:
    """Have the `Parallel`s that this thread makes meanwhile use a backend, if they ask for none."""
    before = settings()
    set_settings({**before, "backend": backend, "n_jobs": n_jobs})
    try:
        yield
    finally:
        set_settings(before)


def found(name: str, value: Any, context: Mapping[str, Any]) -> Any:
    """Return an argument's value: as given, or else as the settings have it, or else the default."""
    unset = DEFAULTS[name]
    if value is unset:
        value = context[name]
    return unset.default if value is unset else value
