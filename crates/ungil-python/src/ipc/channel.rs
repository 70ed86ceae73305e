//! `_Channel`: one end of a connection between processes, as bytes; `python/ungil/_connection.py` makes the standard library's `Connection` of it.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::{ptr, slice};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{
    PyBrokenPipeError, PyBufferError, PyEOFError, PyMemoryError, PyOSError, PyTimeoutError,
};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ungil_ipc::channel::{self, Channel, Error, Parts, Wait};

use crate::{gil, timeout};

/// Messages up to so many bytes are sent and received without letting the interpreter go, if they need not be waited for.
const SHORT: usize = 1 << 14;

/// Longer ones are received into memory that is asked for as they come: the system may not give as much as the other side says.
const LARGE: usize = 1 << 28;

/// A descriptor and the number of the ring that it belongs to.
type Way = Option<(RawFd, usize)>;

/// One end of a connection between processes: whole messages of bytes, in their order.
#[pyclass(frozen, name = "_Channel", module = "ungil._core")]
pub(crate) struct PyChannel {
    /// None once it is closed. A call that is under way keeps it.
    inner: Mutex<Option<Arc<Channel>>>,
}

#[pymethods]
impl PyChannel {
    /// Two ends. If `duplex`, each sends and receives; otherwise the first receives what the second sends.
    #[staticmethod]
    fn pair(duplex: bool) -> PyResult<(Self, Self)> {
        let (first, second) = Channel::pair(duplex)?;
        Ok((Self::of(first), Self::of(second)))
    }

    /// The end that consists of these descriptors, which become its own.
    #[staticmethod]
    fn from_parts(memory: RawFd, incoming: Way, outgoing: Way) -> PyResult<Self> {
        let own = |fd: RawFd| {
            // SAFETY: the caller gives it away, as the documentation says.
            unsafe { OwnedFd::from_raw_fd(fd) }
        };
        let own_way = |way: Way| way.map(|(fd, number)| (own(fd), number));
        let parts = Parts { memory: own(memory), incoming: own_way(incoming), outgoing: own_way(outgoing) };
        Ok(Self::of(Channel::from_parts(parts)?))
    }

