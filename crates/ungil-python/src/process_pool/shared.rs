//! `_SharedMemory`: memory that several processes have mapped, as a buffer.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;

use pyo3::exceptions::{PyBufferError, PyFileNotFoundError};
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_ipc::memory::Memory;

/// Shared memory without a name: it is gone when no process has it any more. It is zero at first.
#[pyclass(frozen, weakref, name = "_SharedMemory", module = "ungil._core")]
pub(crate) struct SharedMemory {
    memory: Memory,
    inode: u64,
}

#[pymethods]
impl SharedMemory {
    /// New memory of so many bytes, at least 1.
    #[new]
    fn new(len: usize) -> PyResult<Self> {
        Self::of(Memory::new(len)?)
    }

    /// The memory that a process has by this descriptor, in a file of this number.
    #[staticmethod]
    fn open(pid: u32, fd: RawFd, inode: u64) -> PyResult<Self> {
        let path = format!("/proc/{pid}/fd/{fd}");
        let gone = |why: &str| {
            PyFileNotFoundError::new_err(format!(
                "the shared memory of process {pid} is not there any more ({why}): a process that passes an array on must keep it until the other one has it"
            ))
        };
        let file =
            File::options().read(true).write(true).open(path).map_err(|error| gone(&error.to_string()))?;
        // A descriptor's number may have been used again.
        let opened = Self::of(Memory::from_fd(file.into()).map_err(|error| gone(&error.to_string()))?)?;
        if opened.inode == inode { Ok(opened) } else { Err(gone("its descriptor is another's")) }
    }

    /// The descriptor, which stays its own.
    fn fileno(&self) -> RawFd {
        self.memory.as_fd().as_raw_fd()
    }

    /// The number of its file, by which processes know it.
    #[getter]
    fn inode(&self) -> u64 {
        self.inode
    }

    /// Where it is mapped here.
    #[getter]
    fn address(&self) -> usize {
        self.memory.as_ptr() as usize
    }

    fn __len__(&self) -> usize {
        self.memory.len()
    }

    #[expect(clippy::needless_pass_by_value, reason = "as PyO3 has it")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let memory = &slf.get().memory;
        let (at, len) = (memory.as_ptr().cast(), memory.len() as ffi::Py_ssize_t);
        // SAFETY: a view that CPython gives to be filled; so many bytes are there for as long as the object, to which the view holds a reference.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), at, len, 0, flags) };
        if filled < 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }
}

impl SharedMemory {
    fn of(memory: Memory) -> PyResult<Self> {
        let inode = File::from(memory.as_fd().try_clone_to_owned()?).metadata()?.ino();
        Ok(Self { memory, inode })
    }
}
