//! [`Item`]: a Python object in a queue, and [`AnyStore`], the store of the kind that a class asks for.

use std::cmp::Ordering;
use std::collections::VecDeque;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyTuple};
use ungil_queue::{Fifo, Heap, Lifo, Priority, Store};

use crate::gil;

/// A reference to an object, which a queue moves and never clones or drops while detached.
#[derive(Debug)]
pub(crate) struct Item(pub(crate) Py<PyAny>);

impl Priority for Item {
    type Error = PyErr;

    fn comes_before(&self, other: &Self) -> PyResult<bool> {
        // SAFETY: items are compared for a thread that puts or gets, and those that wait detached do neither: they are
        // handed items, and look again attached.
        let py = unsafe { gil::already_attached() };
        let (left, right) = (self.0.bind_borrowed(py), other.0.bind_borrowed(py));
        if let Some(is_less) = plainly_less(left, right) {
            return Ok(is_less);
        }
        // SAFETY: both are live objects, which the queue's store keeps while it is out.
        let result = unsafe { ffi::PyObject_RichCompareBool(left.as_ptr(), right.as_ptr(), ffi::Py_LT) };
        if result < 0 { Err(PyErr::fetch(py)) } else { Ok(result > 0) }
    }
}

/// `left < right` for numbers, and for tuples whose first elements are numbers that differ; none for all else.
#[inline]
fn plainly_less(left: Borrowed<'_, '_, PyAny>, right: Borrowed<'_, '_, PyAny>) -> Option<bool> {
    if let Some(order) = number_order(left, right) {
        return Some(order == Some(Ordering::Less));
    }
    let (left, right) = (left.cast_exact::<PyTuple>().ok()?, right.cast_exact::<PyTuple>().ok()?);
    let (left, right) = (left.get_borrowed_item(0).ok()?, right.get_borrowed_item(0).ok()?);
    // Tuples take equal elements, and one object in both, for reason to look at the next elements.
    let order =
        number_order(left, right).filter(|order| *order != Some(Ordering::Equal) && !left.is(right))?;
    Some(order == Some(Ordering::Less))
}

/// The order of two numbers of one kind, `int`s of 64 bits or `float`s, which may have none; none for all else.
#[inline]
#[expect(clippy::option_option, reason = "what are no numbers, and numbers without order")]
fn number_order(left: Borrowed<'_, '_, PyAny>, right: Borrowed<'_, '_, PyAny>) -> Option<Option<Ordering>> {
    if let (Ok(left), Ok(right)) = (left.cast_exact::<PyInt>(), right.cast_exact::<PyInt>()) {
        return Some(Some(small(left)?.cmp(&small(right)?)));
    }
    if let (Ok(left), Ok(right)) = (left.cast_exact::<PyFloat>(), right.cast_exact::<PyFloat>()) {
        return Some(left.value().partial_cmp(&right.value()));
    }
    None
}

/// The value of an `int`, if it has at most 64 bits.
#[inline]
fn small(int: Borrowed<'_, '_, PyInt>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: a live `int`; an overflow sets no exception.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// Which item comes out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fifo,
    Lifo,
    Priority,
}

/// A store of the kind that the class of a queue asks for.
#[derive(Debug)]
pub(crate) enum AnyStore {
    Fifo(Fifo<Item>),
    Lifo(Lifo<Item>),
    Heap(Heap<Item>),
}

impl AnyStore {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Fifo => Self::Fifo(Fifo::default()),
            Kind::Lifo => Self::Lifo(Lifo::default()),
            Kind::Priority => Self::Heap(Heap::default()),
        }
    }
}

/// Calls a method of the store that there is.
macro_rules! each_kind {
    ($self:expr, $store:ident => $call:expr) => {
        match $self {
            AnyStore::Fifo($store) => $call,
            AnyStore::Lifo($store) => $call,
            AnyStore::Heap($store) => $call,
        }
    };
}

impl Store for AnyStore {
    type Item = Item;
    type Error = PyErr;

    #[inline]
    fn len(&self) -> usize {
        each_kind!(self, store => store.len())
    }

    #[inline]
    fn push_compares(&self) -> bool {
        each_kind!(self, store => store.push_compares())
    }

    #[inline]
    fn pop_compares(&self) -> bool {
        each_kind!(self, store => store.pop_compares())
    }

    #[inline]
    fn push(&mut self, item: Item) -> Result<(), (Item, PyErr)> {
        match self {
            Self::Fifo(store) => store.push(item).map_err(|(_, never)| match never {}),
            Self::Lifo(store) => store.push(item).map_err(|(_, never)| match never {}),
            Self::Heap(store) => store.push(item),
        }
    }

    fn push_again(&mut self, item: Item) -> Result<(), (Item, PyErr)> {
        match self {
            Self::Fifo(store) => store.push_again(item).map_err(|(_, never)| match never {}),
            Self::Lifo(store) => store.push_again(item).map_err(|(_, never)| match never {}),
            Self::Heap(store) => store.push_again(item),
        }
    }

    #[inline]
    fn pop(&mut self) -> PyResult<Option<Item>> {
        match self {
            Self::Fifo(store) => store.pop().map_err(|never| match never {}),
            Self::Lifo(store) => store.pop().map_err(|never| match never {}),
            Self::Heap(store) => store.pop(),
        }
    }

    fn pop_many(&mut self, most: usize) -> PyResult<Vec<Item>> {
        match self {
            Self::Fifo(store) => store.pop_many(most).map_err(|never| match never {}),
            Self::Lifo(store) => store.pop_many(most).map_err(|never| match never {}),
            Self::Heap(store) => store.pop_many(most),
        }
    }

    fn take(&mut self) -> Self {
        match self {
            Self::Fifo(store) => Self::Fifo(store.take()),
            Self::Lifo(store) => Self::Lifo(store.take()),
            Self::Heap(store) => Self::Heap(store.take()),
        }
    }

    fn each(&self, visit: &mut dyn FnMut(&Item)) {
        each_kind!(self, store => store.each(visit));
    }

    fn into_items(self) -> Vec<Item> {
        each_kind!(self, store => store.into_items())
    }
}

/// Items of an iterable, to be put.
pub(crate) fn items_of(iterable: &Bound<'_, PyAny>) -> PyResult<VecDeque<Item>> {
    iterable.try_iter()?.map(|item| Ok(Item(item?.unbind()))).collect()
}
