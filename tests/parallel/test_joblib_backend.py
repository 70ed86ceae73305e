"""`ungil` as a backend of joblib: scikit-learn has the scores that it has with loky, and failures end as there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tasks

from ungil.futures import WorkerDied
from ungil.parallel import register

joblib = pytest.importorskip("joblib")
pytestmark = pytest.mark.usefixtures("no_workers_but_idle")


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def test_tasks_run_in_processes_that_stay(here: int) -> None:
    with joblib.parallel_config("ungil", n_jobs=2):
        first = set(joblib.Parallel()(joblib.delayed(tasks.pid)(i) for i in range(50)))
        second = set(joblib.Parallel()(joblib.delayed(tasks.pid)(i) for i in range(50)))
    assert here not in first
    assert len(first | second) <= 2


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_results(return_as: str, n_jobs: int) -> None:
    for n in (0, 1, 500):
        parallel = joblib.Parallel(n_jobs, backend="ungil", return_as=return_as)
        assert sorted(parallel(joblib.delayed(tasks.square)(i) for i in range(n))) == [i * i for i in range(n)]


def test_failures_leave_it_usable() -> None:
    with joblib.parallel_config("ungil", n_jobs=2):
        with pytest.raises(ValueError, match="task 5") as caught:
            joblib.Parallel()(joblib.delayed(tasks.FailsAt(5))(i) for i in range(100))
        assert "tasks.py" in str(caught.value.__cause__)
        with pytest.raises(WorkerDied):
            joblib.Parallel()(joblib.delayed(tasks.kill_self)(i, 5) for i in range(100))
        assert joblib.Parallel()(joblib.delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]


def test_a_time_limit() -> None:
    import multiprocessing
    import time

    with pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(2, backend="ungil", timeout=0.1)(joblib.delayed(time.sleep)(60) for _ in range(4))


def test_large_arrays_are_shared() -> None:
    array = np.ones(300_000)
    flags = joblib.Parallel(2, backend="ungil")(joblib.delayed(is_writable)(array) for _ in range(4))
    assert flags == [False] * 4


def is_writable(array: Any) -> bool:
    return bool(array.flags.writeable)


def inner() -> list[tuple[int, ...]]:
    return [
        tuple(joblib.Parallel(2)(joblib.delayed(tasks.square)(i) for i in range(3))),
        tuple(joblib.Parallel(2, backend="ungil")(joblib.delayed(tasks.square)(i) for i in range(3))),
    ]


def test_inside_of_itself() -> None:
    register()
    found = joblib.Parallel(2, backend="threading")(joblib.delayed(inner)() for _ in range(3))
    assert found == [[(0, 1, 4)] * 2] * 3
    with joblib.parallel_config("ungil", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(nested_default)() for _ in range(3)) == [[0, 1, 4]] * 3


def nested_default() -> list[int]:
    results: list[int] = joblib.Parallel(2)(joblib.delayed(tasks.square)(i) for i in range(3))
    return results


def both(make: Any) -> tuple[Any, Any]:
    """Do the same with loky and with ours."""
    with joblib.parallel_config("loky", n_jobs=2):
        theirs = make()
    with joblib.parallel_config("ungil", n_jobs=2):
        ours = make()
    return theirs, ours


@pytest.mark.filterwarnings("default")
def test_a_grid_search_has_the_same_scores() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    data, target = datasets.load_digits(return_X_y=True)

    def make() -> Any:
        return GridSearchCV(SVC(), {"C": [0.1, 1.0, 10.0], "gamma": [0.0005, 0.002]}, cv=3).fit(
            data[:600], target[:600]
        )

    theirs, ours = both(make)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


@pytest.mark.filterwarnings("default")
def test_cross_validation_has_the_same_scores() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    data, target = datasets.load_iris(return_X_y=True)
    theirs, ours = both(lambda: cross_val_score(LogisticRegression(max_iter=500), data, target, cv=5))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("default")
def test_a_forest_is_the_same() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.ensemble import RandomForestClassifier

    data, target = datasets.load_digits(return_X_y=True)
    theirs, ours = both(lambda: RandomForestClassifier(20, random_state=0).fit(data, target).predict_proba(data))
    np.testing.assert_array_equal(ours, theirs)
