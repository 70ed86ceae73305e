//! `Queue`, `LifoQueue` and `PriorityQueue`: one class in Rust, whose kind says which item comes out next.
//!
//! A queue is *closed* at first: its items are in Rust, and everything is quick. It is *opened* for good when a program reaches
//! for its insides, or its class or the program overrides one of `_init`, `_qsize`, `_put` and `_get`: see `opened.rs`.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple, PyType};

use crate::drops::drop_one_by_one;
use crate::gil;
use crate::method::{Arguments, Call, Method, none_object, slow, this};
use crate::once::OnceBox;
use crate::queue::errors;
use crate::queue::item::{AnyStore, Item, Kind, items_of};
use crate::queue::opened::{Opened, standard_algorithm};
use crate::queue::pending::{PendingGet, PendingPut};
use crate::queue::transfer::{self, Outcome};
use crate::sync::{Statistics, acquire_result, repr};

/// What a program may override.
const HOOKS: [&str; 4] = ["_init", "_qsize", "_put", "_get"];

/// A FIFO queue between threads; `queue.Queue`.
///
/// `maxsize` is the most items that it holds; 0 or less is any number.
///
/// >>> from ungil.queue import Queue
/// >>> queue = Queue(maxsize=2)
/// >>> queue.put("task")
/// >>> queue.get()
/// 'task'
/// >>> queue.task_done()
/// >>> queue.join()
#[pyclass(frozen, weakref, dict, subclass, module = "ungil.queue")]
pub(crate) struct Queue {
    pub(crate) inner: ungil_queue::Queue<Item, AnyStore>,
    pub(crate) kind: Kind,
    /// `maxsize`, which may be negative. Relaxed: what counts is in `inner`.
    pub(crate) asked_size: AtomicI64,
    /// Whether it is of one of our classes, and of no subclass.
    is_exact: bool,
    /// Whether its class has hooks of its own, so that it must be opened before it is used.
    pub(crate) has_hooks: bool,
    pub(crate) opened: OnceBox<Opened>,
    /// Held while it is opened.
    pub(crate) opening: ungil_sync::Lock,
}

/// A queue whose last item comes out first; `queue.LifoQueue`.
#[pyclass(frozen, extends = Queue, subclass, module = "ungil.queue")]
pub(crate) struct LifoQueue;

/// A queue whose least item comes out first; `queue.PriorityQueue`.
///
/// Items are compared with `<`; usually they are tuples `(priority, data)`. A comparison that raises leaves the queue as it was.
#[pyclass(frozen, extends = Queue, subclass, module = "ungil.queue")]
pub(crate) struct PriorityQueue;

#[pymethods]
impl LifoQueue {
    // Subclasses have arguments of their own.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(maxsize=0)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        Ok(PyClassInitializer::from(Queue::of_kind(class, Kind::Lifo)?).add_subclass(Self))
    }
}

#[pymethods]
impl PriorityQueue {
    // Subclasses have arguments of their own.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(maxsize=0)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        Ok(PyClassInitializer::from(Queue::of_kind(class, Kind::Priority)?).add_subclass(Self))
    }
}

