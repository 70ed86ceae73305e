"""`pre_dispatch` and `max_nbytes` as they may be written: small expressions in `n_jobs`, sizes with a unit."""

from __future__ import annotations

import ast
import functools
import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("ahead_of", "bytes_of")

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}

# Nobody means longer ones, nor larger numbers; with these limits none takes long.
_MOST_CHARACTERS = 60
_MOST = 10**6

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def ahead_of(pre_dispatch: int | float | str, n_jobs: int) -> int | None:
    """Return how many batches may be drawn ahead of the results; None for all at once.

    Args:
        pre_dispatch: the number; "all"; or an arithmetic expression in `n_jobs`, such as "2 * n_jobs". It is not run
            as Python: there are numbers, `n_jobs`, parentheses and + - * / // % **.
        n_jobs: what `n_jobs` means in it.

    Raises:
        ValueError: the expression is something else, or its value out of range.
    """
    if pre_dispatch == "all":
        return None
    value = _value(pre_dispatch, n_jobs) if isinstance(pre_dispatch, str) else pre_dispatch
    return max(int(value), 1)


def bytes_of(max_nbytes: int | str | None) -> int | None:
    """Return a size in bytes: a number, or a text such as "1M", "500K" or "1.5G".

    Args:
        max_nbytes: what was given; None stays None.

    Raises:
        ValueError: the text is no size.
    """
    if not isinstance(max_nbytes, str):
        return max_nbytes
    try:
        return int(_UNITS[max_nbytes[-1]] * float(max_nbytes[:-1]))
    except (KeyError, ValueError, IndexError):
        raise ValueError(
            f"max_nbytes must be a number of bytes, None, or a text as '10G', '500M' or '50K', got {max_nbytes!r}"
        ) from None


@functools.lru_cache
def _value(text: str, n_jobs: int) -> Any:
    shown = text[:_MOST_CHARACTERS]
    problem = f"pre_dispatch must be 'all', a number, or an arithmetic expression as '2 * n_jobs', got {shown!r}"
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{problem}..., which has {len(text)} characters, more than {_MOST_CHARACTERS}")
    try:
        return _evaluate(ast.parse(text.strip(), mode="eval").body, n_jobs)
    except (TypeError, SyntaxError, OverflowError, ZeroDivisionError, KeyError) as failure:
        raise ValueError(problem) from failure


def _evaluate(node: ast.AST, n_jobs: int) -> Any:
    if isinstance(node, ast.BinOp):
        value = _OPERATORS[type(node.op)](_evaluate(node.left, n_jobs), _evaluate(node.right, n_jobs))
    elif isinstance(node, ast.UnaryOp):
        value = _OPERATORS[type(node.op)](_evaluate(node.operand, n_jobs))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
    elif isinstance(node, ast.Name) and node.id == "n_jobs":
        return n_jobs
    else:
        raise TypeError(f"{ast.dump(node)[:_MOST_CHARACTERS]} is no part of it")
    if isinstance(value, complex) or not abs(value) <= _MOST:
        # Checked at each step: no power of powers is ever worked out.
        raise ValueError(f"a number of pre_dispatch is out of range: {value!r} is not between {-_MOST} and {_MOST}")
    return value
