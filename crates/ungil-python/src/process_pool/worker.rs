//! `_WorkerLink`: a worker process's side of a pool.
//!
//! Calls that came without a pickle ([`plain`]) are made here, and answered if what they returned is plain too: Python's side has what is left, and all others. It
//! says when it may be so ([`WorkerLink::set_may_call`]): not before the initializer.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::exceptions::{PyAttributeError, PyEOFError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyModule};
use pyo3::{ffi, intern};
use ungil_ipc::arena::{Arena, Producer};
use ungil_ipc::channel::Error;
use ungil_ipc::frame::{Frame, MOST_INLINE};
use ungil_ipc::link;

use super::{kind, message};
use crate::futures::record;
use crate::gil;
use crate::plain;

/// What `receive` gives: what is to be done, the number of the call, and two things more.
///
/// | what | then |
/// |---|---|
/// | `CALL` | the pickle of the call, and the buffers that are not in it |
/// | `FAILED` | None, and what the call raised, or why it cannot be read |
/// | `PLAIN_CALL` | a tuple of the values that the call came as, the last of which are its arguments, and None |
/// | `MADE` | what was called, and what it returned |
/// | anything else | the worker is to end |
type Received<'py> = (u16, u64, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// What a worker receives calls and answers by. For one thread.
#[pyclass(frozen, name = "_WorkerLink", module = "ungil._core")]
pub(crate) struct WorkerLink {
    link: link::WorkerLink,
    /// Where the blocks of calls are.
    calls: Arc<Arena>,
    /// Where those of answers are.
    answers: Arc<Producer>,
    /// When the last call was received. Relaxed, as the others: for this thread.
    begun: AtomicU64,
    may_call: AtomicBool,
    may_interrupt: AtomicBool,
}

#[pymethods]
impl WorkerLink {
    /// The side that consists of these descriptors, which become its own.
    #[new]
    fn new(memory: RawFd, socket: RawFd, calls: RawFd, answers: RawFd) -> PyResult<Self> {
        let [memory, socket, calls, answers] = [memory, socket, calls, answers].map(|fd| {
            // SAFETY: the caller gives it away, as the documentation says.
            unsafe { OwnedFd::from_raw_fd(fd) }
        });
        Ok(Self {
            link: link::WorkerLink::from_fds(memory, socket)?,
            calls: Arc::new(Arena::from_fd(calls)?),
            answers: Producer::new(Arena::from_fd(answers)?),
            begun: AtomicU64::new(0),
            may_call: AtomicBool::new(false),
            may_interrupt: AtomicBool::new(false),
        })
    }

    /// Makes calls, and waits for more, until there is something that is not for this side. Raises `EOFError` if the pool is no more.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Received<'py>> {
        let mut turn = gil::Turn::new();
        loop {
            let Some(frame) = self.link.take().map_err(|error| PyOSError::new_err(error.to_string()))? else {
                go_on(py, gil::detached(py, || self.link.wait(None)))?;
                turn = gil::Turn::new();
                continue;
            };
            turn.pass_on(py);
            self.begun.store(record::now(), Ordering::Relaxed);
            if frame.kind != kind::PLAIN_CALL {
                return Ok(match message::unpacked(py, &self.calls, &frame) {
                    Ok((kind, pickle, buffers)) => {
                        (kind, frame.seq, Some(pickle.into_any()), buffers.map(Bound::into_any))
                    }
                    Err(error) => failed(py, frame.seq, error),
                });
            }
            match self.make(py, &frame) {
                Ok(None) => {}
                Ok(Some(received)) => return Ok(received),
                Err(error) => return Ok(failed(py, frame.seq, error)),
            }
        }
    }

    /// Whether it may make calls itself.
    #[setter(may_call)]
    fn set_may_call(&self, may_call: bool) {
        self.may_call.store(may_call, Ordering::Relaxed);
    }

    /// Whether what a call does runs at this moment: only there may an interrupt raise something.
    #[getter]
    fn may_interrupt(&self) -> bool {
        self.may_interrupt.load(Ordering::Relaxed)
    }

    #[setter(may_interrupt)]
    fn set_may_interrupt(&self, may_interrupt: bool) {
        self.may_interrupt.store(may_interrupt, Ordering::Relaxed);
    }

    /// Sends what came of the call of this number, which was received last and has just ended. Returns the index of its last block, if it has any. Raises
    /// `EOFError` if the pool is no more.
    #[pyo3(signature = (kind, number, pickle, buffers=None))]
    fn send(
        &self,
        py: Python<'_>,
        kind: u16,
        number: u64,
        pickle: &Bound<'_, PyBytes>,
        buffers: Option<&Bound<'_, PyList>>,
    ) -> PyResult<Option<u64>> {
        let (mut frame, held) = message::packed(py, &self.answers, kind, pickle, buffers)?;
        frame.seq = number;
        for held in &held {
            self.answers.lend(held, 1);
        }
        self.put(py, &mut frame)?;
        Ok(frame.blocks.last().map(|block| block.index))
    }

    /// The same of what a call returned, if that is plain; otherwise false, and nothing was sent.
    fn send_plain(&self, py: Python<'_>, number: u64, result: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut bytes = Vec::with_capacity(16);
        if !plain::write(result, &mut bytes, MOST_INLINE) {
            return Ok(false);
        }
        self.put(py, &mut Frame { kind: kind::PLAIN, seq: number, bytes, ..Frame::default() })?;
        Ok(true)
    }

    /// Whether the pool still has the block of this index, which `send` has returned.
    fn is_lent(&self, index: u64) -> bool {
        self.answers.arena().is_lent(index)
    }
}