#[pymethods]
impl Queue {
    // Subclasses have arguments of their own.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(maxsize=0)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::of_kind(class, Kind::Fifo)
    }

    #[pyo3(signature = (maxsize=0))]
    fn __init__(slf: &Bound<'_, Self>, maxsize: i64) -> PyResult<()> {
        let this = slf.get();
        this.set_size(maxsize);
        if this.has_hooks || this.opened.get().is_some() {
            let opened = this.open(slf)?;
            opened.max_size.replace(slf.py(), maxsize.into_pyobject(slf.py())?.into_any().unbind());
            slf.call_method1("_init", (maxsize,))?;
        }
        Ok(())
    }

    /// How many items there are, roughly: another thread may change that at once.
    fn qsize(slf: &Bound<'_, Self>) -> PyResult<usize> {
        match slf.get().closed(slf)? {
            Some(inner) => Ok(inner.len()),
            None => standard_algorithm(slf, "qsize", &[])?.extract(),
        }
    }

    /// Whether there is no item, roughly.
    fn empty(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.get().closed(slf)? {
            Some(inner) => Ok(inner.is_empty()),
            None => standard_algorithm(slf, "empty", &[])?.extract(),
        }
    }

    /// Whether there is no room, roughly.
    fn full(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.get().closed(slf)? {
            Some(inner) => Ok(inner.is_full()),
            None => standard_algorithm(slf, "full", &[])?.extract(),
        }
    }

    /// Waits until all tasks are done: until `task_done` has been called for each item that was put.
    fn join(slf: &Bound<'_, Self>) -> PyResult<()> {
        if let Some(inner) = slf.get().closed(slf)? {
            gil::wait(slf.py(), || acquire_result(inner.join(None)))?.ok();
            if !inner.is_retired() {
                return Ok(());
            }
        }
        standard_algorithm(slf, "join", &[]).map(drop)
    }

    /// Shuts the queue down: a `put` raises `ShutDown`, and so does a `get` once there are no items.
    ///
    /// With `immediate`, the items are removed, and their tasks count as done.
    #[pyo3(signature = (immediate=false))]
    fn shutdown(slf: &Bound<'_, Self>, immediate: bool) -> PyResult<()> {
        let this = slf.get();
        while let Some(inner) = this.closed(slf)? {
            if !immediate {
                inner.shutdown();
                return Ok(());
            }
            match inner.shutdown_now() {
                Ok(items) => {
                    drop(items);
                    return Ok(());
                }
                Err(ungil_queue::GetError::Busy) => transfer::wait_for_turn(slf.py(), inner)?,
                Err(_) => return Err(errors::reentrant()),
            }
        }
        standard_algorithm(slf, "shutdown", &[immediate.into_bound_py_any(slf.py())?]).map(drop)
    }

    /// Gets up to `max` items: waits for the first of them, and takes what else is there.
    ///
    /// `timeout` is in seconds, and `None` is for ever. Raises `Empty` if none comes in time, `ShutDown` if none will. When a
    /// comparison of items raises, all of them stay in the queue; one that cannot be put back is the exception's `items`.
    #[pyo3(signature = (max, timeout=None))]
    fn get_many<'py>(
        slf: &Bound<'py, Self>,
        max: usize,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let patience = transfer::patience(None, timeout)?;
        if let Some(inner) = slf.get().closed(slf)?
            && let Outcome::Done(items) = transfer::get_many(slf.py(), inner, max, patience)?
        {
            return Ok(items);
        }
        let args = [max.into_bound_py_any(slf.py())?, timeout.into_bound_py_any(slf.py())?];
        Ok(standard_algorithm(slf, "get_many", &args)?.cast_into()?)
    }

    /// Puts all items of an iterable, waiting for room for each of them up to `timeout` seconds.
    ///
    /// When that fails, those before it have been put, and the exception's `items` are the others.
    #[pyo3(signature = (items, timeout=None))]
    fn put_many(
        slf: &Bound<'_, Self>,
        items: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let patience = transfer::patience(None, timeout)?;
        let mut left = items_of(items)?;
        let raised = match slf.get().closed(slf)? {
            Some(inner) => transfer::put_many(py, inner, &mut left, patience).err(),
            None => None,
        };
        let left = PyList::new(py, left.into_iter().map(|item| item.0))?;
        match raised {
            Some(error) => {
                // An exception without room for attributes goes as it is.
                let _ = error.value(py).setattr("items", left);
                Err(error)
            }
            None if left.is_empty() => Ok(()),
            None => {
                let args = [left.into_any(), timeout.into_bound_py_any(py)?];
                standard_algorithm(slf, "put_many", &args).map(drop)
            }
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The next item, waiting for it; the end of the iteration is the queue's shutdown.
    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match slf.call_method0("get") {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.matches(slf.py(), errors::shut_down_class(slf.py())?)? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many threads wait: for an item, for room, or for all tasks to be done.
    fn statistics(&self) -> Statistics {
        let waiters = self.opened.get().map_or(0, Opened::n_waiters);
        let closed = self.inner.statistics();
        ungil_sync::Statistics { waiters: closed.waiters + waiters, ..closed }.into()
    }

    /// Sets an attribute. One of the hooks on the queue itself counts as one of its class: the queue is opened.
    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if HOOKS.iter().any(|hook| name == hook) {
            slf.get().open(slf)?;
        }
        // SAFETY: all are live objects; the function is what a class without a `__setattr__` has.
        let status = unsafe { ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), value.as_ptr()) };
        if status < 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        // SAFETY: as above; null is to delete.
        let status = unsafe { ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), ptr::null_mut()) };
        if status < 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }

    /// Gets the next item; a coroutine, that waits without blocking its event loop.
    ///
    /// Threads and tasks may use the queue at once. A task that is cancelled takes no item with it. Raises `ShutDown` if there is no
    /// item and the queue has been shut down.
    fn aget<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("ungil._async_queue")?.call_method1("get", (slf,))
    }

    /// Puts an item; a coroutine, that waits for room without blocking its event loop.
    ///
    /// Threads and tasks may use the queue at once. Raises `ShutDown` if the queue has been shut down.
    fn aput<'py>(slf: &Bound<'py, Self>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("ungil._async_queue")?.call_method1("put", (slf, item))
    }

    /// Begins to wait for an item, for a task of asyncio: `callback` is called, by any thread, when it is worth asking
    /// `finish()` for it. `None` if the task should look at once.
    fn _begin_get(slf: &Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<Option<PendingGet>> {
        Ok(slf.get().closed(slf)?.and_then(|inner| PendingGet::begin(slf, inner, callback)))
    }

    /// As `_begin_get`, for room.
    fn _begin_put(slf: &Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<Option<PendingPut>> {
        Ok(slf.get().closed(slf)?.and_then(|inner| PendingPut::begin(slf, inner, callback)))
    }

    /// Whether its insides are open, so that it calls no task back.
    #[getter]
    fn _is_open(&self) -> bool {
        self.has_hooks || self.inner.is_retired()
    }

    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.call_method1("GenericAlias", (class, item))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        repr(slf.as_any())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let mut result = self.opened.get().map_or(Ok(()), |opened| opened.traverse(&visit));
        self.inner.each(|item| {
            if result.is_ok() {
                result = visit.call(&item.0);
            }
        });
        result
    }

    fn __clear__(&self) {
        drop(self.inner.clear());
        if let Some(opened) = self.opened.get() {
            opened.clear();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        drop_one_by_one(self.inner.clear().into_iter().map(|item| item.0));
    }
}

impl Queue {
    fn of_kind(class: &Bound<'_, PyType>, kind: Kind) -> PyResult<Self> {
        let py = class.py();
        let ours = match kind {
            Kind::Fifo => py.get_type::<Self>(),
            Kind::Lifo => py.get_type::<LifoQueue>(),
            Kind::Priority => py.get_type::<PriorityQueue>(),
        };
        let is_exact = class.is(&ours);
        let mut has_hooks = false;
        if !is_exact {
            for hook in HOOKS {
                has_hooks |= !class.getattr(hook)?.is(ours.getattr(hook)?);
            }
        }
        Ok(Self {
            inner: ungil_queue::Queue::with_store(AnyStore::new(kind), 0),
            kind,
            asked_size: AtomicI64::new(0),
            is_exact,
            has_hooks,
            opened: OnceBox::new(),
            opening: ungil_sync::Lock::new(),
        })
    }

    /// Says how many items there may be; 0 or less is any number.
    pub(crate) fn set_size(&self, size: i64) {
        self.asked_size.store(size, Ordering::Relaxed);
        self.inner.set_max_size(usize::try_from(size).unwrap_or(0));
    }

    /// The queue in Rust, unless it has been opened.
    pub(crate) fn closed(
        &self,
        slf: &Bound<'_, Self>,
    ) -> PyResult<Option<&ungil_queue::Queue<Item, AnyStore>>> {
        if self.opened.get().is_some() {
            return Ok(None);
        }
        if self.has_hooks || self.inner.is_retired() {
            self.open(slf)?;
            return Ok(None);
        }
        Ok(Some(&self.inner))
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"put", doc: PUT, call: Call::Full(put) },
    Method { name: c"put_nowait", doc: PUT_NOWAIT, call: Call::Full(put_nowait) },
    Method { name: c"get", doc: GET, call: Call::Full(get) },
    Method { name: c"get_nowait", doc: GET_NOWAIT, call: Call::Plain(get_nowait) },
    Method { name: c"task_done", doc: TASK_DONE, call: Call::Plain(task_done) },
];

const PUT: &CStr = c"put($self, /, item, block=True, timeout=None)\n--\n\n\
    Put an item, waiting for room if there is none.\n\n\
    `timeout` is in seconds, and `None` is for ever. Raises `Full` if there is no room in time, or at once if not `block`;\n\
    `ShutDown` if the queue has been shut down.";
const PUT_NOWAIT: &CStr = c"put_nowait($self, /, item)\n--\n\n\
    Put an item.\n\nRaises `Full` if there is no room.";
const GET: &CStr = c"get($self, /, block=True, timeout=None)\n--\n\n\
    Remove and return the next item, waiting for one if there is none.\n\n\
    `timeout` is in seconds, and `None` is for ever. Raises `Empty` if none comes in time, or at once if not `block`;\n\
    `ShutDown` if there is none and the queue has been shut down.";
const GET_NOWAIT: &CStr = c"get_nowait($self, /)\n--\n\n\
    Remove and return the next item.\n\nRaises `Empty` if there is none.";
const TASK_DONE: &CStr = c"task_done($self, /)\n--\n\n\
    Say that a task that was got is done; `join` waits for all of them.\n\n\
    Raises `ValueError` if it is called more often than items were put.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn put(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a queue.
    let queue: &Queue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if !queue.has_hooks
        && let Some(item) = arguments.only()
    {
        return transfer::try_put(&queue.inner, Item(item)).unwrap_or_else(|item| {
            slow(|py| {
                // SAFETY: the caller keeps `slf` alive through the call.
                let slf = unsafe { bound(py, slf) };
                put_item(&slf, item, None, None)
            })
        });
    }
    slow(|py| {
        // SAFETY: as above.
        let slf = unsafe { bound(py, slf) };
        let (item, [block, timeout]) = transfer::put_arguments(py, arguments, "Queue")?;
        put_item(&slf, Item(item.unbind()), block.as_ref(), timeout.as_ref())
    })
}

