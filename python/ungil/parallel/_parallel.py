"""`Parallel`: its arguments, its calls, and the lines of `verbose`."""

from __future__ import annotations

import sys
import time
from functools import partial
from numbers import Integral
from uuid import uuid4

from ungil import _core
from ungil._progress import bar_class
from ungil.parallel import _active
from ungil.parallel._active import DEFAULTS
from ungil.parallel._backends import CLUSTERS, AutoBackend, SequentialBackend, adapted, as_backend, known, made
from ungil.parallel._config import active
from ungil.parallel._engines import Engines
from ungil.parallel._expression import ahead_of, bytes_of
from ungil.parallel._run import Run
from ungil.parallel._source import Source
from ungil.parallel._told import ParallelStatistics, progress_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable
    from types import TracebackType
    from typing import Any, Literal, Self

    from ungil._future import Future
    from ungil.parallel._background import Background
    from ungil.parallel._delayed import Task
    from ungil.parallel._measuring import Known

__all__ = ("Parallel",)

_WAYS = ("list", "generator", "generator_unordered")

# From here on lines of `verbose` go to standard output.
_LOUD = 50


class Parallel:
    """A parallel `for` loop: calls, made by `delayed`, several at a time; joblib's `Parallel`.

    The tasks are drawn from the iterable no further ahead than `pre_dispatch` says. What the first one raises that is
    known to raise is raised, the others are ended or cancelled, and the iterable is closed. In a `with` block, the
    workers stay from call to call. One call at a time: a second is refused.

    Args:
        n_jobs: how many tasks run at once; negative numbers count from the processors, -1 being all of them. None is
            1, or what `parallel_config` says. With 1, the caller's thread makes them.
        backend: "auto", "processes" (also "loky", "multiprocessing"), "threading", "sequential", "dask", "ray", a
            name that was registered, a backend, an executor, a context of `multiprocessing`, a client of Dask or the
            address of its scheduler. None is what `parallel_config` says, or "auto": the first tasks are measured, and
            then run in line, in threads or in processes, whichever is best.
        return_as: "list"; or "generator", whose results come as soon as those before them are there; or
            "generator_unordered", whose results come as tasks are done.
        verbose: how much is told, as by joblib: nothing for 0, ever more lines up to 10, each batch above that; from
            50 on to standard output.
        timeout: for how many seconds a result is waited for; then `TimeoutError`, which is also that of
            `multiprocessing`. The caller's thread does not do so when it makes the tasks itself.
        pre_dispatch: how many batches are drawn ahead of the results: a number, "all", or an expression such as
            "2 * n_jobs".
        batch_size: how many tasks go together; "auto" measures how long they take.
        temp_folder: has no meaning: nothing is put into files.
        max_nbytes: from how many bytes on, a number or a text such as "1M", arrays are shared with other processes;
            None for never.
        mmap_mode: "r": tasks cannot write to shared arrays; "r+", "w+": they can, and share that; "c", None: they have
            copies.
        prefer: "threads" or "processes", if no backend is chosen.
        require: "sharedmem", if tasks must see the caller's own objects.
        progress: whether to show a bar of tqdm, which counts the tasks that are done.
        trace: a file for when which worker made which task; https://ui.perfetto.dev shows it.
        **backend_kwargs: for processes: `initializer` and `initargs`, as `ProcessPoolExecutor` has them; for "dask":
            `client`; for "ray": `address`, and what `ray.init` takes.

    Raises:
        ValueError: a value is out of range, or two contradict one another.
        ImportError: tqdm is not installed, and `progress` is true.

    Example:
        >>> from math import sqrt
        >>> from ungil.parallel import Parallel, delayed
        >>> Parallel(n_jobs=2)(delayed(sqrt)(i**2) for i in range(5))
        [0.0, 1.0, 2.0, 3.0, 4.0]
    """

    def __init__(
        self,
        n_jobs: Any = DEFAULTS["n_jobs"],
        backend: Any = DEFAULTS["backend"],
        return_as: Literal["list", "generator", "generator_unordered"] = "list",
        verbose: Any = DEFAULTS["verbose"],
        timeout: float | None = None,
        pre_dispatch: int | float | str = "2 * n_jobs",
        batch_size: int | Literal["auto"] = "auto",
        temp_folder: Any = DEFAULTS["temp_folder"],
        max_nbytes: Any = DEFAULTS["max_nbytes"],
        mmap_mode: Any = DEFAULTS["mmap_mode"],
        prefer: Any = DEFAULTS["prefer"],
        require: Any = DEFAULTS["require"],
        *,
        progress: bool = False,
        trace: str | os.PathLike[str] | None = None,
        **backend_kwargs: Any,
    ) -> None:
        active_backend, context = active(prefer, require, verbose)
        if return_as not in _WAYS:
            raise ValueError(f"return_as must be one of {_WAYS}, got {return_as!r}")
        if batch_size != "auto" and not (isinstance(batch_size, Integral) and batch_size > 0):
            raise ValueError(f"batch_size must be 'auto' or a positive integer, got: {batch_size!r}")
        self.verbose = _active.found("verbose", verbose, context)
        self.timeout = timeout
        self.pre_dispatch = pre_dispatch
        self.batch_size = batch_size
        self.return_as = return_as
        self.return_generator = return_as != "list"
        self.return_ordered = return_as != "generator_unordered"
        self._backend = _chosen(backend, active_backend, backend_kwargs)
        # The same, unless that was written for joblib.
        self._runner = adapted(self._backend)
        self.n_jobs = _whole(
            _active.found("n_jobs", DEFAULTS["n_jobs"] if n_jobs is None else n_jobs, context), self._backend
        )
        if require == "sharedmem" and not self._runner.supports_sharedmem:
            raise ValueError(f"Backend {type(self._backend).__name__} does not support shared memory")
        if self.return_generator and not self._runner.supports_return_generator:
            raise ValueError(f"Backend {type(self._backend).__name__} does not support return_as={return_as}")
        given = {
            "max_nbytes": max_nbytes,
            "temp_folder": temp_folder,
            "mmap_mode": mmap_mode,
            "prefer": prefer,
            "require": require,
        }
        self._backend_kwargs = {
            **backend_kwargs,
            **{name: _active.found(name, value, context) for name, value in given.items()},
            "verbose": max(0, self.verbose - _LOUD),
        }
        self._backend_kwargs["max_nbytes"] = bytes_of(self._backend_kwargs["max_nbytes"])
        if progress:
            # Told before anything is done.
            bar_class()
        self._progress = progress
        self._trace_path = trace
        self._bar: Any = None
        # Held while the call is exchanged that is under way.
        self._lock = _core.Lock()
        self._is_busy = False
        self._background: Background | None = None
        self._last: Run | None = None
        # What the last call that measured has learnt of its tasks.
        self._known: Known | None = None
        self._managed: Engines | None = None
        # Backends that were written for joblib name what they make by it.
        self._id = uuid4().hex
        self._reset(None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_jobs={self.n_jobs})"

    def __enter__(self) -> Self:
        n_jobs = self._initialize_backend()
        self._managed = self._new_engines()
        if n_jobs > 1 and not isinstance(self._runner, AutoBackend):
            self._managed.open(self._runner, n_jobs)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        managed, self._managed = self._managed, None
        if self._background is not None:
            self._background.stop()
        if managed is not None:
            managed.close()

    def __call__(self, iterable: Iterable[Task]) -> Any:
        """Make the tasks.

        Args:
            iterable: the tasks, as `delayed` makes them.

        Returns:
            The list of the results in the order of the tasks; or a generator of them.

        Raises:
            RuntimeError: the last call of this object is not over.
            TimeoutError: a result was not there in time.
            BaseException: what a task raised, or the iterable.
        """
        with self._lock:
            if self._is_busy:
                more = "; take all of its results first, or drop its generator" if self.return_generator else ""
                raise RuntimeError(f"This Parallel instance is already running: its last call is not over{more}")
            self._is_busy = True
        try:
            source = Source(iterable)
            self._reset(source.length)
            n_jobs = self._initialize_backend()
            if self._is_sequential(n_jobs):
                results = self._sequential(source)
                # It is inside its `try` from now on.
                next(results)
                return results if self.return_generator else list(results)
            if n_jobs == 0:
                raise RuntimeError(f"{type(self._backend).__name__} has no active worker.")
            if not self.return_generator:
                run = self._make_run(source, n_jobs, None)
            else:
                from ungil.parallel._background import Background

                background = Background(partial(self._make_run, source, n_jobs), self._be_over)
                self._background = background
                return background.results()
        except BaseException:
            self._is_busy = False
            raise
        return self._listed(run)

    def _new_engines(self) -> Engines:
        return Engines({**self._backend_kwargs, "parallel": self})

    def _make_run(self, source: Source, n_jobs: int, stop: Future[None] | None) -> Run:
        ahead = ahead_of(self.pre_dispatch, n_jobs)
        self._pre_dispatch_amount = ahead or 0
        engines = self._managed or self._new_engines()
        is_managed = self._managed is not None
        self._last = Run(self, source, n_jobs, ahead, engines, is_managed=is_managed, stop=stop)
        self._say(f"Using backend {type(self._backend).__name__} with {n_jobs} concurrent workers.")
        return self._last

    def _listed(self, run: Run) -> list[Any]:
        results: list[Any] = []
        try:
            for some in run.batches():
                results += some
        finally:
            self._be_over(run)
        return results

    def _be_over(self, run: Run) -> None:
        """Be ready for the next call, once."""
        with self._lock:
            if self._last is not run or not self._is_busy:
                return
            self._background = None
            if self._managed is not None and not run.is_complete:
                # It may take some time to end, with what it has opened.
                run.keep_engines()
                self._managed = self._new_engines()
            self._is_busy = False
        self._has_failed = not run.is_complete
        self._tell_end(run.n_failed)

    def _sequential(self, source: Source) -> Generator[Any, None, None]:
        """Make the tasks here, as they are asked for."""
        size = 1 if self.batch_size == "auto" else int(self.batch_size)
        is_complete = False
        n_failed = 0
        try:
            yield None
            while tasks := source.take(size):
                for function, args, kwargs in tasks:
                    self.n_dispatched_batches += 1
                    self.n_dispatched_tasks += 1
                    result = function(*args, **kwargs)
                    self._advance(1)
                    yield result
            is_complete = True
        except GeneratorExit:
            raise
        except BaseException:
            n_failed = 1
            raise
        finally:
            if not is_complete:
                self._has_failed = True
                source.close()
            self._is_iterating = False
            self._is_busy = False
            self._tell_end(n_failed)

    def _reset(self, n_tasks: int | None) -> None:
        """Set the counters of a call that begins."""
        self.n_tasks = n_tasks
        self.n_dispatched_batches = 0
        self.n_dispatched_tasks = 0
        self.n_completed_tasks = 0
        self._pre_dispatch_amount = 0
        self._has_failed = False
        self._is_iterating = True
        self._start_time = time.time()
        self._last = None
        if self._progress:
            self._bar = bar_class()(total=n_tasks)

    def _initialize_backend(self) -> int:
        """Return how many tasks run at once."""
        n_jobs: int = self._backend.effective_n_jobs(self.n_jobs)
        is_sequential = self._is_sequential(n_jobs)
        if self.timeout is not None and (is_sequential or not self._runner.supports_timeout):
            import warnings

            name = "SequentialBackend" if is_sequential else type(self._backend).__name__
            warnings.warn(
                f"The backend class {name!r} does not support timeout. You have set 'timeout={self.timeout}' in"
                " Parallel but the 'timeout' parameter will not be used.",
                stacklevel=4,
            )
        return n_jobs

    def _is_sequential(self, n_jobs: int) -> bool:
        return isinstance(self._backend, SequentialBackend) or (n_jobs == 1 and not self._runner.runs_elsewhere)

    def _effective_n_jobs(self) -> int:
        count: int = self._backend.effective_n_jobs(self.n_jobs)
        return count

    def _advance(self, n_tasks: int) -> None:
        """Some tasks are done."""
        self.n_completed_tasks += n_tasks
        if self._last is not None:
            self._is_iterating = not self._last.is_over
        if self._bar is not None:
            self._bar.update(n_tasks)
        self.print_progress()

    def _tell_end(self, n_failed: int) -> None:
        self.print_progress()
        if self._bar is not None:
            if n_failed:
                self._bar.set_postfix(failed=n_failed)
            self._bar.close()

    # What it tells.

    def statistics(self) -> ParallelStatistics:
        """Return what the last call has done, or has done by now.

        Raises:
            RuntimeError: nothing was called yet, or with one job, where there is nothing to tell.

        Example:
            >>> from ungil.parallel import Parallel, delayed
            >>> parallel = Parallel(n_jobs=2, backend="threading")
            >>> results = parallel(delayed(abs)(i) for i in range(10))
            >>> parallel.statistics().completed, parallel.statistics().route
            (10, 'ThreadingBackend')
        """
        if self._last is None:
            raise RuntimeError(f"{self!r} has statistics of a call with more than one job, and there was none")
        return self._last.statistics()

    def explain(self) -> str:
        """Tell where the tasks of the last call ran, what was measured of them, and why that was chosen.

        Example:
            >>> from ungil.parallel import Parallel, delayed
            >>> parallel = Parallel(n_jobs=2)
            >>> results = parallel(delayed(abs)(i) for i in range(10_000))
            >>> print(parallel.explain())  # doctest: +ELLIPSIS
            AutoBackend, up to 2 at once, after measuring ... tasks
            in line: the tasks take ... µs each, less than it costs to hand them over
            10000 tasks in ... batches of up to ..., in ... s
        """
        if self._last is None:
            return f"{self!r}: the caller's thread makes the tasks, one after the other"
        return self._last.explain()

    def print_progress(self) -> None:
        """Tell how far the call is, if `verbose` wants that now: after each batch. Subclasses may tell it otherwise."""
        if self.verbose:
            elapsed = time.time() - self._start_time
            is_complete = self.n_completed_tasks == self.n_dispatched_tasks and not self._has_failed
            line = progress_line(self, self._is_iterating, is_complete and not self._is_iterating, elapsed)
            if line is not None:
                self._say(line)

    def _print(self, msg: str) -> None:
        """Write a line; to standard error, or for a high `verbose` to standard output."""
        (sys.stderr if self.verbose < _LOUD else sys.stdout).write(f"[{self}]: {msg}\n")

    def _say(self, text: str) -> None:
        if self.verbose:
            self._print(text)


def _chosen(given: Any, active_backend: Any, options: dict[str, Any]) -> Any:
    """Return the backend that was asked for, or else the active one; a cluster's is made with the options."""
    if given is DEFAULTS["backend"] or given is None:
        return active_backend
    level = active_backend.nesting_level
    if not isinstance(given, str):
        backend = as_backend(given, level)
    else:
        params = options if given in CLUSTERS else {}
        backend = made(known(given), nesting_level=level, **params)
    if level and hasattr(active_backend, "n_processors"):
        # Those that are left to the task which makes this.
        backend.n_processors = active_backend.n_processors
    return backend


def _whole(n_jobs: Any, backend: Any) -> int:
    if n_jobs is None:
        n_jobs = backend.default_n_jobs
    try:
        return int(n_jobs)
    except ValueError:
        raise ValueError(f"n_jobs could not be converted to int: got {n_jobs!r}") from None


Parallel.__module__ = "ungil.parallel"
