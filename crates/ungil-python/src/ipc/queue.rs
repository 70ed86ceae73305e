//! `_Queue`: what the queues of `ungil.multiprocessing` are; `python/ungil/_mp_queues.py` pickles what is not plain.

use std::hint;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::slice;
use std::time::Instant;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use ungil_ipc::queue::{Corrupt, Outcome, Queue};
use ungil_sync::Deadline;

use crate::gil;
use crate::ipc::shared::deadline;
use crate::plain;
use crate::queue::{empty, full};

/// Items up to so many bytes are copied without letting the interpreter go, if they need not be waited for.
const SHORT: usize = 1 << 14;

/// How often a consumer looks before it lets the interpreter go. That takes as long as a producer that is at work takes for an item.
const LOOKS: u32 = 20;

/// Items of bytes between processes.
#[pyclass(frozen, name = "_Queue", module = "ungil._core")]
pub(crate) struct PyProcessQueue(Queue);

#[pymethods]
impl PyProcessQueue {
    /// A new one, of at most so many items, with a descriptor for `select` if that is wanted.
    #[new]
    fn new(most: u32, is_selectable: bool) -> PyResult<Self> {
        let queue = Queue::new(most)?;
        Ok(Self(if is_selectable { queue.with_bell(None)? } else { queue }))
    }

    /// The queue of these descriptors, which become its own.
    #[staticmethod]
    fn from_parts(most: u32, memory: RawFd, bell: Option<RawFd>) -> PyResult<Self> {
        let own = |fd: RawFd| {
            // SAFETY: the caller gives it away, as the documentation says.
            unsafe { OwnedFd::from_raw_fd(fd) }
        };
        let bell = bell.map(own);
        let queue = Queue::from_fd(own(memory), most)?;
        Ok(Self(if bell.is_some() { queue.with_bell(bell)? } else { queue }))
    }

    /// What `from_parts` wants in another process; the descriptors stay its own.
    fn parts(&self) -> (u32, RawFd, Option<RawFd>) {
        (self.0.most(), self.0.as_fd().as_raw_fd(), self.0.bell().map(|fd| fd.as_raw_fd()))
    }

    /// A descriptor that is readable when there is something to take.
    fn fileno(&self) -> PyResult<RawFd> {
        let fd = self.0.selectable().map(|fd| fd.as_raw_fd());
        fd.ok_or_else(|| PyOSError::new_err("the queue has no descriptor to wait for"))
    }

    /// Puts a plain object, if there is room at once; false if not, or if it is not plain.
    fn put_plain(&self, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut item = Vec::with_capacity(64);
        Ok(plain::write(object, &mut item, SHORT) && self.0.try_put(&item).map_err(raised)? == Outcome::Done)
    }

    /// Puts an item of bytes; false if there is only room for it promised, because its bytes do not fit now, or it is not to be put `directly`: then `pour`.
    /// Raises `Full`.
    #[expect(clippy::needless_pass_by_value, reason = "the buffer is given back at the end")]
    fn put(
        &self,
        py: Python<'_>,
        item: PyBuffer<u8>,
        directly: bool,
        block: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let (queue, item) = (&self.0, bytes(&item)?);
        if directly && item.len() <= SHORT && queue.try_put(item).map_err(raised)? == Outcome::Done {
            return Ok(true);
        }
        let until = until(block, timeout)?;
        match gil::wait(py, || queue.put(item, directly, until))? {
            Ok(outcome) => Ok(outcome.map_err(raised)? == Outcome::Done),
            Err(_) => Err(full(py)),
        }
    }

    /// Puts an item in whatever room there is, waiting for more; if it `is_promised`, that ends by it.
    #[expect(clippy::needless_pass_by_value, reason = "the buffer is given back at the end")]
    fn pour(&self, py: Python<'_>, item: PyBuffer<u8>, is_promised: bool) -> PyResult<()> {
        let (queue, item) = (&self.0, bytes(&item)?);
        if !is_promised && item.len() <= SHORT && queue.try_put(item).map_err(raised)? == Outcome::Done {
            return Ok(());
        }
        let mut pouring = queue.pour(item, is_promised);
        match gil::wait(py, || pouring.proceed(None))? {
            Ok(ended) => ended.map_err(raised),
            Err(_) => Err(full(py)),
        }
    }

    /// Takes an object. Raises `Empty`.
    fn get<'py>(
        &self,
        py: Python<'py>,
        block: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let queue = &self.0;
        for _ in 0..LOOKS {
            if let Some(item) = queue.try_get().map_err(raised)? {
                return object_of(py, &item);
            }
            hint::spin_loop();
        }
        let until = until(block, timeout)?;
        let mut getting = queue.get();
        match gil::wait(py, || getting.proceed(until))? {
            Ok(item) => object_of(py, &item.map_err(raised)?),
            Err(_) => Err(empty(py)),
        }
    }

    /// One more task.
    fn begin_task(&self) {
        self.0.begin_task();
    }

    /// One task less; false if there is none.
    fn task_done(&self) -> bool {
        self.0.task_done()
    }

    /// Waits until no task is left.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        let n_idle = self.0.n_idle();
        // Without a deadline it ends when no task is left, or by an exception.
        let _ = gil::wait(py, || self.0.join(n_idle, None))?;
        Ok(())
    }

    /// Whether there is nothing to take.
    fn empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are as many items as there may be.
    fn full(&self) -> bool {
        self.0.is_full()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// The object of an item, plain or pickled: pickles come from processes that are trusted, as documented.
#[inline]
fn object_of<'py>(py: Python<'py>, item: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if plain::is_plain(item) {
        return plain::Reader::new(item).read_all(py);
    }
    LOADS.import(py, "pickle", "loads")?.call1((PyBytes::new(py, item),))
}

/// The bytes of a buffer that the caller holds.
fn bytes(buffer: &PyBuffer<u8>) -> PyResult<&[u8]> {
    if !buffer.is_c_contiguous() {
        return Err(PyBufferError::new_err("an item must be contiguous bytes"));
    }
    if buffer.len_bytes() == 0 {
        // It may have no address.
        return Ok(&[]);
    }
    // SAFETY: the buffer has so many bytes from its address on, and is held for as long as the result. Should another thread write them meanwhile, what
    // arrives is what either wrote.
    Ok(unsafe { slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) })
}

/// Until when a call waits; at once, if it does not `block`.
fn until(block: &Bound<'_, PyAny>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    if block.is_truthy()? { deadline(timeout) } else { Ok(Some(Instant::now())) }
}

fn raised(corrupt: Corrupt) -> PyErr {
    PyOSError::new_err(corrupt.to_string())
}
