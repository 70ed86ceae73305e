"""NumPy arrays in memory that processes share: passed to another process, they are the same array there, not a copy.

They may be arguments and results of `ungil.futures.ProcessPoolExecutor`, and go through pipes and queues. What one
process writes, the others see: who writes while others read has to see to the order, with a lock or by waiting for a
call's result. The memory has no name, and is gone when no process has it any more.

Example:
    >>> from ungil import shared
    >>> from ungil.futures import ProcessPoolExecutor
    >>> numbers = shared.array(3)
    >>> with ProcessPoolExecutor(max_workers=1) as executor:
    ...     executor.submit(lambda array: array.fill(7.0), numbers).result()
    >>> numbers.tolist()
    [7.0, 7.0, 7.0]
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref

import numpy as np

from ungil._core import _SharedMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    _Base = np.ndarray[Any, Any]
else:
    _Base = np.ndarray

__all__ = ("SharedArray", "array", "copy")


def array(shape: int | tuple[int, ...], dtype: DTypeLike = float, order: Literal["C", "F"] = "C") -> SharedArray:
    """Return a new array of zeros in shared memory.

    Args:
        shape: its shape.
        dtype: the type of its elements, which may hold no Python objects.
        order: whether the last index varies fastest in memory (`"C"`), or the first (`"F"`).

    Raises:
        TypeError: elements of this type are Python objects, which no other process has.
        ValueError: a number of the shape is negative.
        OSError: there is no memory.

    Example:
        >>> from ungil import shared
        >>> shared.array((2, 3), dtype="int32").tolist()
        [[0, 0, 0], [0, 0, 0]]
    """
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise TypeError(f"an array of {dtype} holds Python objects, which other processes do not have")
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if any(length < 0 for length in shape):
        raise ValueError(f"the shape of an array has no negative numbers, got {shape}")
    n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return _made(_SharedMemory(max(n_bytes, 1)), 0, shape, dtype, None, order)


def copy(a: ArrayLike) -> SharedArray:
    """Return a copy of an array in shared memory.

    Args:
        a: the array, or what NumPy makes one of.

    Raises:
        TypeError: its elements are Python objects.
        OSError: there is no memory.

    Example:
        >>> from ungil import shared
        >>> shared.copy([1, 2, 3]).tolist()
        [1, 2, 3]
    """
    source = np.asanyarray(a)
    is_fortran = source.flags.f_contiguous and not source.flags.c_contiguous
    made = array(source.shape, source.dtype, "F" if is_fortran else "C")
    if source.nbytes >= _BY_WRITING and (source.flags.c_contiguous or is_fortran):
        _write(made, source.T if is_fortran else source)
    else:
        made[...] = source
    return made


# From so many bytes on they are written to the memory's file: the system then finds pages for them all at once, and not
# one by one as they are touched. Measured for 100 MB: 75 ms in the place of 125.
_BY_WRITING = 1 << 20


def _write(made: SharedArray, source: NDArray[Any]) -> None:
    """Fill a new array's memory with the bytes of an array that lies in one piece."""
    memory = made._memory
    assert memory is not None
    view = source.view(np.ndarray).reshape(-1).view(np.uint8).data
    written = 0
    while written < len(view):
        written += os.pwrite(memory.fileno(), view[written:], written)


class SharedArray(_Base):
    """An array in shared memory, made by `array` and `copy`; so are views of it, and what is computed is not."""

    _memory: _SharedMemory | None = None

    def __array_finalize__(self, obj: Any) -> None:
        """Keep the memory, in a view."""
        memory = getattr(obj, "_memory", None)
        if memory is not None and self.nbytes > 0 and memory.address <= self.ctypes.data < memory.address + len(memory):
            self._memory = memory

    def __array_wrap__(self, arr: NDArray[Any], context: Any = None, return_scalar: bool = False) -> Any:
        """Return what was computed as a plain array."""
        if self is arr or (isinstance(arr, SharedArray) and arr._memory is not None):
            return arr
        return arr[()] if return_scalar or arr.shape == () else arr.view(np.ndarray)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Become the same array in another process; a copy where this one's memory is its own."""
        memory = self._memory
        if memory is None:
            return self.view(np.ndarray).__reduce_ex__(protocol)
        kept = getattr(_PASSING, "kept", None)
        if kept is not None:
            kept.append(memory)
        handle = (os.getpid(), memory.fileno(), memory.inode)
        offset = self.ctypes.data - memory.address
        return _opened, (*handle, offset, self.shape, self.dtype, self.strides)

    def __reduce__(self) -> Any:
        """Do the same."""
        return self.__reduce_ex__(2)

    def __deepcopy__(self, memo: Any) -> SharedArray:
        """Return a copy in shared memory of its own."""
        return copy(self)


# What is being passed on by this thread, to be kept until the other process has it.
_PASSING = threading.local()

# By the number of its file: a process maps each memory once.
_MAPPED: weakref.WeakValueDictionary[int, _SharedMemory] = weakref.WeakValueDictionary()


@contextlib.contextmanager
def _keeping() -> Iterator[list[_SharedMemory]]:
    """Collect the memory of the arrays that are pickled meanwhile."""
    kept: list[_SharedMemory] = []
    _PASSING.kept = kept
    try:
        yield kept
    finally:
        _PASSING.kept = None


def _opened(pid: int, fd: int, inode: int, offset: int, shape: Any, dtype: Any, strides: Any) -> SharedArray:
    memory = _MAPPED.get(inode)
    if memory is None:
        memory = _SharedMemory.open(pid, fd, inode)
        _MAPPED[inode] = memory
    return _made(memory, offset, shape, dtype, strides, "C")


def _made(memory: _SharedMemory, offset: int, shape: Any, dtype: Any, strides: Any, order: Any) -> SharedArray:
    buffer = memoryview(memory)  # type: ignore[arg-type]  # which type checkers see from 3.12 on
    made: SharedArray = np.ndarray.__new__(SharedArray, shape, dtype, buffer, offset, strides, order)
    made._memory = memory
    _MAPPED[memory.inode] = memory
    return made
