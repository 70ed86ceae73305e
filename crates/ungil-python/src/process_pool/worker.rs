//! `_WorkerLink`: a worker process's side of a pool.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyEOFError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use ungil_ipc::arena::{Arena, Producer};
use ungil_ipc::channel::Error;
use ungil_ipc::link;

use super::message;
use crate::futures::record;
use crate::gil;

/// What `receive` gives: the kind of the message, the number of the call, the pickle, and the buffers that are not in it. Or no pickle, and why it cannot be had.
type Received<'py> = (u16, u64, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyAny>>);

/// What a worker receives calls and answers by. For one thread.
#[pyclass(frozen, name = "_WorkerLink", module = "ungil._core")]
pub(crate) struct WorkerLink {
    link: link::WorkerLink,
    /// Where the blocks of calls are.
    calls: Arc<Arena>,
    /// Where those of answers are.
    answers: Arc<Producer>,
    /// When the last call was received.
    begun: AtomicU64,
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
        })
    }

    /// Waits for the next message, and gives it. Raises `EOFError` if the pool is no more.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Received<'py>> {
        loop {
            if let Some(frame) = self.link.take().map_err(|error| PyOSError::new_err(error.to_string()))? {
                // Relaxed: for this thread.
                self.begun.store(record::now(), Ordering::Relaxed);
                return Ok(match message::unpacked(py, &self.calls, &frame) {
                    Ok((kind, pickle, buffers)) => {
                        (kind, frame.seq, Some(pickle), buffers.map(Bound::into_any))
                    }
                    Err(error) => (
                        super::kind::CALL,
                        frame.seq,
                        None,
                        Some(error.into_value(py).into_bound(py).into_any()),
                    ),
                });
            }
            go_on(py, gil::detached(py, || self.link.wait(None)))?;
        }
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
        frame.times = [self.begun.load(Ordering::Relaxed), record::now()];
        for held in &held {
            self.answers.lend(held, 1);
        }
        while !self.link.put(&frame).map_err(|error| PyOSError::new_err(error.to_string()))? {
            go_on(py, gil::detached(py, || self.link.wait_for_room(None)))?;
        }
        Ok(frame.blocks.last().map(|block| block.index))
    }

    /// Whether the pool still has the block of this index, which `send` has returned.
    fn is_lent(&self, index: u64) -> bool {
        self.answers.arena().is_lent(index)
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
