//! [`Opened`]: a queue whose insides the program sees, `mutex`, `queue` and the conditions, with the standard algorithm over them.
//!
//! Programs reach for these: `with q.mutex: q.queue.clear()`, `len(q.queue)`, a subclass that keeps a set. What they see must
//! then be all there is. So the first who reaches for them *opens* the queue: the items move to the container that the standard
//! class has, and from then on every operation is that of `ungil._opened_queue`, on our locks. It is slower, and it stays so.
//! `unfinished_tasks`, `maxsize` and `is_shutdown` are answered without opening anything.
//!
//! The protocol of opening: all objects are made first, since that may run a collector's finalisers; then the queue is
//! retired, filled and published, which runs nothing and lets no thread in. Whoever finds a queue retired waits for `opening`.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyAttributeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use ungil_queue::GetError;
use ungil_sync::current_thread;
use ungil_sync::wait_graph::Held;
use ungil_sync::waiters::Ticket;

use crate::gil;
use crate::queue::class::{PriorityQueue, Queue};
use crate::queue::errors;
use crate::queue::heap_list;
use crate::queue::item::Kind;
use crate::queue::transfer;
use crate::sync::{Condition, Lock, acquire_result};

/// The insides.
pub(crate) struct Opened {
    mutex: Py<Lock>,
    not_empty: Py<Condition>,
    not_full: Py<Condition>,
    all_tasks_done: Py<Condition>,
    /// The container of the items: a deque or a list, or what a subclass has put in its place.
    queue: Slot,
    unfinished: Slot,
    is_shut_down: Slot,
    pub(crate) max_size: Slot,
}

/// An attribute that may be set.
pub(crate) struct Slot(Mutex<Option<Py<PyAny>>>);

impl Slot {
    fn new<'py>(value: impl IntoPyObject<'py>, py: Python<'py>) -> PyResult<Self> {
        Ok(Self(Mutex::new(Some(value.into_bound_py_any(py)?.unbind()))))
    }

    fn get(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = value.as_ref().map(|value| value.clone_ref(py));
        value.ok_or_else(|| PyAttributeError::new_err(format!("the queue has no {name} any more")))
    }

    pub(crate) fn replace(&self, _: Python<'_>, value: Py<PyAny>) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(value);
        // Outside of the mutex, for it may run anything.
        drop(before);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn clear(&self) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(before);
    }
}

impl Opened {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.not_empty)?;
        visit.call(&self.not_full)?;
        visit.call(&self.all_tasks_done)?;
        for slot in [&self.queue, &self.unfinished, &self.is_shut_down, &self.max_size] {
            slot.traverse(visit)?;
        }
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.queue.clear();
    }

    /// How many threads wait: for an item, for room, or for all tasks to be done.
    pub(crate) fn n_waiters(&self) -> usize {
        let conditions = [&self.not_empty, &self.not_full, &self.all_tasks_done];
        conditions.into_iter().map(|condition| condition.get().n_waiters()).sum()
    }
}

/// The module of the standard algorithm.
const ALGORITHM: &str = "ungil._opened_queue";

/// Calls the standard algorithm's `function` for an opened queue.
pub(crate) fn standard_algorithm<'py>(
    slf: &Bound<'py, Queue>,
    function: &str,
    args: &[Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    let module = slf.py().import(ALGORITHM)?;
    let mut all = vec![slf.as_any().clone()];
    all.extend_from_slice(args);
    module.getattr(function)?.call1(PyTuple::new(slf.py(), all)?)
}

impl Queue {
    /// The insides; the queue is opened if it was not.
    pub(crate) fn open(&self, slf: &Bound<'_, Self>) -> PyResult<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let py = slf.py();
        // What runs within a comparison of the items must not wait for its end.
        if self.inner.is_compared_here() {
            return Err(errors::reentrant());
        }
        // A finaliser that runs while its thread makes the objects of an opening gets ahead of it.
        if self.opening.holder() == Some(current_thread()) {
            return self.open_held(slf);
        }
        // Now, and not when threads use the queue: whoever forks while another thread imports has a child that waits for it.
        // And before our lock is taken, since whatever an import runs may come here.
        py.import(ALGORITHM)?;
        let mut ticket = Ticket::default();
        gil::wait(py, || acquire_result(self.opening.acquire_with(&mut ticket, None)))?.ok();
        let result = self.open_held(slf);
        let _ = self.opening.release();
        result
    }

    fn open_held(&self, slf: &Bound<'_, Self>) -> PyResult<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let py = slf.py();
        let mutex = Bound::new(py, Lock::make(py))?;
        let condition = || Bound::new(py, Condition::of(mutex.clone().unbind())).map(Bound::unbind);
        let container = self.container(py)?;
        let append = container.getattr("append")?;
        let opened = Opened {
            not_empty: condition()?,
            not_full: condition()?,
            all_tasks_done: condition()?,
            queue: Slot::new(container, py)?,
            unfinished: Slot::new(0, py)?,
            is_shut_down: Slot::new(false, py)?,
            max_size: Slot::new(self.asked_size.load(Ordering::Relaxed), py)?,
            mutex: mutex.unbind(),
        };
        let contents = loop {
            match self.inner.retire() {
                Ok(contents) => break contents,
                Err(GetError::Busy) => transfer::wait_for_turn(py, &self.inner)?,
                Err(_) => return self.opened.get().ok_or_else(errors::reentrant),
            }
        };
        for item in contents.items {
            append.call1((item.0,))?;
        }
        opened.unfinished.replace(py, contents.unfinished.into_py_any(py)?);
        opened.is_shut_down.replace(py, contents.is_shut_down.into_py_any(py)?);
        Ok(self.opened.get_or_set(opened))
    }