fn put_item<'py>(
    slf: &Bound<'py, Queue>,
    item: Item,
    block: Option<&Bound<'py, PyAny>>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let kept = item.0.clone_ref(py);
    if let Some(inner) = slf.get().closed(slf)? {
        if inner.is_shut_down() {
            return Err(errors::shut_down(py));
        }
        // The standard queue looks at the timeout only where there is a bound.
        let timeout = transfer::counted(timeout.filter(|_| inner.max_size() > 0))?;
        let patience = transfer::patience(block, timeout.as_ref())?;
        if let Outcome::Done(()) = transfer::put(py, inner, item, patience)? {
            return Ok(py.None().into_bound(py));
        }
    }
    let args = [kept.into_bound(py), truth(py, block)?, timeout.into_bound_py_any(py)?];
    standard_algorithm(slf, "put", &args)
}

unsafe extern "C" fn put_nowait(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a queue.
    let queue: &Queue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if queue.is_exact
        && let Some(item) = arguments.only()
    {
        return transfer::try_put(&queue.inner, Item(item)).unwrap_or_else(|item| {
            slow(|py| {
                // SAFETY: the caller keeps `slf` alive through the call.
                let slf = unsafe { bound(py, slf) };
                put_item(&slf, item, Some(&no(py)), None)
            })
        });
    }
    slow(|py| {
        // SAFETY: as above.
        let slf = unsafe { bound(py, slf) };
        let Some([Some(item)]) = arguments.bind(py, ["item"])? else {
            let standard = py.import("queue")?.call_method0("Queue")?;
            return Err(arguments.refused_by(&standard.getattr("put_nowait")?));
        };
        // A subclass may have a `put` of its own.
        let names = PyDict::new(py);
        names.set_item("block", false)?;
        slf.call_method("put", (item,), Some(&names))
    })
}

