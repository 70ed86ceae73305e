"""The public surface: what `import ungil` gives, that the stubs tell the truth, and that numba's programs run."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ungil

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = ("ungil", "ungil.errors", "ungil.parallel", "ungil.types")


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        value = getattr(module, public)
        assert value.__doc__ or isinstance(value, str)


def test_the_version_is_that_of_the_package() -> None:
    manifest = (ROOT / "Cargo.toml").read_text()
    found = re.search(r'^version = "(.+)"$', manifest, re.MULTILINE)
    assert found is not None
    assert ungil.__version__ == found[1]


def test_import_takes_neither_numpy_nor_the_heavy_parts_of_the_library() -> None:
    program = "import sys; before = set(sys.modules); import ungil; print(*set(sys.modules) - before)"
    command = [sys.executable, "-S", "-c", program]
    output = subprocess.run(command, capture_output=True, text=True, check=False, env=_path())
    assert output.returncode == 0, output.stderr
    loaded = set(output.stdout.split())
    assert not loaded & {"numpy", "inspect", "typing", "linecache", "ast", "dis", "rich", "concurrent"}


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(ungil.__file__).parents[1])}


NUMBA = """
import math
import ungil as numba
from ungil import jit, njit, prange, int32, float64, types
from ungil.errors import TypingError, NumbaError

@numba.jit(nopython=True, parallel=True, fastmath=True, cache=True)
def integrate(a, b, *, n_iter=1000):
    acc = 0
    step = (b - a) / n_iter
    for i in numba.prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc

@numba.njit("int32(int32, int32)", nogil=True)
def add(a, b):
    return a + b

@numba.njit([float64(float64), types.float32(types.float32)])
def half(x):
    return x / 2

@njit
def typed(x):
    return numba.int8(x), numba.float64(x)

assert abs(integrate(0, math.pi / 2) - 1) < 1e-2
assert add(1, 2) == 3
assert half(3.0) == 1.5
assert typed(300) == (44, 300.0)
numba.set_num_threads(1)
assert numba.get_num_threads() == 1
try:
    njit(lambda x: x.nothing)(1)
except NumbaError:
    pass
"""


def test_a_program_written_for_numba_runs(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(NUMBA)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_stubs_tell_the_truth() -> None:
    modules = ["ungil._core", "ungil._decorators", "ungil.types", "ungil.errors"]
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", *modules]
    done = subprocess.run(command, cwd=ROOT / "python", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_type_checker_sees_the_signatures_of_compiled_functions() -> None:
    file = ROOT / "tests" / "typing" / "typed.py"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(file)]
    environment = {"MYPYPATH": str(ROOT / "python")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    subprocess.run([sys.executable, str(file)], check=True)