impl WorkerLink {
    /// Makes a call, and answers it: then it is none. Or what Python's side has to do about it.
    ///
    /// # Errors
    ///
    /// What the call raised.
    fn make<'py>(&self, py: Python<'py>, frame: &Frame) -> PyResult<Option<Received<'py>>> {
        let mut values = plain::Reader::new(&frame.bytes);
        let head = values.read(py)?;
        let name = if head.is_exact_instance_of::<PyBytes>() { None } else { Some(values.read(py)?) };
        let args = values.rest(py)?;
        let function = match &name {
            _ if !self.may_call.load(Ordering::Relaxed) => None,
            Some(name) => imported(&head, name),
            None => read_before(&head)?,
        };
        let Some(function) = function else {
            let call = match name {
                Some(name) => (head, name, args).into_pyobject(py)?.into_any(),
                None => (head, args).into_pyobject(py)?.into_any(),
            };
            return Ok(Some((kind::PLAIN_CALL, frame.seq, Some(call), None)));
        };
        // An interrupt that came before the call is not the call's. What a handler of the program's own raises is.
        py.check_signals()?;
        self.set_may_interrupt(true);
        let made = gil::calling_on_the_main_thread(&function, args.as_borrowed()).and_then(|result| {
            // What is not written in Python does not look for them.
            py.check_signals()?;
            Ok(result)
        });
        self.set_may_interrupt(false);
        let result = made?;
        // What the flush raises, if it can, Python's side finds again, and ends the worker.
        if flush_output(py).is_ok() && self.send_plain(py, frame.seq, &result)? {
            return Ok(None);
        }
        Ok(Some((kind::MADE, frame.seq, Some(function), Some(result))))
    }

    /// Sends a frame whose call has ended just now.
    fn put(&self, py: Python<'_>, frame: &mut Frame) -> PyResult<()> {
        frame.times = [self.begun.load(Ordering::Relaxed), record::now()];
        while !self.link.put(frame).map_err(|error| PyOSError::new_err(error.to_string()))? {
            go_on(py, gil::detached(py, || self.link.wait_for_room(None)))?;
        }
        Ok(())
    }
}

fn failed(py: Python<'_>, number: u64, error: PyErr) -> Received<'_> {
    (kind::FAILED, number, None, Some(error.into_value(py).into_bound(py).into_any()))
}

/// What has this name in this module, if the module was imported and has it.
fn imported<'py>(module: &Bound<'py, PyAny>, name: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let py = module.py();
    // SAFETY: attached.
    let modules = unsafe { ffi::PyImport_GetModuleDict() };
    // SAFETY: a borrowed reference, or null.
    let modules = unsafe { Bound::from_borrowed_ptr_or_opt(py, modules) }?;
    let module = modules.cast::<PyDict>().ok()?.get_item(module).ok()??;
    // Not what the module's own `__getattr__` makes: that may raise.
    module.cast::<PyModule>().ok()?.dict().get_item(name).ok()?
}

/// What this is the pickle of, if Python's side has read it and kept it.
fn read_before<'py>(pickle: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    static READ: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    READ.import(pickle.py(), "ungil._process_pool.pickles", "_read")?.get_item(pickle)
}

/// What a call has printed is there before what it returned.
fn flush_output(py: Python<'_>) -> PyResult<()> {
    // SAFETY: attached; a text of C's.
    let stdout = unsafe { ffi::PySys_GetObject(c"stdout".as_ptr()) };
    // SAFETY: a borrowed reference, or null without an exception.
    let stdout = unsafe { Bound::from_borrowed_ptr_or_opt(py, stdout) };
    let Some(stdout) = stdout else { return Ok(()) };
    match stdout.call_method0(intern!(py, "flush")) {
        Err(error)
            if error.is_instance_of::<PyAttributeError>(py) || error.is_instance_of::<PyValueError>(py) =>
        {
            // There is no standard output, or no more.
            Ok(())
        }
        flushed => flushed.map(drop),
    }
}

/// What a wait's end means.
fn go_on(py: Python<'_>, ended: Result<(), Error>) -> PyResult<()> {
    match ended {
        Ok(()) => Ok(()),
        Err(Error::Interrupted) => py.check_signals(),
        Err(Error::Gone) => Err(PyEOFError::new_err("the pool is no more")),
        Err(error) => Err(PyOSError::new_err(error.to_string())),
    }
}

/// Has the system end this process when its parent ends, which is the process of that number; at once if it has ended already.
#[pyfunction]
#[pyo3(name = "_die_with_parent")]
pub(crate) fn die_with_parent(parent: i32) -> PyResult<()> {
    // SAFETY: takes numbers.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } < 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: takes nothing, and cannot fail.
    if unsafe { libc::getppid() } != parent {
        // SAFETY: ends this process.
        unsafe { libc::_exit(1) };
    }
    Ok(())
}