unsafe extern "C" fn get(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a queue.
    let queue: &Queue = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty()
        && !queue.has_hooks
        && let Some(item) = transfer::try_get(&queue.inner)
    {
        return item;
    }
    slow(|py| {
        // SAFETY: the caller keeps `slf` alive through the call.
        let slf = unsafe { bound(py, slf) };
        let [block, timeout] = transfer::get_arguments(py, arguments, "Queue")?;
        get_item(&slf, block.as_ref(), timeout.as_ref())
    })
}

fn get_item<'py>(
    slf: &Bound<'py, Queue>,
    block: Option<&Bound<'py, PyAny>>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if let Some(inner) = slf.get().closed(slf)? {
        if inner.is_shut_down() && inner.is_empty() {
            return Err(errors::shut_down(py));
        }
        let timeout = transfer::counted(timeout)?;
        let patience = transfer::patience(block, timeout.as_ref())?;
        if let Outcome::Done(item) = transfer::get(py, inner, patience)? {
            return Ok(item.0.into_bound(py));
        }
    }
    standard_algorithm(slf, "get", &[truth(py, block)?, timeout.into_bound_py_any(py)?])
}

unsafe extern "C" fn get_nowait(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a queue.
    let queue: &Queue = unsafe { this(slf) };
    if queue.is_exact
        && let Some(item) = transfer::try_get(&queue.inner)
    {
        return item;
    }
    slow(|py| {
        // SAFETY: the caller keeps `slf` alive through the call.
        let slf = unsafe { bound(py, slf) };
        if queue.is_exact {
            return get_item(&slf, Some(&no(py)), None);
        }
        // A subclass may have a `get` of its own.
        let names = PyDict::new(py);
        names.set_item("block", false)?;
        slf.call_method("get", (), Some(&names))
    })
}

