//! [`Item`]: a Python object in a queue, and [`AnyStore`], the store of the kind that a class asks for.

use std::cmp::Ordering;
use std::collections::VecDeque;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString, PyTuple};
use ungil_queue::{Fifo, Foreign, Heap, Lifo, Priority, Store};

use crate::gil;

/// A reference to an object, which a queue moves and never clones or drops while detached.
#[derive(Debug)]
pub(crate) struct Item(pub(crate) Py<PyAny>);

/// What an item is, if its order among its like is plain, or its first element's, if it is a tuple.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Int(i64),
    Float(f64),
    IntFirst(i64),
    FloatFirst(f64),
    Other,
}

impl Priority for Item {
    type Key = Key;
    type Error = PyErr;

    #[inline]
    fn key(&self) -> Key {
        // SAFETY: as in `comes_before`.
        let py = unsafe { gil::already_attached() };
        let item = self.0.bind_borrowed(py);
        if let Some(number) = number(item) {
            return number;
        }
        let Ok(tuple) = item.cast_exact::<PyTuple>() else { return Key::Other };
        match tuple.iter_borrowed().next().and_then(number) {
            Some(Key::Int(first)) => Key::IntFirst(first),
            Some(Key::Float(first)) => Key::FloatFirst(first),
            _ => Key::Other,
        }
    }

    #[inline]
    fn plainly_before(left: (&Key, &Self), right: (&Key, &Self)) -> Option<bool> {
        match (left.0, right.0) {
            (Key::Int(left), Key::Int(right)) => Some(left < right),
            (Key::Float(left), Key::Float(right)) => Some(left < right),
            (Key::IntFirst(one), Key::IntFirst(other)) if one != other => Some(one < other),
            (Key::FloatFirst(one), Key::FloatFirst(other)) if differ(*one, *other) => Some(one < other),
            (Key::IntFirst(_), Key::IntFirst(_)) | (Key::FloatFirst(_), Key::FloatFirst(_)) => {
                // SAFETY: as in `comes_before`.
                let py = unsafe { gil::already_attached() };
                let (left, right) = (left.1.0.bind_borrowed(py), right.1.0.bind_borrowed(py));
                tuple_before(left.cast_exact().ok()?, right.cast_exact().ok()?)
            }
            _ => None,
        }
    }

    fn comes_before(&self, other: &Self) -> PyResult<bool> {
        // SAFETY: items are compared for a thread that puts or gets, and those that wait detached do neither: they are
        // handed items, and look again attached.
        let py = unsafe { gil::already_attached() };
        let (left, right) = (self.0.as_ptr(), other.0.as_ptr());
        // SAFETY: both are live objects, which the queue's store keeps while it is out.
        let result = unsafe { ffi::PyObject_RichCompareBool(left, right, ffi::Py_LT) };
        if result < 0 { Err(PyErr::fetch(py)) } else { Ok(result > 0) }
    }
}

/// Whether two floats differ; not if either is a NaN, which may be one object in both places.
fn differ(one: f64, other: f64) -> bool {
    one.partial_cmp(&other).is_some_and(Ordering::is_ne)
}

/// The key of a number; none for all else.
#[inline]
fn number(item: Borrowed<'_, '_, PyAny>) -> Option<Key> {
    if let Ok(int) = item.cast_exact::<PyInt>() {
        return small(int).map(Key::Int);
    }
    item.cast_exact::<PyFloat>().ok().map(|float| Key::Float(float.value()))
}

/// `left < right` for tuples whose first elements that differ are numbers or texts; none for all else.
fn tuple_before(left: Borrowed<'_, '_, PyTuple>, right: Borrowed<'_, '_, PyTuple>) -> Option<bool> {
    for (one, other) in left.iter_borrowed().zip(right.iter_borrowed()) {
        // Tuples take one object in both, and equal elements, for reason to look at the next.
        if one.is(other) {
            continue;
        }
        match element_order(one, other)? {
            Some(Ordering::Equal) => {}
            order => return Some(order == Some(Ordering::Less)),
        }
    }
    Some(left.len() < right.len())
}

/// The order of two elements of one kind, numbers or texts, which may have none (NaNs); none for all else.
#[expect(clippy::option_option, reason = "what is neither, and numbers without order")]
fn element_order(left: Borrowed<'_, '_, PyAny>, right: Borrowed<'_, '_, PyAny>) -> Option<Option<Ordering>> {
    match (number(left), number(right)) {
        (Some(Key::Int(left)), Some(Key::Int(right))) => Some(Some(left.cmp(&right))),
        (Some(Key::Float(left)), Some(Key::Float(right))) => Some(left.partial_cmp(&right)),
        (None, None) => {
            let (left, right) = (left.cast_exact::<PyString>().ok()?, right.cast_exact::<PyString>().ok()?);
            // SAFETY: two texts, which are ready to be read since they were made: nothing fails.
            Some(Some(unsafe { ffi::PyUnicode_Compare(left.as_ptr(), right.as_ptr()) }.cmp(&0)))
        }
        _ => None,
    }
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
    fn push_plainly(&mut self, item: Item) -> Result<(), Item> {
        each_kind!(self, store => store.push_plainly(item))
    }

    #[inline]
    fn pop_plainly(&mut self) -> Result<Option<Item>, Foreign> {
        each_kind!(self, store => store.pop_plainly())
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
