//! How items go in and out: attached where nobody has to wait, detached where somebody has.

use std::collections::VecDeque;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList};
use ungil_queue::{Deadline, GetError, PutError, Queue, Refused, Room, Store, Ticket, WaitResult};

use crate::method::{Arguments, none_object, slow};
use crate::queue::errors;
use crate::queue::item::Item;
use crate::{gil, timeout};

/// How long a call may wait.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until then; none is for ever.
    Until(Deadline),
}

/// What became of a call.
pub(crate) enum Outcome<R> {
    Done(R),
    /// The contents of the queue went elsewhere: the call begins anew there.
    Retired,
}

/// Whether a queue's comparisons may fail with what Python raises.
pub(crate) trait Raises {
    fn into_exception(self) -> PyErr;
}

impl Raises for PyErr {
    fn into_exception(self) -> PyErr {
        self
    }
}

impl Raises for std::convert::Infallible {
    fn into_exception(self) -> PyErr {
        match self {}
    }
}

/// The patience that `block` and `timeout` ask for.
pub(crate) fn patience(
    block: Option<&Bound<'_, PyAny>>,
    timeout: Option<&Bound<'_, PyAny>>,
) -> PyResult<Patience> {
    if !block.map_or(Ok(true), PyAnyMethods::is_truthy)? {
        return Ok(Patience::None);
    }
    let Some(timeout) = timeout.filter(|timeout| !timeout.is_none()) else {
        return Ok(Patience::Until(None));
    };
    if timeout.lt(0)? {
        return Err(PyValueError::new_err("'timeout' must be a non-negative number"));
    }
    Ok(Patience::Until(timeout::deadline(timeout::seconds(timeout)?)))
}

/// The timeout of a queue that the standard library has in Python, which counts with it: a number of any kind that can be added
/// to a float. Whole numbers and floats stay as they are.
pub(crate) fn counted<'py>(timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(timeout) = timeout.filter(|timeout| !timeout.is_none()) else { return Ok(None) };
    let is_plain = timeout.is_instance_of::<PyFloat>() || timeout.is_instance_of::<PyInt>();
    if is_plain || timeout.lt(0)? {
        return Ok(Some(timeout.clone()));
    }
    PyFloat::new(timeout.py(), 0.0).add(timeout).map(Some)
}

/// The arguments of a `put`: the item, `block` and `timeout`; `standard` refuses what is wrong.
pub(crate) type PutArguments<'py> = (Bound<'py, PyAny>, [Option<Bound<'py, PyAny>>; 2]);

/// Reads them.
pub(crate) fn put_arguments<'py>(
    py: Python<'py>,
    arguments: Arguments,
    standard: &str,
) -> PyResult<PutArguments<'py>> {
    if let Some([Some(item), block, timeout]) = arguments.bind(py, ["item", "block", "timeout"])? {
        return Ok((item, [block, timeout]));
    }
    let standard = py.import("queue")?.call_method0(standard)?;
    Err(arguments.refused_by(&standard.getattr("put")?))
}

/// The arguments of a `get`: `block` and `timeout`.
pub(crate) fn get_arguments<'py>(
    py: Python<'py>,
    arguments: Arguments,
    standard: &str,
) -> PyResult<[Option<Bound<'py, PyAny>>; 2]> {
    if let Some(bound) = arguments.bind(py, ["block", "timeout"])? {
        return Ok(bound);
    }
    let standard = py.import("queue")?.call_method0(standard)?;
    Err(arguments.refused_by(&standard.getattr("get")?))
}

