"""The types of `jit`, `njit` and `prange`: a decorated function keeps its parameters and its result."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, Protocol, SupportsIndex, TypeVar, overload

from ungil._core import Dispatcher, Signature, Type

__all__ = ("jit", "njit", "prange")

_P = ParamSpec("_P")
_R = TypeVar("_R")

class _Decorator(Protocol):
    def __call__(self, function: Callable[_P, _R], /) -> Dispatcher[_P, _R]: ...

# A `Type` is callable too, but as an argument it is a signature's result: the overloads overlap on purpose.
@overload
def jit(  # type: ignore[overload-overlap]
    signature_or_function: str | Signature | Type | tuple[Any, ...] | list[Any] | None = None,
    locals: Any = None,
    cache: bool = False,
    pipeline_class: Any = None,
    boundscheck: bool | None = None,
    *,
    nopython: bool = True,
    parallel: bool = False,
    fastmath: bool | Iterable[str] | Mapping[str, bool] = False,
    nogil: bool = False,
    **options: Any,
) -> _Decorator: ...
@overload
def jit(signature_or_function: Callable[_P, _R]) -> Dispatcher[_P, _R]: ...
@overload
def njit(  # type: ignore[overload-overlap]
    signature_or_function: str | Signature | Type | tuple[Any, ...] | list[Any] | None = None,
    /,
    *,
    cache: bool = False,
    boundscheck: bool | None = None,
    nopython: bool = True,
    parallel: bool = False,
    fastmath: bool | Iterable[str] | Mapping[str, bool] = False,
    nogil: bool = False,
    **options: Any,
) -> _Decorator: ...
@overload
def njit(signature_or_function: Callable[_P, _R], /) -> Dispatcher[_P, _R]: ...

# A type checker is told that it is `range`: iterating gives integers.
class prange:  # noqa: N801 -- numba's name
    """A `range` whose turns a function compiled with `parallel=True` runs on all cores; elsewhere `range` itself."""

    def __new__(cls, *args: SupportsIndex) -> range: ...  # type: ignore[misc]
