//! `SimpleQueue`.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use ungil_queue::Fifo;

use crate::drops::drop_one_by_one;
use crate::method::{Arguments, Call, Method, slow, this};
use crate::queue::errors;
use crate::queue::item::{Item, items_of};
use crate::queue::transfer::{self, Outcome, Patience};
use crate::sync::Statistics;

/// A FIFO queue without a bound and without tasks; `queue.SimpleQueue`.
///
/// `put` may be called at any time, also by a finaliser or a signal handler that runs while this thread is inside `get`.
///
/// >>> from ungil.queue import SimpleQueue
/// >>> queue = SimpleQueue()
/// >>> queue.put("item")
/// >>> queue.get()
/// 'item'
#[pyclass(frozen, weakref, subclass, module = "ungil.queue")]
pub(crate) struct SimpleQueue {
    inner: ungil_queue::Queue<Item, Fifo<Item>>,
}

#[pymethods]
impl SimpleQueue {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: ungil_queue::Queue::new(0) }
    }

    #[expect(clippy::unused_self, reason = "refuses arguments, as the standard class does")]
    fn __init__(&self) {}

    /// How many items there are, roughly: another thread may change that at once.
    fn qsize(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is no item, roughly.
    fn empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Gets up to `max` items: waits for the first of them, and takes what else is there.
    ///
    /// `timeout` is in seconds, and `None` is for ever. Raises `Empty` if none comes in time.
    #[pyo3(signature = (max, timeout=None))]
    fn get_many<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let patience = transfer::patience(None, timeout)?;
        match transfer::get_many(py, &self.inner, max, patience)? {
            Outcome::Done(items) => Ok(items),
            Outcome::Retired => Err(errors::empty(py)),
        }
    }

    /// Puts all items of an iterable.
    fn put_many(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<()> {
        transfer::put_many(py, &self.inner, &mut items_of(items)?, Patience::None).map(drop)
    }

    /// How many threads wait for an item.
    fn statistics(&self) -> Statistics {
        self.inner.statistics().into()
    }

    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.call_method1("GenericAlias", (class, item))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        crate::sync::repr(slf.as_any())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let mut result = Ok(());
        self.inner.each(|item| {
            if result.is_ok() {
                result = visit.call(&item.0);
            }
        });
        result
    }

    fn __clear__(&self) {
        drop(self.inner.clear());
    }
}

impl Drop for SimpleQueue {
    fn drop(&mut self) {
        drop_one_by_one(self.inner.clear().into_iter().map(|item| item.0));
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"put", doc: PUT, call: Call::Full(put) },
    Method { name: c"put_nowait", doc: PUT_NOWAIT, call: Call::Full(put_nowait) },
    Method { name: c"get", doc: GET, call: Call::Full(get) },
    Method { name: c"get_nowait", doc: GET_NOWAIT, call: Call::Plain(get_nowait) },
];

const PUT: &CStr = c"put($self, /, item, block=True, timeout=None)\n--\n\n\
    Put an item. It never waits; `block` and `timeout` are there for those who have any queue.";
const PUT_NOWAIT: &CStr = c"put_nowait($self, /, item)\n--\n\nPut an item.";
const GET: &CStr = c"get($self, /, block=True, timeout=None)\n--\n\n\
    Remove and return the next item, waiting for one if there is none.\n\n\
    `timeout` is in seconds, and `None` is for ever. Raises `Empty` if none comes in time, or at once if not `block`.";
const GET_NOWAIT: &CStr = c"get_nowait($self, /)\n--\n\n\
    Remove and return the next item.\n\nRaises `Empty` if there is none.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn put(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is such a queue.
    let queue: &SimpleQueue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if let Some(item) = arguments.only()
        && let Ok(none) = transfer::try_put(&queue.inner, Item(item))
    {
        return none;
    }
    slow(|py| {
        let (item, _) = transfer::put_arguments(py, arguments, "SimpleQueue")?;
        transfer::put(py, &queue.inner, Item(item.unbind()), Patience::None)?;
        Ok(py.None().into_bound(py))
    })
}

unsafe extern "C" fn put_nowait(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is such a queue.
    let queue: &SimpleQueue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if let Some(item) = arguments.only()
        && let Ok(none) = transfer::try_put(&queue.inner, Item(item))
    {
        return none;
    }
    slow(|py| {
        let Some([Some(item)]) = arguments.bind(py, ["item"])? else {
            let standard = py.import("queue")?.call_method0("SimpleQueue")?;
            return Err(arguments.refused_by(&standard.getattr("put_nowait")?));
        };
        transfer::put(py, &queue.inner, Item(item.unbind()), Patience::None)?;
        Ok(py.None().into_bound(py))
    })
}

unsafe extern "C" fn get(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is such a queue.
    let queue: &SimpleQueue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty()
        && let Some(item) = transfer::try_get(&queue.inner)
    {
        return item;
    }
    slow(|py| {
        let [block, timeout] = transfer::get_arguments(py, arguments, "SimpleQueue")?;
        let patience = transfer::patience(block.as_ref(), timeout.as_ref())?;
        match transfer::get(py, &queue.inner, patience)? {
            Outcome::Done(item) => Ok(item.0.into_bound(py)),
            Outcome::Retired => Err(errors::empty(py)),
        }
    })
}

unsafe extern "C" fn get_nowait(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is such a queue.
    let queue: &SimpleQueue = unsafe { this(slf) };
    transfer::try_get(&queue.inner).unwrap_or_else(|| slow(|py| Err(errors::empty(py))))
}
