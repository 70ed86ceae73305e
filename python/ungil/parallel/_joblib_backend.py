"""The backend that joblib has of ungil: processes that stay for the next call, and arrays that are shared with them."""

from __future__ import annotations

import os

from joblib.parallel import AutoBatchingMixin, ParallelBackendBase

from ungil.parallel._processes import ProcessEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    class _Bases:
        """What joblib's classes have that is used here."""

        nesting_level: int | None
        inner_max_num_threads: int | None
        backend_kwargs: dict[str, Any]

        def __init__(self, **kwargs: Any) -> None: ...
        def reset_batch_stats(self) -> None: ...

else:

    class _Bases(AutoBatchingMixin, ParallelBackendBase):
        pass


__all__ = ("UngilBackend",)


class UngilBackend(_Bases):
    """Runs the batches of joblib's `Parallel` in worker processes."""

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    uses_threads = False
    supports_sharedmem = False
    # Who asks for no number of jobs, and sets this backend with `parallel_config`, has one, as with joblib's own.
    default_n_jobs = 1

    # Sending a batch costs a tenth of what it costs loky, so they need not be as long.
    MIN_IDEAL_BATCH_DURATION = 0.02
    MAX_IDEAL_BATCH_DURATION = 0.5

    _engine: ProcessEngine | None = None
    parallel: Any = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks run at once; in a worker of ours, one."""
        from ungil.parallel._cpu_count import cpu_count, n_jobs_of

        count = n_jobs_of(n_jobs, cpu_count())
        return 1 if self.nesting_level else count

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: str | None = None,
        require: str | None = None,
        **options: Any,
    ) -> int:
        """Have workers ready; joblib calls it before it submits."""
        del prefer, require
        count = self.effective_n_jobs(n_jobs)
        if count == 1:
            from joblib._parallel_backends import FallbackToBackend, SequentialBackend

            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        # joblib's own pools of processes are made by this; ours starts workers by a server.
        options.pop("context", None)
        self.parallel = parallel
        n_threads_share = max((os.cpu_count() or 1) // count, 1)
        self._engine = ProcessEngine(
            count, {**self.backend_kwargs, **options}, self.inner_max_num_threads, n_threads_share
        )
        return count

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], object] | None = None) -> Future[Any]:
        """Have a batch made, and joblib told."""
        if self._engine is None:
            raise RuntimeError("the backend 'ungil' was not configured, or its workers were ended")
        future: Future[Any] = self._engine.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """Return the results of a batch, or raise what one of its tasks raised."""
        return out.result()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """End the workers; have others ready, if more is to come."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.abort()
        if ensure_ready and self.parallel is not None:
            self.configure(self.parallel.n_jobs, self.parallel, **self.parallel._backend_kwargs)

    def terminate(self) -> None:
        """Leave the workers to the next call."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        self.reset_batch_stats()
