"""The examples in the docstrings of locks, queues, futures and parallel loops do what they say."""

from __future__ import annotations

import doctest
import importlib
import sys
import warnings
from collections.abc import Iterator

import pytest

MODULES = ["ungil.threading", "ungil.queue", "ungil.futures", "ungil.parallel"]
if sys.platform == "linux":
    # Where the classes are that `ungil.multiprocessing` makes instances of.
    MODULES += ["ungil._mp_synchronize", "ungil._mp_queues", "ungil.multiprocessing.pool", "ungil.shared"]


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    parser = doctest.DocTestParser()
    for name in MODULES:
        module = importlib.import_module(name)
        documented = {name: module, **{f"{name}.{public}": getattr(module, public) for public in module.__all__}}
        for place, thing in documented.items():
            # What is the standard library's own is not ours to test.
            if not (getattr(thing, "__module__", None) or name).startswith("ungil"):
                continue
            if isinstance(thing, type):
                yield from (test for test in finder.find(thing, place, module=False, globs={}) if test.examples)
            else:
                test = parser.get_doctest(thing.__doc__ or "", {}, place, None, None)
                if test.examples:
                    yield test


EXAMPLES = list(examples())

# What these need, that need not be installed.
OPTIONAL = {"DaskExecutor": "distributed", "RayExecutor": "ray"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_does_what_it_says(example: doctest.DocTest, monkeypatch: pytest.MonkeyPatch) -> None:
    package = OPTIONAL.get(example.name.rpartition(".")[2])
    if package is not None:
        pytest.importorskip(package)
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Theirs: of configuration, and of what they close late.
        warnings.simplefilter("ignore")
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_every_class_of_ours_has_an_example() -> None:
    names = {example.name.rpartition(".")[2] for example in EXAMPLES}
    assert names >= {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier", "Queue"}
