"""The decorators `jit` and `njit`, and `prange`; their types are in the stub beside this file."""

from __future__ import annotations

from types import FunctionType

from ungil._core import Dispatcher, Signature, Type, UnsupportedError, _adopt, _specialise

__all__ = ("jit", "njit", "prange")

# Known to numba and not (yet) to us: refused unless switched off.
_UNSUPPORTED = {
    "debug": "debug information is not supported yet",
    "forceinline": 'it is not supported; `inline="always"` is',
    "forceobj": "there is no object mode: what cannot be compiled is an error",
    "locals": "types of local variables cannot be given; they are inferred",
    "looplift": "there is no object mode, so there are no loops to lift out of it",
    "pipeline_class": "the compiler's passes cannot be replaced",
    "target_backend": "code is made for this machine's processor only",
    "writable_args": "arguments are values, which have nothing to write to",
}
# Accepted and without effect: what they ask for is so already, or tunes numba's own machinery.
_WITHOUT_EFFECT = frozenset(
    {"_nrt", "boundscheck", "no_cfunc_wrapper", "no_cpython_wrapper", "no_rewrites", "nopython"}
)
_COMPILED_IN = frozenset({"cache", "error_model", "fastmath", "inline", "nogil", "parallel"})


def jit(
    signature_or_function=None,
    locals=None,  # noqa: A002 -- numba's name
    cache=False,
    pipeline_class=None,
    boundscheck=None,
    **options,
):
    """Compile a function for the types that it is called with.

    Used as `@jit`, as `@jit(parallel=True)`, or with signatures, which are compiled at once and are then the only
    ones: `@jit("float64(int32)")`, `@jit([float64(float64), float32(float32)])`.

    Args:
        signature_or_function: the function; or a signature, as text, as `float64(int32)` or as a tuple of types;
            or a list of signatures.
        locals: must be empty; here for numba's programs.
        cache: also keep compiled code on disk, in the folder that `UNGIL_CACHE_DIR` names or in `ungil` among the
            user's caches; a later process then starts without compiling. Code is found by what it is made from, the
            functions that are called and the values that are captured included, so it is never stale.
        pipeline_class: must be left out; here for numba's programs.
        boundscheck: accepted; accesses are checked wherever they could fail.
        **options: `nopython` (always so), `parallel` (`prange` uses all cores), `fastmath` (a bool or a set of
            flags), `nogil` (every call lets the interpreter go; long ones do in any case), `error_model`
            (`"python"` or `"numpy"`), `inline` (`"never"` or `"always"`).

    Returns:
        A `Dispatcher`; or, without a function, a decorator that makes one.

    Raises:
        TypeError: an option is unknown, or what is decorated is no function.
        UnsupportedError: an option asks for what does not exist (yet).
        TypingError: a function does not fit a given signature.

    Example:
        >>> import ungil
        >>> @ungil.jit
        ... def add(a, b):
        ...     return a + b
        >>> add(1, 2.5)
        3.5
    """
    options = {
        **options,
        "locals": locals,
        "cache": bool(cache),
        "pipeline_class": pipeline_class,
        "boundscheck": boundscheck,
    }
    compiled_in = _checked(options)
    asked_for = {name: value for name, value in options.items() if value}

    if signature_or_function is None:
        signatures = None
    elif isinstance(signature_or_function, list):
        signatures = signature_or_function
    elif isinstance(signature_or_function, (str, tuple, Signature)):
        signatures = [signature_or_function]
    elif isinstance(signature_or_function, Type):
        # numba reads a type alone as the type of the result.
        signatures = [signature_or_function()]
    else:
        return _dispatcher(signature_or_function, asked_for, compiled_in)

    def decorate(function):
        return _dispatcher(function, asked_for, compiled_in)

    if signatures is None:
        return decorate
    # Imported by the few who give signatures: it takes a good part of what importing the package does.
    from functools import partial

    return partial(_specialise, decorate, signatures)


def njit(*args, **options):
    """Compile a function for the types that it is called with: `jit` under the name that numba's programs use.

    Args:
        *args: as those of `jit`.
        **options: as those of `jit`.

    Returns:
        As `jit`.
    """
    return jit(*args, **options)


class prange:  # noqa: N801 -- numba's name
    """A `range` whose turns a function compiled with `parallel=True` runs on all cores; elsewhere `range` itself."""

    def __new__(cls, *args):
        """Return `range(*args)`: compiled code never comes here."""
        return range(*args)


def _checked(options):
    """Return the options that the compiler takes, or raise for one that asks for what there is not."""
    for name, value in options.items():
        if name in _UNSUPPORTED:
            if value:
                raise UnsupportedError(f"the option `{name}={value!r}` of jit: {_UNSUPPORTED[name]}")
        elif name not in _COMPILED_IN and name not in _WITHOUT_EFFECT:
            raise TypeError(f"jit() got an unexpected option {name!r}")
    return {name: value for name, value in options.items() if name in _COMPILED_IN}


def _dispatcher(function, asked_for, compiled_in):
    if isinstance(function, Dispatcher):
        raise TypeError(
            f"{function!r} is compiled already: decorate the function once, with all its options (its plain function "
            "is `py_func`)"
        )
    if not isinstance(function, FunctionType):
        raise TypeError(f"jit compiles functions written in Python, not {type(function).__name__!r} objects")
    dispatcher = Dispatcher(function, targetoptions=asked_for, **compiled_in)
    _adopt(dispatcher)
    return dispatcher


for _public in (jit, njit, prange):
    _public.__module__ = "ungil"