/// Puts `item`, waiting for room as long as that.
pub(crate) fn put<S>(
    py: Python<'_>,
    queue: &Queue<Item, S>,
    item: Item,
    patience: Patience,
) -> PyResult<Outcome<()>>
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    let mut item = item;
    let mut room: Option<Room<'_, Item, S>> = None;
    let mut ticket = Ticket::default();
    loop {
        let tried = match room.take() {
            None => queue.try_put(item),
            Some(room) => queue.put_into(room, item),
        };
        let Err(PutError { item: back, why }) = tried else { return Ok(Outcome::Done(())) };
        item = back;
        match (why, patience) {
            (Refused::Full, Patience::Until(deadline)) => {
                match gil::wait(py, || queue.wait_for_room(&mut ticket, deadline))? {
                    Ok(found) => room = found,
                    Err(_) => return Err(errors::full(py)),
                }
            }
            (Refused::Full, Patience::None) => return Err(errors::full(py)),
            (Refused::Busy, _) => wait_for_turn(py, queue)?,
            (Refused::ShutDown, _) => return Err(errors::shut_down(py)),
            (Refused::Retired, _) => return Ok(Outcome::Retired),
            (Refused::Reentrant, _) => return Err(errors::reentrant()),
            (Refused::Compare(error), _) => return Err(error.into_exception()),
            // `try_put` does not wait.
            (Refused::Interrupted, _) => {}
        }
    }
}

/// Gets the next item, waiting for it as long as that.
pub(crate) fn get<S>(py: Python<'_>, queue: &Queue<Item, S>, patience: Patience) -> PyResult<Outcome<Item>>
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    get_by(py, queue, patience, || queue.try_get(), Ok)
}

/// Gets what `attempt` gets, waiting as long as that for an item; `handed` makes the same of one that the wait brought.
fn get_by<R, S>(
    py: Python<'_>,
    queue: &Queue<Item, S>,
    patience: Patience,
    mut attempt: impl FnMut() -> Result<R, GetError<S::Error>>,
    handed: impl FnOnce(Item) -> PyResult<R>,
) -> PyResult<Outcome<R>>
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    let mut ticket = Ticket::default();
    loop {
        let why = match attempt() {
            Ok(got) => return Ok(Outcome::Done(got)),
            Err(why) => why,
        };
        match (why, patience) {
            (GetError::Empty, Patience::Until(deadline)) => {
                match gil::wait(py, || queue.wait_for_item(&mut ticket, deadline))? {
                    Ok(Some(item)) => return handed(item).map(Outcome::Done),
                    Ok(None) => {}
                    Err(_) => return Err(errors::empty(py)),
                }
            }
            (GetError::Empty, Patience::None) => return Err(errors::empty(py)),
            (GetError::Busy, _) => wait_for_turn(py, queue)?,
            (GetError::ShutDown, _) => return Err(errors::shut_down(py)),
            (GetError::Retired, _) => return Ok(Outcome::Retired),
            (GetError::Reentrant, _) => return Err(errors::reentrant()),
            (GetError::Compare(error), _) => return Err(error.into_exception()),
            // An attempt does not wait.
            (GetError::Interrupted, _) => {}
        }
    }
}

