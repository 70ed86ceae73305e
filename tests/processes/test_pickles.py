"""Pickles for other processes: what of `__main__` one names is found by its opcodes."""

from __future__ import annotations

import functools
import io
import math
import operator
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

if not sys.platform.startswith("linux"):
    pytest.skip("processes are the standard library's here", allow_module_level=True)

from ungil._core import _pickle_names
from ungil._process_pool.pickles import pickled

NAMES = st.sampled_from(["math", "sin", "__main__", "\x93", "cmath\nsin\n", "x" * 300, "é" * 200])
LEAVES = st.one_of(
    NAMES,
    st.binary(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.none() | st.booleans(),
    NAMES.map(lambda name: name.encode()),
    NAMES.map(lambda name: bytearray(name.encode())),
    st.sampled_from([math.sin, math.cos, operator.add, len, dict, io.BytesIO, range(3), b"math" * 100]),
)


def containers(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    few = st.lists(inside, max_size=5)
    return st.one_of(
        few,
        few.map(tuple),
        st.dictionaries(NAMES, inside, max_size=4),
        st.frozensets(NAMES, max_size=3) | st.sets(NAMES, max_size=3),
        few.map(lambda items: functools.partial(len, *items)),
        # The same objects again, from the memo.
        few.map(lambda items: [items, items, "math", *items]),
    )


class Recording(pickle.Unpickler):
    """Notes what modules are named."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        return super().find_class(module, name)


@given(st.recursive(LEAVES, containers, max_leaves=30), st.integers(0, 5), st.booleans())
def test_a_module_is_named_if_something_of_it_is_looked_up(obj: Any, protocol: int, in_python: bool) -> None:
    dumps = pickle._dumps if in_python else pickle.dumps  # type: ignore[attr-defined]
    data = dumps(obj, protocol)
    reader = Recording(data)
    reader.load()
    for module in ("math", "__main__", "builtins", "functools", "_operator"):
        assert _pickle_names(data, module) == (module in reader.modules)


@given(st.binary(max_size=60))
def test_what_is_no_pickle_is_an_answer_too(data: bytes) -> None:
    assert _pickle_names(data, "math") in (True, False)


@pytest.mark.parametrize("data", [b"", b"\x80\x05", b"\xff", b"\x8c\xff__main__", b"X\xff\xff\xff\xff", b"cmath"])
def test_what_ends_too_soon_may_name_anything(data: bytes) -> None:
    assert _pickle_names(data, "math")


def test_the_name_of_main_as_a_text_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import ungil._process_pool.picklers

    def refused(*_: Any) -> Any:
        raise AssertionError("it was pickled once more")

    monkeypatch.setattr(ungil._process_pool.picklers, "by_value", refused)
    obj = ["__main__", {"__main__": b"multiprocessing.connection"}, np.zeros(10)]
    data, _, _ = pickled(obj)
    assert pickle.loads(data)[:2] == obj[:2]
