"""`parallel_config` and `parallel_backend`, `register_parallel_backend` and `effective_n_jobs`."""

from __future__ import annotations

from ungil.parallel import _active
from ungil.parallel._active import DEFAULTS, Unset
from ungil.parallel._backends import as_backend, known, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any

__all__ = (
    "active",
    "effective_n_jobs",
    "get_active_backend",
    "parallel_backend",
    "parallel_config",
    "register_parallel_backend",
)


_HINTS = ("processes", "threads", None)
_CONSTRAINTS = ("sharedmem", None)


class parallel_config:  # noqa: N801 -- joblib's name
    """Sets what the `Parallel`s of this thread have that do not ask for something else, in a `with` block.

    It holds from when it is made, and until the block's end or `unregister`.

    Args:
        backend: a name, or whatever else `Parallel` takes for a backend.
        n_jobs: as for `Parallel`, as are those that follow.
        verbose: how much is told.
        temp_folder: has no meaning: nothing is put into files.
        max_nbytes: from how many bytes on arrays are shared.
        mmap_mode: how they are shared.
        prefer: which kind of backend, if none is chosen.
        require: whether tasks must see the caller's own objects.
        inner_max_num_threads: the most threads of each BLAS and OpenMP pool in worker processes.
        **backend_params: what the backend is made with.

    Raises:
        ValueError: there is no such backend, or it does not take these.

    Example:
        >>> from ungil.parallel import Parallel, delayed, parallel_config
        >>> with parallel_config(backend="threading", n_jobs=2):
        ...     Parallel()(delayed(abs)(x) for x in [-1, -2])
        [1, 2]
    """

    def __init__(
        self,
        backend: Any = DEFAULTS["backend"],
        *,
        n_jobs: Any = DEFAULTS["n_jobs"],
        verbose: Any = DEFAULTS["verbose"],
        temp_folder: Any = DEFAULTS["temp_folder"],
        max_nbytes: Any = DEFAULTS["max_nbytes"],
        mmap_mode: Any = DEFAULTS["mmap_mode"],
        prefer: Any = DEFAULTS["prefer"],
        require: Any = DEFAULTS["require"],
        inner_max_num_threads: int | None = None,
        **backend_params: Any,
    ) -> None:
        self.old_parallel_config = _active.settings()
        if backend is not DEFAULTS["backend"]:
            backend = _configured(backend, inner_max_num_threads, backend_params)
            if backend.nesting_level is None:
                around = self.old_parallel_config["backend"]
                backend.nesting_level = 0 if isinstance(around, Unset) else around.nesting_level
        elif inner_max_num_threads is not None or backend_params:
            given = ", ".join(["inner_max_num_threads"] * (inner_max_num_threads is not None) + list(backend_params))
            raise ValueError(f"{given} is for a backend, and backend is not given")
        given_values = {
            "n_jobs": n_jobs,
            "verbose": verbose,
            "temp_folder": temp_folder,
            "max_nbytes": max_nbytes,
            "mmap_mode": mmap_mode,
            "prefer": prefer,
            "require": require,
            "backend": backend,
        }
        changed = {name: value for name, value in given_values.items() if not isinstance(value, Unset)}
        self.parallel_config = {**self.old_parallel_config, **changed}
        _active.set_settings(self.parallel_config)

    def __enter__(self) -> Any:
        return self.parallel_config

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.unregister()

    def unregister(self) -> None:
        """Set what held before."""
        _active.set_settings(self.old_parallel_config)


class parallel_backend(parallel_config):  # noqa: N801 -- joblib's name
    """Sets the backend of the `Parallel`s of this thread, in a `with` block: the older form of `parallel_config`.

    Args:
        backend: as for `parallel_config`.
        n_jobs: as for `Parallel`; all processors, if it is not given.
        inner_max_num_threads: as for `parallel_config`.
        **backend_params: what the backend is made with.

    Raises:
        ValueError: there is no such backend, or it does not take these.

    Example:
        >>> from ungil.parallel import Parallel, delayed, parallel_backend
        >>> with parallel_backend("threading", n_jobs=2) as (backend, n_jobs):
        ...     n_jobs, Parallel()(delayed(abs)(x) for x in [-1, -2])
        (2, [1, 2])
    """

    def __init__(
        self, backend: Any, n_jobs: int | None = -1, inner_max_num_threads: int | None = None, **backend_params: Any
    ) -> None:
        super().__init__(backend, n_jobs=n_jobs, inner_max_num_threads=inner_max_num_threads, **backend_params)
        before, now = self.old_parallel_config, self.parallel_config
        self.old_backend_and_jobs = (before["backend"], before["n_jobs"])
        self.new_backend_and_jobs = (now["backend"], now["n_jobs"])

    def __enter__(self) -> Any:
        return self.new_backend_and_jobs


