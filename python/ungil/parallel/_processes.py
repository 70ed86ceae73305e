"""The engine of processes. Its executor is that of the call before, if there is an idle one of the same kind.

Each call has an executor to itself, so that ending its workers harms nobody else. One idle executor is kept.
"""

from __future__ import annotations

import contextlib
import os
import sys

from ungil import _core
from ungil.parallel._arrays import Sharing
from ungil.parallel._engines import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("ProcessEngine", "give_back", "lease")

# The variables by which libraries learn how many threads they may start.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

# Options of joblib's backends that are of no use here.
_OF_OTHERS = frozenset(
    {"idle_worker_timeout", "parallel", "prefer", "require", "temp_folder", "verbose", "max_nbytes", "mmap_mode"}
)


class ProcessEngine(Engine):
    """Worker processes, with which large arrays are shared.

    Args:
        n_jobs: how many.
        options: `initializer`, `initargs` and `context`, as the executor has them; `max_nbytes` and `mmap_mode`.
        n_threads: the most threads of each BLAS and OpenMP pool; None for `n_threads_share`, unless the environment
            says more.
        n_threads_share: how many processors there are for each worker.
    """

    def __init__(self, n_jobs: int, options: dict[str, Any], n_threads: int | None, n_threads_share: int) -> None:
        unknown = set(options) - _OF_OTHERS - {"initializer", "initargs", "context", "max_nbytes", "mmap_mode"}
        if unknown:
            raise TypeError(
                f"worker processes take initializer, initargs and context, and no {', '.join(sorted(unknown))}"
            )
        self._sharing = Sharing(options.get("max_nbytes"), options.get("mmap_mode", "r"))
        self._kind, executor = lease(n_jobs, options, n_threads, n_threads_share)
        super().__init__(executor, n_jobs)

    @property
    def n_shared(self) -> int:  # type: ignore[override]
        """How many bytes of arrays were put where tasks share them."""
        return self._sharing.n_bytes

    def submit(self, batch: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Have a batch made."""
        future, kept = self._sharing.submit(self._executor, batch)
        vars(future)["_kept_by_parallel"] = kept
        return future

    def abort(self) -> None:
        """End the workers at once."""
        self._sharing.forget()
        self._executor.terminate_workers()

    def close(self) -> None:
        """Leave the workers to the next call."""
        self._sharing.forget()
        give_back(self._kind, self._executor)


# The idle executor, with what kind it is of.
_IDLE: list[tuple[Any, Any]] = []
_LOCK = _core.Lock()


def lease(n_jobs: int, options: dict[str, Any], n_threads: int | None, n_threads_share: int) -> tuple[Any, Any]:
    """Return an executor that nobody else uses, with its kind, which `give_back` wants.

    Args:
        n_jobs: as for `ProcessEngine`, as are the others.
        options: `initializer`, `initargs` and `context`.
        n_threads: the most threads.
        n_threads_share: the processors for each.
    """
    initializer, initargs = options.get("initializer"), tuple(options.get("initargs") or ())
    context = options.get("context")
    # Workers are as this process was when the executor was made.
    kind = (
        n_jobs,
        n_threads,
        n_threads_share,
        initializer,
        initargs,
        context,
        dict(os.environ),
        list(sys.path),
        _folder(),
    )
    with _LOCK:
        idle = _IDLE.pop() if _IDLE else None
    if idle is not None:
        if _is_same(idle[0], kind):
            return idle
        idle[1].shutdown(wait=False)
    return kind, _made(n_jobs, context, n_threads, n_threads_share, initializer, initargs)


def give_back(kind: Any, executor: Any) -> None:
    """Take an executor back, on which nothing runs any more."""
    with _LOCK:
        before = _IDLE.pop() if _IDLE else None
        _IDLE.append((kind, executor))
    if before is not None:
        before[1].shutdown(wait=False)


def _made(
    n_jobs: int,
    context: Any,
    n_threads: int | None,
    n_threads_share: int,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> Any:
    from ungil._process_pool.executor import ProcessPoolExecutor
    from ungil._process_pool.server_process import to_preload

    limits = {
        name: str(n_threads if n_threads is not None else os.environ.get(name, n_threads_share))
        for name in _THREAD_VARIABLES
    }
    if "ENABLE_IPC" not in os.environ:
        # Schedulers of TBB then agree with one another.
        limits["ENABLE_IPC"] = "1"
    return ProcessPoolExecutor(
        n_jobs,
        mp_context=context,
        initializer=_begin,
        initargs=(limits, initializer, initargs),
        preload=[*to_preload(None), "ungil.parallel._batch"],
    )


def _begin(limits: dict[str, str], initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    """Prepare a worker: libraries that come see the variables, and those that are there are told."""
    os.environ.update(limits)
    if "numpy" in sys.modules:
        with contextlib.suppress(ImportError):
            import threadpoolctl

            threadpoolctl.threadpool_limits(int(limits["OMP_NUM_THREADS"]))
    if initializer is not None:
        initializer(*initargs)


def _is_same(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except Exception:
        # Arguments of an initializer, which cannot be compared.
        return False


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 -- a text is what is wanted
    except OSError:
        return None


def _forget() -> None:
    """In a forked child: the workers are the parent's."""
    global _LOCK
    _LOCK = _core.Lock()
    _IDLE.clear()


os.register_at_fork(after_in_child=_forget)