    /// An empty container such as the standard class has.
    fn container<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.kind {
            Kind::Fifo => py.import("collections")?.call_method0("deque"),
            Kind::Lifo | Kind::Priority => Ok(PyList::empty(py).into_any()),
        }
    }
}

/// The attributes of the standard class.
#[pymethods]
impl Queue {
    /// The lock of everything.
    #[getter]
    fn mutex<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Lock>> {
        Ok(slf.get().open(slf)?.mutex.bind(slf.py()).clone())
    }

    /// Notified when an item has been put.
    #[getter]
    fn not_empty<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        Ok(slf.get().open(slf)?.not_empty.bind(slf.py()).clone())
    }

    /// Notified when there is room again.
    #[getter]
    fn not_full<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        Ok(slf.get().open(slf)?.not_full.bind(slf.py()).clone())
    }

    /// Notified when no task is unfinished.
    #[getter]
    fn all_tasks_done<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        Ok(slf.get().open(slf)?.all_tasks_done.bind(slf.py()).clone())
    }

    /// The container of the items.
    #[getter]
    fn queue(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        slf.get().open(slf)?.queue.get(slf.py(), "container")
    }

    #[setter]
    fn set_queue(slf: &Bound<'_, Self>, container: Py<PyAny>) -> PyResult<()> {
        slf.get().open(slf)?.queue.replace(slf.py(), container);
        Ok(())
    }

    /// How many tasks were put and are not done.
    #[getter]
    fn unfinished_tasks(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, py) = (slf.get(), slf.py());
        match this.closed(slf)? {
            Some(inner) => Ok(inner.unfinished().into_py_any(py)?),
            None => this.open(slf)?.unfinished.get(py, "count"),
        }
    }

    #[setter]
    fn set_unfinished_tasks(slf: &Bound<'_, Self>, count: Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        match (this.closed(slf)?, count.extract()) {
            (Some(inner), Ok(count)) => inner.set_unfinished(count),
            _ => this.open(slf)?.unfinished.replace(slf.py(), count.unbind()),
        }
        Ok(())
    }

    /// Whether it has been shut down.
    #[getter]
    fn is_shutdown(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let (this, py) = (slf.get(), slf.py());
        match this.closed(slf)? {
            Some(inner) => Ok(inner.is_shut_down()),
            None => this.open(slf)?.is_shut_down.get(py, "state")?.is_truthy(py),
        }
    }

    #[setter]
    fn set_is_shutdown(slf: &Bound<'_, Self>, value: Py<PyAny>) -> PyResult<()> {
        slf.get().open(slf)?.is_shut_down.replace(slf.py(), value);
        Ok(())
    }

    /// The most items; 0 or less is any number.
    #[getter]
    fn maxsize(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, py) = (slf.get(), slf.py());
        match this.closed(slf)? {
            Some(_) => Ok(this.asked_size.load(Ordering::Relaxed).into_py_any(py)?),
            None => this.open(slf)?.max_size.get(py, "size"),
        }
    }

    #[setter]
    fn set_maxsize(slf: &Bound<'_, Self>, size: Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        match (this.closed(slf)?, size.extract::<i64>()) {
            (Some(_), Ok(size)) => this.set_size(size),
            _ => this.open(slf)?.max_size.replace(slf.py(), size.unbind()),
        }
        Ok(())
    }

    /// A hook: makes the container.
    fn _init(slf: &Bound<'_, Self>, maxsize: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = maxsize;
        let container = slf.get().container(slf.py())?;
        slf.setattr("queue", container)
    }

    /// A hook: how many items there are.
    fn _qsize(slf: &Bound<'_, Self>) -> PyResult<usize> {
        slf.getattr("queue")?.len()
    }

    /// A hook: puts an item.
    fn _put(slf: &Bound<'_, Self>, item: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.getattr("queue")?.call_method1("append", (item,)).map(drop)
    }

    /// A hook: gets the next item.
    fn _get<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let queue = slf.getattr("queue")?;
        queue.call_method0(if slf.get().kind == Kind::Fifo { "popleft" } else { "pop" })
    }
}

#[pymethods]
impl PriorityQueue {
    /// A hook: puts an item.
    fn _put(slf: &Bound<'_, Self>, item: &Bound<'_, PyAny>) -> PyResult<()> {
        heap_list::push(&slf.getattr("queue")?, item)
    }

    /// A hook: gets the next item.
    fn _get<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        heap_list::pop(&slf.getattr("queue")?)
    }
}
