"""What a worker is doing, in a file that its watcher has mapped too: it outlives a crash of the worker."""

from __future__ import annotations

import mmap
from pathlib import Path

_FIELDS = ("seed", "tried", "wrong", "shrinking", "done")
_SIZE = 8


class State:
    """Whole numbers, 0 at first.

    Attributes:
        seed: the seed under trial.
        tried: how many programs have been tried.
        wrong: how many of them differed.
        shrinking: whether the program of `seed` is being shrunk.
        done: whether the worker came to its end.
    """

    seed: int
    tried: int
    wrong: int
    shrinking: int
    done: int

    _memory: memoryview[int]

    def __init__(self, path: Path) -> None:
        size = _SIZE * len(_FIELDS)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._memory = memoryview(mmap.mmap(file.fileno(), size)).cast("q")

    def __getattr__(self, name: str) -> int:
        if name not in _FIELDS:
            raise AttributeError(name)
        return self._memory[_FIELDS.index(name)]

    def __setattr__(self, name: str, value: int) -> None:
        if name in _FIELDS:
            self._memory[_FIELDS.index(name)] = value
        else:
            object.__setattr__(self, name, value)