unsafe extern "C" fn task_done(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a queue.
    let queue: &Queue = unsafe { this(slf) };
    if !queue.has_hooks && queue.inner.task_done().is_ok() {
        return none_object();
    }
    slow(|py| {
        // SAFETY: the caller keeps `slf` alive through the call.
        let slf = unsafe { bound(py, slf) };
        match queue.closed(&slf)? {
            Some(inner) => {
                let done = inner.task_done();
                done.map_err(|error| PyValueError::new_err(error.to_string()))?;
                Ok(py.None().into_bound(py))
            }
            None => standard_algorithm(&slf, "task_done", &[]),
        }
    })
}

/// `slf` with its class.
///
/// # Safety
///
/// It is a live queue, for as long as the thread is attached.
unsafe fn bound(py: Python<'_>, slf: *mut ffi::PyObject) -> Bound<'_, Queue> {
    // SAFETY: as the caller promises.
    let slf = unsafe { Bound::from_borrowed_ptr(py, slf) };
    // SAFETY: as the caller promises.
    unsafe { slf.cast_into_unchecked() }
}

/// What `block` says, which is true unless given.
fn truth<'py>(py: Python<'py>, block: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let is_blocking = block.map_or(Ok(true), PyAnyMethods::is_truthy)?;
    Ok(PyBool::new(py, is_blocking).to_owned().into_any())
}

fn no(py: Python<'_>) -> Bound<'_, PyAny> {
    PyBool::new(py, false).to_owned().into_any()
}