    /// What it consists of, to be given to `from_parts` after copying each descriptor: they stay its own.
    /// Raises `OSError` while a message has been received in part: the rest would be taken for the next.
    fn parts(&self) -> PyResult<(RawFd, Way, Way)> {
        let channel = self.open()?;
        if channel.is_within_message() {
            return Err(PyOSError::new_err(
                "a message has been received in part: receive it before passing the connection on",
            ));
        }
        let Parts { memory, incoming, outgoing } = channel.parts();
        let way = |way: Option<(BorrowedFd<'_>, usize)>| way.map(|(fd, number)| (fd.as_raw_fd(), number));
        Ok((memory.as_fd().as_raw_fd(), way(incoming), way(outgoing)))
    }

    /// Sends a message: the bytes of a contiguous buffer, which nobody must change meanwhile.
    #[expect(clippy::needless_pass_by_value, reason = "the buffer is given back at the end")]
    fn send(&self, py: Python<'_>, bytes: PyBuffer<u8>) -> PyResult<()> {
        if !bytes.is_c_contiguous() {
            return Err(PyBufferError::new_err("a message must be contiguous bytes"));
        }
        let channel = self.open()?;
        // An empty buffer may have no address.
        let bytes = if bytes.len_bytes() == 0 {
            &[]
        } else {
            // SAFETY: the buffer is held until the end of this call, and has so many bytes from its address on. Should another thread write them
            // meanwhile, what arrives is what either wrote.
            unsafe { slice::from_raw_parts(bytes.buf_ptr().cast::<u8>(), bytes.len_bytes()) }
        };
        let mut message = channel.send(bytes);
        let mut ended =
            if bytes.len() <= SHORT { message.proceed(Wait::Never) } else { Err(Error::WouldWait) };
        loop {
            match ended {
                Ok(()) => return Ok(()),
                Err(Error::WouldWait) => {}
                Err(Error::Interrupted) => py.check_signals()?,
                Err(Error::Gone) => return Err(broken_pipe()),
                Err(error) => return Err(raised(error)),
            }
            ended = gil::detached(py, || message.proceed(Wait::Until(None)));
        }
    }

    /// Receives a message, of at most so many bytes. Raises `EOFError` at the end.
    #[pyo3(signature = (most=None))]
    fn receive<'py>(&self, py: Python<'py>, most: Option<u64>) -> PyResult<Bound<'py, PyBytes>> {
        let channel = self.open()?;
        let mut ended =
            if channel.has_come(SHORT) { channel.receive(most, Wait::Never) } else { Err(Error::WouldWait) };
        loop {
            let len = loop {
                match ended {
                    Ok(message) => return Ok(PyBytes::new(py, &message)),
                    Err(Error::WouldWait) => {}
                    Err(Error::Interrupted) => py.check_signals()?,
                    Err(error) => return Err(raised(error)),
                }
                match gil::detached(py, || channel.next_len(most, Wait::Until(None))) {
                    Ok(len @ SHORT..=LARGE) => break len,
                    Ok(_) => ended = gil::detached(py, || channel.receive(most, Wait::Until(None))),
                    Err(error) => ended = Err(error),
                }
            };
            if let Some(message) = large(py, &channel, len)? {
                return Ok(message);
            }
            // Another thread has received it.
            ended = Err(Error::WouldWait);
        }
    }

    /// Whether there is something to receive, or will be within so many seconds, the end included; `None` is for ever.
    #[pyo3(signature = (timeout=None))]
    fn poll(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let channel = self.open()?;
        let wait = match timeout {
            None => Wait::Until(None),
            Some(timeout) => {
                let seconds = timeout::seconds(timeout)?;
                if seconds <= 0.0 { Wait::Never } else { Wait::Until(timeout::deadline(seconds)) }
            }
        };
        loop {
            let ended = match wait {
                Wait::Never => channel.wait(wait),
                Wait::Until(_) => gil::detached(py, || channel.wait(wait)),
            };
            match ended {
                Ok(()) => return Ok(true),
                Err(Error::WouldWait | Error::TimedOut) => return Ok(false),
                Err(Error::Interrupted) => py.check_signals()?,
                Err(error) => return Err(raised(error)),
            }
        }
    }

    /// A descriptor that is readable when there is something to receive, the end included.
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        let channel = self.open()?;
        Ok(gil::detached(py, || channel.selectable().map(|fd| fd.as_raw_fd()))?)
    }

    /// Gives up this end; calls that are under way go on.
    fn close(&self) {
        let closed = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(closed);
    }

    #[getter]
    fn closed(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    #[getter]
    fn readable(&self) -> bool {
        self.open().is_ok_and(|channel| channel.receives())
    }

    #[getter]
    fn writable(&self) -> bool {
        self.open().is_ok_and(|channel| channel.sends())
    }
}

impl PyChannel {
    fn of(channel: Channel) -> Self {
        Self { inner: Mutex::new(Some(Arc::new(channel))) }
    }

    fn open(&self) -> PyResult<Arc<Channel>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clone().ok_or_else(|| PyOSError::new_err("handle is closed"))
    }
}

/// Receives a message of `len` bytes into an object; none if it is not there any more.
fn large<'py>(py: Python<'py>, channel: &Channel, len: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
    // SAFETY: without bytes to copy from, their number makes an object whose bytes are to be written; it is ours alone until then.
    let object = unsafe { ffi::PyBytes_FromStringAndSize(ptr::null(), len as ffi::Py_ssize_t) };
    // SAFETY: a new reference to bytes, or null with an exception.
    let object = unsafe { Bound::from_owned_ptr_or_err(py, object) }?;
    // SAFETY: the object is bytes.
    let at = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
    // SAFETY: so many bytes belong to the object, and nobody else knows it.
    let to = unsafe { slice::from_raw_parts_mut(at.cast::<MaybeUninit<u8>>(), len) };
    loop {
        match gil::detached(py, || channel.receive_into(to, Wait::Until(None))) {
            Ok(true) => return Ok(Some(object.cast_into()?)),
            Ok(false) => return Ok(None),
            Err(Error::Interrupted) => py.check_signals()?,
            Err(error) => return Err(raised(error)),
        }
    }
}

/// The exception that the standard library would raise.
fn raised(error: channel::Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Gone => PyEOFError::new_err(()),
        Error::Incomplete | Error::Corrupt(_) => PyOSError::new_err(text),
        Error::TooLong(_) => PyOSError::new_err("bad message length"),
        Error::WrongWay => PyOSError::new_err("connection is used the wrong way"),
        Error::NoMemory(_) => PyMemoryError::new_err(text),
        Error::TimedOut | Error::WouldWait | Error::Interrupted => PyTimeoutError::new_err(text),
        Error::System(error) => error.into(),
    }
}

fn broken_pipe() -> PyErr {
    PyBrokenPipeError::new_err((libc::EPIPE, "Broken pipe"))
}
