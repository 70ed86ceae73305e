"""`as_completed`, ours and the standard one, over our futures and standard ones."""

from __future__ import annotations

import concurrent.futures as standard
import gc
import threading
import weakref
from typing import Any

import pytest
from implementation import futures

Future = futures.Future
MIXES = [
    pytest.param(as_completed, first, second, id=f"{tested} as_completed, {first_of} and {second_of}")
    for tested, as_completed in (("tested", futures.as_completed), ("standard", standard.as_completed))
    for first_of, first in (("tested", futures.Future), ("standard", standard.Future))
    for second_of, second in (("tested", futures.Future), ("standard", standard.Future))
]
mixed = pytest.mark.parametrize(("as_completed", "first", "second"), MIXES)
either = pytest.mark.parametrize("as_completed", [futures.as_completed, standard.as_completed])


def finished(make: Any = Future, result: object = None) -> Any:
    future = make()
    future.set_result(result)
    return future


def are_left_clean(*made: Any) -> bool:
    """Whether nothing that waits is noted in them."""
    return all(len(future._waiters) == 0 for future in made)


@mixed
def test_what_is_done_comes_first(as_completed: Any, first: Any, second: Any) -> None:
    pending = first()
    done = [finished(first), finished(second), finished(first)]
    order = as_completed([pending, *done])
    assert {next(order) for _ in done} == set(done)
    pending.set_result(1)
    assert list(order) == [pending]
    assert are_left_clean(pending, *done)


@mixed
def test_they_come_in_the_order_of_their_ends(as_completed: Any, first: Any, second: Any) -> None:
    made = [first(), second(), first(), second(), first()]
    done = finished(first)
    order = as_completed([*made, done])
    assert next(order) is done  # from here on it looks at the others, too
    made[3].set_result(1)
    made[0].set_exception(ValueError())
    made[4].cancel()
    made[4].set_running_or_notify_cancel()
    made[2].set_result(2)
    made[1].set_result(3)
    assert list(order) == [made[n] for n in (3, 0, 4, 2, 1)]
    assert are_left_clean(*made)


@mixed
def test_it_waits_for_the_next(as_completed: Any, first: Any, second: Any, threads: Any) -> None:
    made = [first(), second(), first()]
    given = [threading.Event() for _ in made]
    begun = threading.Event()
    order: list[Any] = []

    def follow() -> None:
        begun.set()
        for n, future in enumerate(as_completed(made)):
            order.append(future)
            given[n].set()

    threads.start(follow)
    begun.wait()
    for n, which in enumerate((2, 0, 1)):
        made[which].set_result(1)
        given[n].wait(60)
    threads.join()
    assert order == [made[n] for n in (2, 0, 1)]
    assert are_left_clean(*made)


@mixed
def test_one_after_the_other(as_completed: Any, first: Any, second: Any) -> None:
    made = [first(), second(), first()]
    order = as_completed(made)
    made[1].set_result(1)
    assert next(order) is made[1]
    made[2].set_result(2)
    assert next(order) is made[2]
    made[0].set_result(0)
    assert next(order) is made[0]
    with pytest.raises(StopIteration):
        next(order)


@either
def test_duplicates_come_once(as_completed: Any) -> None:
    one, other = finished(), finished()
    assert len(list(as_completed([one, other, one, one]))) == 2


@either
def test_none(as_completed: Any) -> None:
    assert list(as_completed([])) == []
    assert list(as_completed(iter([]), timeout=0)) == []


@pytest.mark.parametrize("made_of", [list, tuple, set, frozenset, iter, dict.fromkeys])
def test_any_iterable(made_of: Any) -> None:
    one = finished()
    assert list(futures.as_completed(made_of([one]))) == [one]
    assert list(futures.as_completed(fs=made_of([one]), timeout=None)) == [one]


@mixed
def test_not_in_time(as_completed: Any, first: Any, second: Any) -> None:
    done, pending = finished(first), [second(), first()]
    order = as_completed([done, *pending], timeout=0.001)
    assert next(order) is done
    with pytest.raises(TimeoutError) as error:
        next(order)
    assert str(error.value) == "2 (of 3) futures unfinished"
    with pytest.raises(StopIteration):
        next(order)
    assert are_left_clean(done, *pending)


@either
@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_at_all(as_completed: Any, timeout: float) -> None:
    done, pending = finished(), Future()
    order = as_completed([done, pending], timeout)
    assert next(order) is done
    with pytest.raises(TimeoutError, match=r"^1 \(of 2\) futures unfinished$"):
        next(order)


