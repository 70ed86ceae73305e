"""The house's own rules: who may depend on what, and that every file says what it is."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUST_FILES = sorted((ROOT / "crates").rglob("*.rs"))
PYTHON_FILES = sorted(
    path for folder in ("python", "tests", "benches", "examples") for path in (ROOT / folder).rglob("*.py")
)
PACKAGE_FILES = sorted((ROOT / "python").rglob("*.py"))

# Which crate alone may name a foreign one, whatever kind of dependency it is.
OWNERS = {
    "pyo3": "ungil-python",
    "pyo3-ffi": "ungil-python",
    "pyo3-build-config": "ungil-python",
    "inkwell": "ungil-codegen",
    "llvm-sys": "ungil-codegen",
}


def dependencies() -> dict[str, set[str]]:
    """Return each crate of the workspace with the names of all that it depends on itself."""
    cargo = shutil.which("cargo")
    assert cargo is not None, "the tests run where cargo is"
    command = [cargo, "metadata", "--format-version=1", "--no-deps", "--offline"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    packages = json.loads(output)["packages"]
    return {package["name"]: {wanted["name"] for wanted in package["dependencies"]} for package in packages}


def test_only_the_owner_names_a_foreign_crate() -> None:
    found = dependencies()
    assert set(OWNERS.values()) <= set(found)
    wrong = [
        f"{crate} depends on {foreign}, which only {owner} may"
        for crate, names in found.items()
        for foreign, owner in OWNERS.items()
        if foreign in names and crate != owner
    ]
    assert not wrong


def test_what_builds_alone_needs_neither_llvm_nor_python() -> None:
    """`cargo test` builds the front end, the IR and the runtime on a machine that has neither."""
    found = dependencies()
    owners = set(OWNERS.values())
    for crate in ("ungil-ir", "ungil-front", "ungil-rt"):
        reached, pending = set(), [crate]
        while pending:
            name = pending.pop()
            if name in found and name not in reached:
                reached.add(name)
                pending.extend(found[name])
        assert not reached & owners, f"{crate} reaches {reached & owners}"


@pytest.mark.parametrize("path", RUST_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_rust_file_opens_with_what_it_holds(path: Path) -> None:
    assert path.read_text().startswith("//! ")


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_python_file_opens_with_what_it_holds(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_public_module_lists_its_names(path: Path) -> None:
    if "prelude" in path.parts or (path.stem.startswith("_") and not path.stem.startswith("__")):
        pytest.skip("not a public module")
    assigned = {
        target.id
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "__all__" in assigned


def test_every_make_target_is_in_its_help() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    described = [line.partition(":")[0] for line in lines if ": " in line and " ## " in line]
    assert sorted(phony) == sorted(described)
