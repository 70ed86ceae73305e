"""The rows of `ungil bench integrate`: each way that the lecture walks through, beside ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context

import ungil
from ungil.cli import lecture
from ungil.cli.peers import cython_rows, joblib_rows, numba_rows
from ungil.cli.rows import Benchmark, Family, Row

__all__ = ("integrate_benchmark",)

LOWER, UPPER = 0, math.pi / 2


def integrate_benchmark(n_iter: int, threads: int) -> Benchmark:
    """Describe the lecture's benchmark.

    Args:
        n_iter: steps of the sum, split evenly where several threads or processes share it.
        threads: how many threads or processes the parallel rows use.
    """
    exact = lecture.exact(LOWER, UPPER)
    return Benchmark(
        title=f"integrate(cos, 0, π/2), n_iter={n_iter:,}, {threads} thread{'s' if threads != 1 else ''}",
        rows=(
            *_python_rows(n_iter, threads),
            *_ungil_rows(n_iter, threads),
            *numba_rows(lecture.integrate_cos, LOWER, UPPER, n_iter=n_iter),
            *cython_rows(LOWER, UPPER, n_iter=n_iter, threads=threads),
            *joblib_rows(LOWER, UPPER, n_iter=n_iter, threads=threads),
        ),
        verdict_title="error",
        verdict=lambda result, _plain: f"{result - exact:+.2e}" if isinstance(result, int | float) else repr(result),
        parameters={"n_iter": n_iter, "threads": threads},
        exact=exact,
    )


def _python_rows(n_iter: int, threads: int) -> list[Row]:
    plain = partial(lecture.integrate, math.cos)

    def threading_row(n_jobs: int) -> Row:
        return Row(
            f"threading, {n_jobs} threads",
            Family.PYTHON,
            lambda stack: _spread(stack.enter_context(ThreadPoolExecutor(n_jobs)), plain, n_jobs, n_iter),
        )

    def prepare_processes(stack: ExitStack) -> Callable[[], object]:
        # Forking a process that has threads is unsafe, and the rows before have left some: the workers start afresh.
        pool = stack.enter_context(ProcessPoolExecutor(threads, mp_context=get_context("spawn")))
        # The pool starts workers as tasks come; as many tasks as workers, waited for together, make it warm.
        for future in [pool.submit(lecture.integrate, math.cos, 0, 1) for _ in range(threads)]:
            future.result()
        return _spread(pool, plain, threads, n_iter)

    return [
        Row("plain Python", Family.PYTHON, lambda _: partial(plain, LOWER, UPPER, n_iter=n_iter)),
        threading_row(2),
        *([threading_row(threads)] if threads > 2 else []),
        Row(f"ProcessPoolExecutor, {threads}", Family.PYTHON, prepare_processes),
    ]


def _ungil_rows(n_iter: int, threads: int) -> list[Row]:
    def call(function: Callable[..., object]) -> Callable[[], object]:
        return lambda: function(LOWER, UPPER, n_iter=n_iter)

    def prepare_nogil(stack: ExitStack) -> Callable[[], object]:
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        return _spread(pool, ungil.njit(nogil=True)(lecture.integrate_cos), threads, n_iter)

    return [
        Row("ungil", Family.UNGIL, lambda _: call(ungil.njit(lecture.integrate_cos)), compiles=True),
        Row(
            "ungil fastmath",
            Family.UNGIL,
            lambda _: call(ungil.njit(fastmath=True)(lecture.integrate_cos)),
            compiles=True,
        ),
        Row(f"ungil nogil, {threads} threads", Family.UNGIL, prepare_nogil, compiles=True),
        Row(
            "ungil parallel fastmath",
            Family.UNGIL,
            lambda _: call(ungil.njit(parallel=True, fastmath=True)(lecture.integrate_cos)),
            compiles=True,
        ),
    ]


def _spread(executor: Executor, function: Callable[..., object], n_jobs: int, n_iter: int) -> Callable[[], object]:
    return lambda: lecture.integrate_async(executor, function, LOWER, UPPER, n_jobs=n_jobs, n_iter=n_iter)
