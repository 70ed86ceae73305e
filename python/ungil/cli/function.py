"""The rows of `ungil bench FILE.py:function`: the user's own function, run in every way that applies to it."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import ungil
from ungil.cli import RequestError
from ungil.cli.peers import numba_rows
from ungil.cli.rebind import has_prange, plain_function, rebind
from ungil.cli.rows import Benchmark, Family, Row

__all__ = ("compare", "function_benchmark", "parse_arguments")


def function_benchmark(target: str, args: str | None, kwargs: str | None, threads: int) -> Benchmark:
    """Describe the benchmark of a user's function.

    Args:
        target: `FILE.py:function`. The function may be plain, or compiled already; the file is imported, so what
            should not run then belongs under `if __name__ == "__main__"`.
        args: a literal or a tuple of literals.
        kwargs: a literal dictionary.
        threads: how many threads the parallel rows use.

    Raises:
        RequestError: the function cannot be found, or an argument is no literal.
    """
    function = _load(target)
    positional, keywords = parse_arguments(args, kwargs)
    parallel = has_prange(function)

    def row(name: str, **options: bool) -> Row:
        def prepare(_: object) -> Callable[[], object]:
            compiled = ungil.njit(**options)(rebind(function, ungil.prange, ungil.njit))
            return lambda: compiled(*positional, **keywords)

        return Row(name, Family.UNGIL, prepare, compiles=True)

    def prepare_plain(_: object) -> Callable[[], object]:
        plain = rebind(function, range, lambda inner: inner)
        return lambda: plain(*positional, **keywords)

    rows = [
        Row("plain Python", Family.PYTHON, prepare_plain),
        row("ungil"),
        row("ungil fastmath", fastmath=True),
    ]
    if parallel:
        rows.append(row("ungil parallel fastmath", parallel=True, fastmath=True))
    rows.extend(numba_rows(function, *positional, parallel=parallel, **keywords))
    return Benchmark(
        title=f"{function.__name__}({_spelled(positional, keywords)}), {threads} thread{'s' if threads != 1 else ''}",
        rows=tuple(rows),
        verdict_title="result",
        verdict=compare,
        parameters={"target": target, "args": args, "kwargs": kwargs, "threads": threads},
    )


def parse_arguments(args: str | None, kwargs: str | None) -> tuple[tuple[object, ...], dict[str, object]]:
    """Read the texts of `--args` and `--kwargs`.

    Raises:
        RequestError: a text holds something else than literals, or `kwargs` is not a dictionary of names.
    """
    positional = _literal("--args", args, ())
    keywords = _literal("--kwargs", kwargs, {})
    if not isinstance(keywords, dict) or not all(isinstance(name, str) for name in keywords):
        raise RequestError("--kwargs wants a dictionary of names and literals, such as \"{'n_iter': 1000}\"")
    return positional if isinstance(positional, tuple) else (positional,), keywords


def compare(result: object, plain: object) -> str:
    """Say how a result stands to plain Python's: `equal`, `close` (to a billionth), `differs`, or `-` without one."""
    if plain is None and result is not None:
        return "-"
    if _all_agree(result, plain, _same):
        return "equal"
    return "close" if _all_agree(result, plain, _near) else "differs"


def _load(target: str) -> FunctionType:
    path_text, separator, name = target.rpartition(":")
    path = Path(path_text)
    if not separator or path.suffix != ".py":
        raise RequestError(f"{target!r} is neither `integrate` nor FILE.py:function")
    if not path.is_file():
        raise RequestError(f"there is no file {path_text}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise RequestError(f"{path_text} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # As `python FILE.py` would find them: the file's neighbours, and the module itself under its name.
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RequestError(f"{path_text} raised {type(error).__name__} when it was imported: {error}") from error
    function = plain_function(getattr(module, name, None))
    if function is None:
        raise RequestError(f"{path_text} defines no function {name}")
    return function


def _literal(option: str, text: str | None, default: object) -> object:
    if text is None or not text.strip():
        return default
    try:
        value: object = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError) as error:
        raise RequestError(f"{option} wants Python literals separated by commas, not {text!r}") from error
    return value


def _spelled(positional: tuple[object, ...], keywords: dict[str, object]) -> str:
    return ", ".join([*map(repr, positional), *(f"{name}={value!r}" for name, value in keywords.items())])


def _all_agree(left: object, right: object, agree: Callable[[object, object], bool]) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(lambda a, b: _all_agree(a, b, agree), left, right))
    return agree(left, right)


def _same(left: object, right: object) -> bool:
    # A nan is the same answer as a nan, though it equals nothing.
    return type(left) is type(right) and (left == right or (left != left and right != right))


def _near(left: object, right: object) -> bool:
    if isinstance(left, int | float | complex) and isinstance(right, int | float | complex):
        return abs(left - right) <= 1e-9 * max(abs(left), abs(right)) or left == right
    return False