/// Waits for the thread that compares items in the queue.
pub(crate) fn wait_for_turn<S>(py: Python<'_>, queue: &Queue<Item, S>) -> PyResult<()>
where
    S: Store<Item = Item> + Send,
{
    let _: Result<(), WaitResult> = gil::wait(py, || queue.wait_for_turn(None))?;
    Ok(())
}

/// Gives back an item that a wait brought; waits for the thread that compares items in the queue, and looks after signals later.
///
/// # Errors
///
/// The item, and why it cannot go back: the queue is retired, this thread compares items in it, or a comparison raised.
pub(crate) fn give_back<S>(
    py: Python<'_>,
    queue: &Queue<Item, S>,
    item: Item,
) -> Result<(), (Item, Refused<S::Error>)>
where
    S: Store<Item = Item> + Send,
{
    let mut item = item;
    loop {
        match queue.give_back(item) {
            Ok(()) => return Ok(()),
            Err(PutError { item: back, why: Refused::Busy }) => item = back,
            Err(PutError { item, why }) => return Err((item, why)),
        }
        gil::detached(py, || while queue.wait_for_turn(None).is_err() {});
    }
}

/// Gets up to `most` items, waiting for the first of them as long as that. If a comparison raises, all stay in the queue; one that
/// the wait brought goes back, or is the exception's `items` if that raises too.
pub(crate) fn get_many<'py, S>(
    py: Python<'py>,
    queue: &Queue<Item, S>,
    most: usize,
    patience: Patience,
) -> PyResult<Outcome<Bound<'py, PyList>>>
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    if most == 0 {
        return Ok(Outcome::Done(PyList::empty(py)));
    }
    let with_the_rest = |first: Item| {
        let mut items = vec![first];
        match queue.try_get_many(most - 1) {
            Ok(rest) => items.extend(rest),
            Err(GetError::Compare(error)) => {
                return Err(given_back(py, queue, items, error.into_exception()));
            }
            // Whatever it is, the next call will find it.
            Err(_) => {}
        }
        Ok(items)
    };
    let got = get_by(py, queue, patience, || queue.try_get_many(most), with_the_rest)?;
    let Outcome::Done(items) = got else { return Ok(Outcome::Retired) };
    Ok(Outcome::Done(PyList::new(py, items.into_iter().map(|item| item.0))?))
}

/// The exception to raise once `items` have been given back because of `raised`; it has those that could not be.
fn given_back<S>(py: Python<'_>, queue: &Queue<Item, S>, items: Vec<Item>, raised: PyErr) -> PyErr
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    let mut raised = raised;
    let mut left = Vec::new();
    for item in items.into_iter().rev() {
        if let Err((item, why)) = give_back(py, queue, item) {
            left.insert(0, item.0);
            if let Refused::Compare(error) = why {
                let error = error.into_exception();
                // As for what is raised while an exception is handled. One without room for attributes goes as it is.
                let _ = error.value(py).setattr("__context__", raised.value(py));
                raised = error;
            }
        }
    }
    if !left.is_empty() {
        let _ = raised.value(py).setattr("items", left);
    }
    raised
}

/// Puts all of `items`, waiting for room as long as that for each; those that were not put are left in it.
pub(crate) fn put_many<S>(
    py: Python<'_>,
    queue: &Queue<Item, S>,
    items: &mut VecDeque<Item>,
    patience: Patience,
) -> PyResult<Outcome<()>>
where
    S: Store<Item = Item> + Send,
    S::Error: Raises,
{
    while let Some(item) = items.pop_front() {
        let kept = Item(item.0.clone_ref(py));
        match put(py, queue, item, patience) {
            Ok(Outcome::Done(())) => {}
            other => {
                items.push_front(kept);
                return other;
            }
        }
    }
    Ok(Outcome::Done(()))
}

/// The quick half of a `get`: what was got, or null with an exception set; or else why the slow half must go on.
#[inline]
pub(crate) fn try_get<S: Store<Item = Item>>(queue: &Queue<Item, S>) -> Option<*mut ffi::PyObject>
where
    S::Error: Raises,
{
    match queue.try_get() {
        Ok(item) => Some(item.0.into_ptr()),
        Err(GetError::Compare(error)) => Some(slow(|_| Err(error.into_exception()))),
        Err(_) => None,
    }
}

/// The quick half of a `put`: `None`, or null with an exception set; or else the item, with which the slow half must go on.
#[inline]
pub(crate) fn try_put<S: Store<Item = Item>>(
    queue: &Queue<Item, S>,
    item: Item,
) -> Result<*mut ffi::PyObject, Item>
where
    S::Error: Raises,
{
    match queue.try_put(item) {
        Ok(()) => Ok(none_object()),
        Err(PutError { item, why: Refused::Compare(error) }) => Ok(slow(|_| {
            drop(item);
            Err(error.into_exception())
        })),
        Err(PutError { item, .. }) => Err(item),
    }
}
