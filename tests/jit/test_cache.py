"""`cache=True`: code on disk, found by later processes, never stale, never in the way."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import json, math, warnings
    import helper
    from ungil import njit
    from ungil.errors import CacheWarning

    SCALE = 2.0

    @njit(cache=True)
    def f(n):
        total = 0.0
        for i in range(n):
            total += helper.term(i) * SCALE
        return total

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = f(10)
    hits, misses = f.stats.cache_hits, f.stats.cache_misses
    texts = [str(warning.message) for warning in caught if warning.category is CacheWarning]
    assert len(texts) == len(caught), caught
    print(json.dumps([result, sum(hits.values()), sum(misses.values()), texts]))
"""
HELPER = "def term(i):\n    return i + 0.5\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in a folder of its own, beside the module that it imports."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "helper.py").write_text(HELPER)
    return path


def start(program: Path, cache: Path | str, prefix: str = "") -> "subprocess.Popen[str]":
    """Run the program in a process of its own, after what `prefix` says."""
    code = f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(program.parent)!r})\n{prefix}\n"
    code += f"import runpy; runpy.run_path({str(program)!r})"
    environment = {**os.environ, "UNGIL_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def outcome(process: "subprocess.Popen[str]") -> tuple[float, int, int, list[str]]:
    """Return the result, the hits, the misses and the warnings."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    result, hits, misses, texts = json.loads(output)
    return result, hits, misses, texts


def run(program: Path, cache: Path | str, prefix: str = "") -> tuple[float, int, int, list[str]]:
    return outcome(start(program, cache, prefix))


def test_a_later_process_finds_the_code(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert run(program, cache) == (100.0, 0, 1, [])
    assert run(program, cache) == (100.0, 1, 0, [])
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o077 == 0, "others may not write what runs with our rights"
    assert cache.stat().st_mode & 0o077 == 0


def test_code_is_never_stale(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(program, cache)
    source = program.read_text()
    helper = tmp_path / "helper.py"

    program.write_text(source.replace("SCALE = 2.0", "SCALE = 4.0"))
    assert run(program, cache) == (200.0, 0, 1, [])
    helper.write_text(HELPER.replace("0.5", "1.5"))
    assert run(program, cache) == (240.0, 0, 1, [])
    program.write_text(source.replace("njit(cache=True)", "njit(cache=True, fastmath=True)"))
    assert run(program, cache)[1:3] == (0, 1)

    # Back to what was there first: that is still right.
    program.write_text(source)
    helper.write_text(HELPER)
    assert run(program, cache) == (100.0, 1, 0, [])


def test_a_spoilt_file_is_replaced(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(program, cache)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for spoilt in (b"", whole[:100], whole[:-1] + bytes([whole[-1] ^ 1]), b"\x7fELF" + whole):
        file.write_bytes(spoilt)
        assert run(program, cache) == (100.0, 0, 1, [])
        assert file.read_bytes() == whole


def test_many_processes_at_once_agree(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    processes = [start(program, cache) for _ in range(32)]
    for process in processes:
        result, hits, misses, texts = outcome(process)
        assert (result, hits + misses, texts) == (100.0, 1, [])
    assert len(list(cache.iterdir())) == 1, "no temporary file is left"


def test_a_folder_that_cannot_be_written_costs_a_warning(program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for folder in (tmp_path / "file" / "cache", "/proc/ungil"):
        result, hits, misses, (text,) = run(program, folder)
        assert (result, hits, misses) == (100.0, 0, 1)
        assert "the compiled code of `f` is not cached" in text
        assert str(folder) in text


def test_a_full_disk_costs_a_warning(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    # Files cannot grow beyond the limit, as on a disk without room.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    result, hits, misses, (text,) = run(program, cache, limit)
    assert (result, hits, misses) == (100.0, 0, 1)
    assert "cannot be written" in text
    assert list(cache.iterdir()) == [], "nothing half-written is left"
    assert run(program, cache) == (100.0, 0, 1, [])


def test_no_cache_is_written_unasked(program: Path, tmp_path: Path) -> None:
    program.write_text(program.read_text().replace("cache=True", "cache=False"))
    assert run(program, tmp_path / "cache") == (100.0, 0, 0, [])
    assert not (tmp_path / "cache").exists()
