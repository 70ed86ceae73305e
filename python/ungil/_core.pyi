"""The extension module: the compiler, the callable that it makes, and the types."""

from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any, Generic, Literal, ParamSpec, Protocol, SupportsIndex, TypeAlias, TypeVar, final, overload

from ungil._explain import Explanation
from ungil._stats import Stats

__all__ = [
    "CacheWarning",
    "Dispatcher",
    "Optional",
    "Signature",
    "Tuple",
    "Type",
    "TypingError",
    "UngilError",
    "UniTuple",
    "UnsupportedError",
    "__version__",
    "_adopt",
    "_close",
    "_specialise",
    "_type_of_text",
    "cache_folder",
    "cpu_features",
    "cpu_name",
    "get_num_threads",
    "get_thread_id",
    "llvm_version",
    "set_num_threads",
    "threading_layer",
    "typeof",
]

_P = ParamSpec("_P")
_R_co = TypeVar("_R_co", covariant=True)

# What stands for a type where one is asked for.
_TypeLike: TypeAlias = Type | type[bool | int | float | complex] | None
# What stands for a signature.
_SignatureLike: TypeAlias = str | Signature | tuple[_TypeLike, ...] | list[_TypeLike]
_FastMath: TypeAlias = bool | Iterable[str] | Mapping[str, bool]

class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...

__version__: str

class UngilError(Exception):
    """The base of what ungil itself raises."""

class TypingError(UngilError):
    """The types in a function do not fit together."""

class CacheWarning(RuntimeWarning):
    """Compiled code could not be kept on disk: `cache=True` had no effect."""

class UnsupportedError(UngilError):
    """The language of compiled functions, or an option, has no such thing (yet)."""

@final
class Dispatcher(Generic[_P, _R_co]):
    """A function that is compiled for each combination of argument types that it is called with.

    Calling it calls the compiled code. `jit` and `njit` make it; it may be called from any number of threads at once.
    """

    def __new__(
        cls,
        py_func: Callable[_P, _R_co],
        /,
        *,
        parallel: bool = False,
        fastmath: _FastMath | None = None,
        error_model: str = "python",
        inline: str = "never",
        nogil: bool = False,
        cache: bool = False,
        targetoptions: dict[str, object] | None = None,
    ) -> Dispatcher[_P, _R_co]: ...
    def __call__(self, /, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Dispatcher[_P, _R_co]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> Callable[..., _R_co]: ...
    @property
    def py_func(self) -> Callable[_P, _R_co]:
        """The function as it was written."""
    @property
    def signatures(self) -> list[tuple[Type, ...]]:
        """The argument types of each compiled version, in the order of compilation."""
    @property
    def nopython_signatures(self) -> list[Signature]:
        """The signature of each compiled version, in the order of compilation."""
    @property
    def overloads(self) -> dict[tuple[Type, ...], Signature]:
        """The compiled versions: from argument types to signatures."""
    @property
    def targetoptions(self) -> dict[str, object]:
        """The options that the function was decorated with."""
    @property
    def stats(self) -> Stats:
        """The folder of the disk cache, and which versions came from it and which did not.

        No folder and two empty dicts without `cache=True`.
        """
    def compile(self, sig: _SignatureLike) -> None:
        """Compile for a signature: a text, a `Signature`, or a tuple of types."""
    def recompile(self) -> None:
        """Compile every version anew, with what globals and closure variables hold now."""
    def disable_compile(self, val: bool = True) -> None:
        """From now on compile no further version (or allow it again, with `False`)."""
    def inspect_types(self, file: _Writable | None = None) -> None:
        """Print the typed form of each compiled version to `file`, or to standard output."""
    def explain(self, signature: _SignatureLike | None = None) -> Explanation:
        """Tell in words what became of a version, or without a signature of all.

        Which loops vectorised and how wide, which are parallel, what was inlined, where the GIL is held, what the cache
        did, how long each stage took. Raises `KeyError` for a signature that nothing was compiled for.
        """
    @overload
    def inspect_llvm(self, signature: None = None) -> dict[tuple[Type, ...], str]: ...
    @overload
    def inspect_llvm(self, signature: _SignatureLike) -> str:
        """LLVM's IR of a version, after optimisation; without a signature a dict of those of all versions."""
    @overload
    def inspect_asm(self, signature: None = None) -> dict[tuple[Type, ...], str]: ...
    @overload
    def inspect_asm(self, signature: _SignatureLike) -> str:
        """The machine code of a version, as assembly; without a signature a dict of those of all versions."""
    @property
    def __defaults__(self) -> tuple[Any, ...] | None: ...
    @property
    def __kwdefaults__(self) -> dict[str, Any] | None: ...
    @property
    def __code__(self) -> CodeType: ...
    # Taken from the function, in the dispatcher's own dict.
    __name__: str
    __qualname__: str
    __wrapped__: Callable[_P, _R_co]
    __annotations__: dict[str, Any]

@final
class Type:
    """A type of compiled code, such as `float64`.

    Calling a type with types gives a `Signature`; calling it with a number converts the number, wrapping integers and
    rounding floats as compiled code does.
    """

    @property
    def name(self) -> str:
        """The type's name."""
    @property
    def bitwidth(self) -> int:
        """Width in bits of a number type."""
    @overload
    def __call__(self, *args: Type | None) -> Signature: ...
    @overload
    def __call__(self, value: complex | SupportsIndex, /) -> Any: ...
    def __getitem__(self, index: object, /) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Signature:
    """The types of a function's arguments and result."""

    @property
    def return_type(self) -> Type | None:
        """The result's type; `None` if it is to be inferred."""
    @property
    def args(self) -> tuple[Type, ...]:
        """The arguments' types."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def Tuple(types: Iterable[_TypeLike]) -> Type:  # noqa: N802 -- numba's name
    """`Tuple((int64, float64))`: the type of a tuple of these elements."""

def UniTuple(dtype: _TypeLike, count: int) -> Type:  # noqa: N802 -- numba's name
    """`UniTuple(float64, 3)`: the type of a tuple of so many elements of one type."""

def Optional(dtype: _TypeLike) -> Type:  # noqa: N802 -- numba's name
    """`Optional(float64)`: the type of a value that may be `None`."""

def typeof(value: object) -> Type:
    """The type that compiled code gives to `value`."""

def llvm_version() -> str:
    """LLVM's version, `"19.1.7"`."""

def cpu_name() -> str:
    """The processor that code is made for, by LLVM's name."""

def cpu_features() -> str:
    """The processor's features that code may use, by LLVM's names: `"+avx2,-sse4a,…"`."""

def get_num_threads() -> int:
    """The number of threads that parallel loops called from this thread use."""

def set_num_threads(n: int) -> None:
    """Set the number of threads that parallel loops called from this thread use from now on."""

def cache_folder() -> str | None:
    """The folder that `cache=True` keeps compiled code in; none for a user without a home."""

def get_thread_id() -> int:
    """The number of this thread within a parallel loop, from 0; outside of compiled code always 0."""

def threading_layer() -> Literal["rayon"]:
    """What parallel loops run on: `"rayon"`."""

def _adopt(dispatcher: Dispatcher[..., Any]) -> None: ...
def _close() -> None: ...
def _specialise(
    make: Callable[[Callable[_P, _R_co]], Dispatcher[_P, _R_co]],
    signatures: Iterable[_SignatureLike],
    function: Callable[_P, _R_co],
) -> Dispatcher[_P, _R_co]: ...
def _type_of_text(text: str) -> Type: ...
