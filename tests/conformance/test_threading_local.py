"""CPython's test.test_threading_local: `local` is the standard library's own, here in threads of ours."""

from __future__ import annotations

import unittest

from suite import classes, load, put_in

module = load("test_threading_local")
globals().update(classes(module))


def test_the_examples_of_its_documentation() -> None:
    """CPython's own loader of tests adds them to the module's classes."""
    result = unittest.TestResult()
    with put_in():
        module.load_tests(unittest.defaultTestLoader, unittest.TestSuite(), None).run(result)
    assert result.testsRun
    assert result.wasSuccessful(), result.failures + result.errors
