"""joblib's tests of `Parallel`, from the installed package, with `ungil.parallel` in the place of `joblib.parallel`.

`load()` executes a copy of `joblib.test.test_parallel` in which the modules that it tests are made of ours. joblib's
modules themselves stay as they are, and none of their text is here. Its backends `LokyBackend` and
`MultiprocessingBackend` are both our one of processes; `ParallelBackendBase`, from which a user's own backends inherit,
is joblib's own.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from unittest import mock

import pytest

from ungil.parallel import _active as active
from ungil.parallel import _backends as backends

__all__ = ("load",)

_PUBLIC = (
    "Parallel",
    "cpu_count",
    "delayed",
    "effective_n_jobs",
    "parallel_backend",
    "parallel_config",
    "register_parallel_backend",
)


def load() -> ModuleType:
    """Execute a copy of joblib's tests; skip the file that asks where joblib is not installed."""
    joblib = pytest.importorskip("joblib")
    tests = "joblib.test.test_parallel"
    # All that it imports comes with joblib's modules, which it keeps.
    importlib.import_module(tests)
    stand_ins = {"joblib.parallel": _parallel(), "joblib._parallel_backends": _backends()}
    with (
        mock.patch.dict("sys.modules", stand_ins),
        mock.patch.object(joblib, "parallel", stand_ins["joblib.parallel"]),
        mock.patch.object(joblib, "_parallel_backends", stand_ins["joblib._parallel_backends"]),
    ):
        spec = importlib.util.find_spec(tests)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


class _Parallel(ModuleType):
    """A module whose default backend, set back by a test, is set back in ours."""

    @property
    def DEFAULT_BACKEND(self) -> str:
        return active.default()

    @DEFAULT_BACKEND.setter
    def DEFAULT_BACKEND(self, name: str) -> None:
        active.default(name)


def _parallel() -> ModuleType:
    ours = importlib.import_module("ungil.parallel")
    module = _Parallel("joblib.parallel")
    vars(module).update({name: getattr(ours, name) for name in _PUBLIC})
    vars(module).update(
        BACKENDS=active.BACKENDS,
        get_active_backend=importlib.import_module("ungil.parallel._config").get_active_backend,
        mp=importlib.import_module("joblib._multiprocessing_helpers").mp,
    )
    return module


def _backends() -> ModuleType:
    theirs = importlib.import_module("joblib._parallel_backends")
    module = ModuleType("joblib._parallel_backends")
    vars(module).update(
        LokyBackend=backends.ProcessesBackend,
        MultiprocessingBackend=backends.ProcessesBackend,
        ParallelBackendBase=theirs.ParallelBackendBase,
        SequentialBackend=backends.SequentialBackend,
        ThreadingBackend=backends.ThreadingBackend,
    )
    return module
