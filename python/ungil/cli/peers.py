"""Rows of the packages that ungil is measured against. Each is imported only when its row is prepared."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from ungil.cli import lecture
from ungil.cli.rebind import rebind
from ungil.cli.rows import Family, Row, UnavailableError

__all__ = ("cython_rows", "joblib_rows", "numba_rows")

CYTHON_SOURCE = """
from libc.math cimport cos

def integrate(double a, double b, *, long n_iter):
    cdef double acc = 0
    cdef double step = (b - a) / n_iter
    cdef long i
    with nogil:
        for i in range(n_iter):
            acc += cos(a + i * step) * step
    return acc
"""


def numba_rows(function: Callable[..., Any], *args: object, parallel: bool = True, **kwargs: object) -> list[Row]:
    """Make numba's rows for a call of `function`: serial, serial fastmath, and parallel fastmath where asked for."""

    def row(name: str, **options: bool) -> Row:
        def prepare(_: ExitStack) -> Callable[[], object]:
            import numba

            copy = rebind(function, numba.prange, numba.njit)
            compiled = numba.njit(**options)(copy)
            return lambda: compiled(*args, **kwargs)

        return Row(name, Family.PEER, prepare, compiles=True)

    rows = [row("numba"), row("numba fastmath", fastmath=True)]
    if parallel:
        rows.append(row("numba parallel fastmath", parallel=True, fastmath=True))
    return rows


def cython_rows(a: float, b: float, *, n_iter: int, threads: int) -> list[Row]:
    """Make Cython's rows of integrate: its own loop, and the lecture's, which spreads it over threads."""

    def prepare_serial(stack: ExitStack) -> Callable[[], object]:
        integrate = _build_cython(stack).integrate
        return lambda: integrate(a, b, n_iter=n_iter)

    def prepare_threads(stack: ExitStack) -> Callable[[], object]:
        integrate = _build_cython(stack).integrate
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        return lambda: lecture.integrate_async(pool, integrate, a, b, n_jobs=threads, n_iter=n_iter)

    return [
        Row("Cython", Family.PEER, prepare_serial),
        Row(f"Cython nogil, {threads} threads", Family.PEER, prepare_threads),
    ]


def joblib_rows(a: float, b: float, *, n_iter: int, threads: int) -> list[Row]:
    """Make joblib's rows of integrate, on threads and on processes, with their pools warm."""

    def row(backend: str) -> Row:
        def prepare(stack: ExitStack) -> Callable[[], object]:
            import math

            import joblib

            parallel = stack.enter_context(joblib.Parallel(n_jobs=threads, backend=backend))
            step = (b - a) / threads

            def call() -> Any:
                return sum(
                    parallel(
                        joblib.delayed(lecture.integrate)(
                            math.cos, a + i * step, a + (i + 1) * step, n_iter=n_iter // threads
                        )
                        for i in range(threads)
                    )
                )

            return call

        return Row(f"joblib {backend}, {threads}", Family.PEER, prepare)

    return [row("threading"), row("loky")]


def _build_cython(stack: ExitStack) -> ModuleType:
    """Build the extension module in a directory that the stack removes."""
    if importlib.util.find_spec("Cython") is None:
        raise UnavailableError("Cython is not installed")
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ungil-cython-")))
    source = directory / "lecture_cython.pyx"
    source.write_text(CYTHON_SOURCE)
    build = subprocess.run(  # noqa: S603 - our own interpreter, on a file that we have just written
        [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "-3", "--quiet", source.name],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    built = [path for path in directory.glob("lecture_cython*") if path.suffix == ".so"]
    if build.returncode != 0 or not built:
        lines = (build.stderr or build.stdout).strip().splitlines()
        cause = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no reason given")
        raise UnavailableError(f"Cython could not build it: {cause.strip()}")
    spec = importlib.util.spec_from_file_location("lecture_cython", built[0])
    if spec is None or spec.loader is None:
        raise UnavailableError(f"{built[0].name} is not an extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
