"""The tests of joblib that are not run with `ungil.parallel`, each with its reason.

A test is named by its function, and its parameters in brackets where some of them are run; a star stands for any.
`test_joblib.py` fails when the installed joblib does not have one.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ("LEFT_OUT", "is_meant", "why_left_out")

_INSIDES = "looks at the insides of joblib's backends"
_MEMMAP = "asks for `numpy.memmap`s; large arrays are in shared memory here, as test_arrays.py shows"
_PROGRAM = "runs a program that imports joblib; tests/parallel/test_programs.py has the like with ours"

LEFT_OUT: dict[str, str] = {
    "test_auto_memmap_on_arrays_from_generator": _MEMMAP,
    "test_memmapping_leaks": _MEMMAP,
    "test_backend_batch_statistics_reset": _INSIDES,
    "test_batching_auto_subprocesses": _INSIDES,
    "test_batching_auto_threading": _INSIDES,
    "test_default_mp_context": _INSIDES,
    "test_error_capture": f"{_INSIDES}, where it finds pools; test_failures.py has the test without that",
    "test_multiple_generator_call_separated_gc[*loky*]": (
        "holds that dropping a generator breaks another call; it does not here, as test_generators.py shows"
    ),
    "test_multiple_generator_call_separated_gc[*threading*]": f"{_INSIDES}; test_generators.py has the test without it",
    "test_nested_parallelism_limit[*loky]": "asks for joblib's name of the backend; test_nested.py has ours",
    "test_nested_parallel_warnings[*True]": (
        "asks for a warning, and one job, where pools of processes are inside of others; here they may be, with as many"
        " processes as processors are left, as test_nested.py shows"
    ),
    "test_nested_backend_context_manager[*loky]": "compares a class with that of the joblib which its process imports",
    "test_nested_backend_context_manager[*multiprocessing]": (
        "compares a class with that of the joblib which its process imports"
    ),
    "test_nested_backend_context_manager[*back_compat_backend]": (
        "compares a class with that of the joblib which its process imports"
    ),
    "test_backend_hinting_and_constraints_with_custom_backends": (
        "asks for a line that joblib prints, to the letter; test_parallel.py asks for what ours says"
    ),
    "test_parallel_pickling": "asks for loky's message; test_failures.py asks for ours, which names the argument",
    "test_loky_reuse_workers": f"{_INSIDES}, of loky's executor; test_parallel.py has a test that workers stay",
    "test_parallel_with_interactively_defined_bound_method_loky": _PROGRAM,
    "test_parallel_with_interactively_defined_functions": _PROGRAM,
    "test_parallel_with_interactively_defined_functions_loky": _PROGRAM,
    "test_parallel_with_unpicklable_functions_in_args": _PROGRAM,
    "test_backend_no_multiprocessing": "is skipped by joblib where there are processes",
    "test_dask_backend_when_dask_not_installed": "is about an error of joblib's own backend for Dask",
    "test_parallel_thread_limit": "needs an extension that joblib's wheel does not have",
}


def is_meant(key: str, name: str) -> bool:
    """Return whether a key names the test of this name."""
    function, _, parameters = key.partition("[")
    of_test, _, own = name.partition("[")
    return function == of_test and (not parameters or fnmatchcase(own.rstrip("]"), parameters.rstrip("]")))


def why_left_out(name: str) -> str | None:
    """Return what the report says of a test that is left out, and None for the others."""
    for key, reason in LEFT_OUT.items():
        if is_meant(key, name):
            return f"left out: {key} {reason}"
    return None
