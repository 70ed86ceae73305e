"""`delayed`, which makes tasks, and `wrap_non_picklable_objects`."""

from __future__ import annotations

import functools
import pickle
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    _Partial = functools.partial[Any]
else:
    _Partial = functools.partial

__all__ = ("delayed", "wrap_non_picklable_objects")


def delayed(function: Callable[..., Any]) -> Callable[..., Task]:
    """Return a function whose calls are not made, but kept as tasks for `Parallel`.

    Args:
        function: what is to be called.

    Returns:
        What has the name and the documentation of this one. Called, it returns the tuple of the function, the
        positional arguments and the dictionary of the others.

    Example:
        >>> from ungil.parallel import delayed
        >>> delayed(pow)(2, 3)
        (<built-in function pow>, (2, 3), {})
    """
    return _Delayed(_task, function)


def _task(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Task:
    return function, args, kwargs


class _Delayed(_Partial):
    """What `delayed` returns. It is mostly made for each task, so nothing is copied from the function: it is asked."""

    __slots__ = ()

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self.args[0]
        return function

    def __getattr__(self, name: str) -> Any:
        return getattr(self.args[0], name)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        text: str | None = self.args[0].__doc__
        return text

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Become a method where the function would."""
        return self if instance is None else types.MethodType(self, instance)


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