def _configured(backend: Any, inner_max_num_threads: int | None, params: dict[str, Any]) -> Any:
    """Return a backend with what it is to be made with."""
    if isinstance(backend, str):
        backend = made(known(backend), **params)
    elif params:
        raise ValueError(f"{', '.join(params)}: a backend that is there already cannot be given these; give its name")
    elif backend is None:
        backend = made(_active.default())
    else:
        backend = as_backend(backend, None)
    if inner_max_num_threads is not None:
        if not getattr(backend, "supports_inner_max_num_threads", False):
            raise ValueError(f"{type(backend).__name__} has no worker processes, and takes no inner_max_num_threads")
        backend.inner_max_num_threads = inner_max_num_threads
    return backend


def register_parallel_backend(name: str, factory: Callable[..., Any], make_default: bool = False) -> None:
    """Give a backend a name, by which `Parallel` and `parallel_config` find it.

    Args:
        name: the name.
        factory: called with `nesting_level`, and what else is given for the backend; returns a backend of ours, one
            written for joblib, or an executor.
        make_default: whether it is used where none is asked for.

    Example:
        >>> from ungil.futures import ThreadPoolExecutor
        >>> from ungil.parallel import Parallel, delayed, register_parallel_backend
        >>> register_parallel_backend("mine", lambda **_: ThreadPoolExecutor(2))
        >>> Parallel(n_jobs=2, backend="mine")(delayed(abs)(x) for x in [-1, -2])
        [1, 2]
    """
    _active.BACKENDS[name] = factory
    if make_default:
        _active.default(name)


def get_active_backend(
    prefer: Any = DEFAULTS["prefer"],
    require: Any = DEFAULTS["require"],
    verbose: Any = DEFAULTS["verbose"],
) -> tuple[Any, Any]:
    """Return the backend of a `Parallel` that asks for none, and its number of jobs."""
    backend, context = active(prefer, require, verbose)
    return backend, _active.found("n_jobs", DEFAULTS["n_jobs"], context)


def active(prefer: Any, require: Any, verbose: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the backend of a `Parallel` that asks for none, and the settings that go with it.

    Args:
        prefer: "processes", "threads" or None: which kind, if no backend was chosen.
        require: "sharedmem" or None: whether tasks must see the caller's own objects.
        verbose: whether to tell, from 10 on, if the requirement overrules a chosen backend.

    Raises:
        ValueError: a value is none of these, or they contradict one another.
    """
    context = _active.settings()
    prefer, require = _active.found("prefer", prefer, context), _active.found("require", require, context)
    verbose = _active.found("verbose", verbose, context)
    if prefer not in _HINTS:
        raise ValueError(f"prefer={prefer} is not a valid backend hint, expected one of {_HINTS}")
    if require not in _CONSTRAINTS:
        raise ValueError(f"require={require} is not a valid backend constraint, expected one of {_CONSTRAINTS}")
    if prefer == "processes" and require == "sharedmem":
        raise ValueError("prefer == 'processes' and require == 'sharedmem' are inconsistent settings")
    chosen = _active.found("backend", DEFAULTS["backend"], context)
    backend = made(_active.default(), nesting_level=0) if chosen is None else chosen
    level = backend.nesting_level
    if require == "sharedmem" and not getattr(backend, "supports_sharedmem", False):
        threads = made("threading", nesting_level=level)
        if chosen is not None and verbose >= 10:
            print(
                f"Using {type(threads).__name__} instead of {type(backend).__name__}, which does not share memory with"
                " its tasks."
            )
        return threads, {**context, "n_jobs": 1}
    if chosen is None and prefer == "threads" and not getattr(backend, "uses_threads", False):
        return made("threading", nesting_level=level), context
    if chosen is None and prefer == "processes" and not getattr(backend, "uses_processes", False):
        return made("processes", nesting_level=level), context
    return backend, context


def effective_n_jobs(n_jobs: int | None = -1) -> int:
    """Return how many tasks run at once of a `Parallel` with so many jobs, here and now.

    Args:
        n_jobs: as for `Parallel`.

    Raises:
        ValueError: it is 0.

    Example:
        >>> from ungil.parallel import effective_n_jobs
        >>> effective_n_jobs(3)
        3
    """
    if n_jobs == 1:
        return 1
    backend, active_n_jobs = get_active_backend()
    count: int = backend.effective_n_jobs(n_jobs=active_n_jobs if n_jobs is None else n_jobs)
    return count


for _public in (effective_n_jobs, parallel_backend, parallel_config, register_parallel_backend):
    _public.__module__ = "ungil.parallel"
