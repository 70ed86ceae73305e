"""`delayed`, which makes tasks, and `wrap_non_picklable_objects`."""

from __future__ import annotations

import pickle

from ungil._core import delayed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

__all__ = ("delayed", "wrap_non_picklable_objects")


def wrap_non_picklable_objects(obj: Any, keep_wrapper: bool = True) -> Any:
    """Return a stand-in for an object that is always pickled by value, by cloudpickle.

    Tasks for processes need this no more than in joblib: what other processes cannot import goes by value by itself.

    Args:
        obj: a class, a function, or another object. Of a class, instances are wrapped as they are made.
        keep_wrapper: whether it arrives as the stand-in; or else as the object itself.

    Returns:
        The stand-in; it is called, and has the attributes, as the object.

    Example:
        >>> from ungil.parallel import wrap_non_picklable_objects
        >>> import pickle
        >>> pickle.loads(pickle.dumps(wrap_non_picklable_objects(lambda x: x + 1)))(1)
        2
    """
    if isinstance(obj, type):
        cls = obj

        class Wrapped(_Wrapper):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(cls(*args, **kwargs), keep_wrapper)

        Wrapped.__name__ = cls.__name__
        return Wrapped
    return _wrapped(obj, keep_wrapper)


class _Wrapper:
    """A stand-in; whatever is asked of it, the object is asked."""

    def __init__(self, obj: Any, keep_wrapper: bool) -> None:
        self._obj = obj
        self._keep_wrapper = keep_wrapper

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle  # type: ignore[import-untyped]

        data = cloudpickle.dumps(self._obj)
        return (_rewrapped, (data, True)) if self._keep_wrapper else (pickle.loads, (data,))

    def __getattr__(self, name: str) -> Any:
        if name in ("_obj", "_keep_wrapper"):
            # Asked for while it is being made.
            raise AttributeError(name)
        return getattr(self._obj, name)


class _CallableWrapper(_Wrapper):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._obj(*args, **kwargs)


def _wrapped(obj: Any, keep_wrapper: bool) -> _Wrapper:
    return (_CallableWrapper if callable(obj) else _Wrapper)(obj, keep_wrapper)


def _rewrapped(data: bytes, keep_wrapper: bool) -> _Wrapper:
    return _wrapped(pickle.loads(data), keep_wrapper)  # noqa: S301 -- by `__reduce__`


delayed.__module__ = wrap_non_picklable_objects.__module__ = "ungil.parallel"
