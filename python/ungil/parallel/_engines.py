"""`Engine`: an executor as a `Parallel` uses it for a call or several; that of threads, that of joblib's backends.

An engine takes batches and gives futures. `abort` ends what can be ended, and after it the engine is of no more use;
`close` gives back what was taken for it.
"""

from __future__ import annotations

import contextlib

from ungil import _core
from ungil._future import Future
from ungil._thread_pool import ThreadPoolExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("Engine", "Engines", "ForeignEngine", "ThreadEngine")


class Engine:
    """An executor that somebody else shuts down.

    Args:
        executor: the executor.
        n_jobs: how many batches run at once.

    Attributes:
        n_jobs: as given.
        n_shared: how many bytes of arrays were put where tasks share them.
    """

    n_shared = 0

    def __init__(self, executor: Any, n_jobs: int) -> None:
        self._executor = executor
        self.n_jobs = n_jobs

    def submit(self, batch: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Have a batch made."""
        future: concurrent.futures.Future[T] = self._executor.submit(batch)
        return future

    def elsewhere(self) -> AbstractContextManager[None]:
        """Return a block in which the caller's thread makes a batch itself, and no other waits for its processor."""
        return contextlib.nullcontext()

    def abort(self) -> None:
        """End what runs, if it can be ended; the futures are cancelled already."""

    def close(self) -> None:
        """Let go of the executor; nothing of ours runs there any more."""


class ThreadEngine(Engine):
    """Threads of its own. What is compiled stops when its future is cancelled; nothing else can be made to."""

    def __init__(self, n_jobs: int) -> None:
        self._pool = ThreadPoolExecutor(n_jobs, thread_name_prefix="ungil-parallel")
        super().__init__(self._pool.options(), n_jobs)

    def elsewhere(self) -> AbstractContextManager[None]:
        """Return a block in which its threads run on other processors than the caller's."""
        ids = [thread.native_id for thread in list(self._pool._threads)]
        return _core._Elsewhere([each for each in ids if each is not None])

    def abort(self) -> None:
        """Make no more calls."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(wait=False)


class ForeignEngine(Engine):
    """A backend that was written for joblib.

    Args:
        backend: the backend.
        n_jobs: what `Parallel` was asked for.
        options: what it was made with, which the backend's `configure` is given.
    """

    def __init__(self, backend: Any, n_jobs: int, options: dict[str, Any]) -> None:
        self._backend = backend
        self._options = options
        parallel = options["parallel"]
        given = {name: value for name, value in options.items() if name != "parallel"}
        super().__init__(None, backend.configure(n_jobs=n_jobs, parallel=parallel, **given))
        if self.n_jobs == 0:
            raise RuntimeError(f"{type(backend).__name__} has no active worker.")
        backend.start_call()

    def submit(self, batch: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Have a batch made; the backend calls back when it is."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        jobs: list[Any] = []

        def call_back(out: Any) -> None:
            if not self._backend.supports_retrieve_callback:
                # The result is not what it calls back with.
                _settle(future, lambda: self._backend.retrieve_result(jobs[0]))
            else:
                _settle(future, lambda: self._backend.retrieve_result_callback(out))

        jobs.append(self._backend.submit(batch, callback=call_back))
        return future

    def abort(self) -> None:
        """Have the backend end what runs, and itself."""
        self._backend.abort_everything(ensure_ready=False)
        self.close()

    def close(self) -> None:
        """Have the backend let go of its workers."""
        self._backend.stop_call()
        self._backend.terminate()


class Engines:
    """The engines of a `Parallel`, opened when they are needed: for one call, or for all of a `with` block.

    Args:
        options: what they are made with.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._opened: dict[type, Engine] = {}

    def open(self, backend: Any, n_jobs: int) -> Engine:
        """Return the engine of a backend."""
        engine: Engine | None = self._opened.get(type(backend))
        if engine is None:
            engine = self._opened[type(backend)] = backend.open(n_jobs, self._options)
        return engine

    def abort(self) -> None:
        """End what runs, where that can be done; engines that are opened later are new."""
        while self._opened:
            self._opened.popitem()[1].abort()

    def close(self) -> None:
        """Let go of all."""
        while self._opened:
            self._opened.popitem()[1].close()


def _settle(future: Future[Any], get: Callable[[], Any]) -> None:
    """End a future with what comes of a call."""
    try:
        result = get()
    except BaseException as failure:
        future.set_exception(failure)
    else:
        future.set_result(result)