@either
def test_the_time_is_that_of_all_together(as_completed: Any) -> None:
    """What is done is given even after the time, as long as nothing must be waited for."""
    made = [finished() for _ in range(3)]
    order = as_completed(made, timeout=0)
    assert set(order) == set(made)


@mixed
def test_one_that_is_closed_early_leaves_nothing_behind(as_completed: Any, first: Any, second: Any) -> None:
    done, pending = finished(first), [first(), second()]
    order = as_completed([done, *pending])
    assert next(order) is done
    order.close()
    assert are_left_clean(done, *pending)
    pending[0].set_result(1)


@mixed
def test_one_that_never_began_leaves_nothing_behind(as_completed: Any, first: Any, second: Any) -> None:
    made = [finished(first), first(), second()]
    as_completed(made).close()
    order = as_completed(made, timeout=60)
    del order
    gc.collect()
    assert are_left_clean(*made)


@mixed
def test_one_that_is_dropped_leaves_nothing_behind(as_completed: Any, first: Any, second: Any) -> None:
    done, pending = finished(first), [first(), second()]
    for future in as_completed([done, *pending]):
        assert future is done
        break
    gc.collect()
    assert are_left_clean(done, *pending)


@mixed
def test_one_that_is_left_by_an_exception_leaves_nothing_behind(as_completed: Any, first: Any, second: Any) -> None:
    done, pending = finished(first), second()
    order = as_completed([done, pending])
    next(order)
    with pytest.raises(ZeroDivisionError):
        order.throw(ZeroDivisionError)
    assert are_left_clean(done, pending)


@either
def test_what_was_given_is_not_kept(as_completed: Any) -> None:
    made = [Future() for _ in range(4)]
    references = [weakref.ref(future) for future in made]
    made[0].set_result(1)
    made[1].set_result(2)
    order = as_completed(made)
    for n in (2, 3):
        future = next(order)
        del future
        gc.collect()
        made[:2] = [None, None] if n == 3 else made[:2]
    gc.collect()
    assert [reference() is None for reference in references] == [True, True, False, False]
    for n in (2, 3):
        made[n].set_result(n)
        made[n] = None
        future = next(order)
        assert future is references[n]()
        del future
        gc.collect()
        assert references[n]() is None


@either
def test_a_result_may_be_dropped_while_the_rest_is_waited_for(as_completed: Any) -> None:
    class Result:
        pass

    with futures.ThreadPoolExecutor(2) as executor:
        made = [executor.submit(Result) for _ in range(50)]
        references = []
        for future in as_completed([made.pop() for _ in range(50)]):
            references.append(weakref.ref(future.result()))
            del future
            gc.collect()
        executor.submit(int).result()  # so that no thread has the last one in hand
    gc.collect()
    assert not any(reference() for reference in references)


@either
def test_two_at_once_over_the_same(as_completed: Any) -> None:
    made = [Future() for _ in range(3)]
    one, other = as_completed(made), futures.as_completed(made)
    made[1].set_result(1)
    assert next(one) is next(other) is made[1]
    made[0].set_result(1)
    made[2].set_result(1)
    assert list(one) in ([made[0], made[2]], [made[2], made[0]])
    assert set(other) == {made[0], made[2]}
    assert are_left_clean(*made)


@either
def test_tasks_of_both_pools(as_completed: Any) -> None:
    with futures.ThreadPoolExecutor(2) as ours, standard.ThreadPoolExecutor(2) as theirs:
        made = [executor.submit(pow, 2, n) for n in range(300) for executor in (ours, theirs)]
        seen = list(as_completed(made))
    assert len(seen) == 600
    assert set(seen) == set(made)
    assert are_left_clean(*made)


def test_a_future_may_be_added_while_it_goes_on(threads: Any) -> None:
    """As crawlers do: each result is a reason to submit more."""
    with futures.ThreadPoolExecutor(4) as executor:
        results: list[int] = []
        pending = {executor.submit(int, 7)}
        while pending:
            for future in futures.as_completed(pending):
                pending = pending - {future}
                results.append(future.result())
                if future.result():
                    pending.add(executor.submit(int, future.result() - 1))
    assert results == [7, 6, 5, 4, 3, 2, 1, 0]


def test_it_is_an_iterator_which_starts_at_its_first_step_or_before() -> None:
    order = futures.as_completed([finished()])
    assert iter(order) is order
    assert hasattr(order, "close")
    assert hasattr(order, "throw")


def test_a_race_with_the_end_of_the_tasks() -> None:
    with futures.ThreadPoolExecutor(4) as executor:
        for _ in range(100):
            made = [executor.submit(int) for _ in range(20)]
            assert len({*futures.as_completed(made, timeout=60)}) == 20
