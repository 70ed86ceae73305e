//! Frames of pickles and their buffers, and the reverse.

use std::ffi::c_int;
use std::sync::Arc;
use std::{io, ptr, slice};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use ungil_ipc::arena::{Arena, Block, Held, Mapping, Producer};
use ungil_ipc::frame::{Frame, MOST_INLINE};

use super::kind;
use crate::gil;

/// Copies of more bytes let the interpreter go.
const LONG: usize = 1 << 18;

/// The bytes of a buffer that another process has sent; written to, they are this process's own.
#[pyclass(frozen, name = "_Buffer", module = "ungil._core")]
pub(crate) struct Buffer(Mapping);

#[pymethods]
impl Buffer {
    #[expect(clippy::needless_pass_by_value, reason = "as PyO3 has it")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let mapping = &slf.get().0;
        let (at, len) = (mapping.as_ptr().cast(), mapping.len() as ffi::Py_ssize_t);
        // SAFETY: a view that CPython gives to be filled; so many bytes are there for as long as the object, to which the view holds a reference.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), at, len, 0, flags) };
        if filled < 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }
}

/// A frame of a pickle and the buffers that are not in it, which are copied into blocks.
pub(super) fn packed(
    py: Python<'_>,
    producer: &Arc<Producer>,
    kind: u16,
    pickle: &Bound<'_, PyBytes>,
    buffers: Option<&Bound<'_, PyList>>,
) -> PyResult<(Frame, Vec<Held>)> {
    let mut frame = Frame { kind, ..Frame::default() };
    let mut held = Vec::new();
    let pickle = pickle.as_bytes();
    if pickle.len() <= MOST_INLINE {
        frame.bytes = pickle.to_vec();
    } else {
        frame.kind |= kind::IS_IN_BLOCK;
        held.push(put(py, producer, pickle)?);
    }
    for buffer in buffers.into_iter().flatten() {
        let buffer = PyBuffer::<u8>::get(&buffer)?;
        // SAFETY: the buffer is held until the end of the copy, and has so many bytes from its address on. Should another thread write them meanwhile, what
        // arrives is what either wrote.
        let bytes = unsafe { slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) };
        held.push(put(py, producer, bytes)?);
    }
    frame.blocks = held.iter().map(Held::block).collect();
    Ok((frame, held))
}

fn put(py: Python<'_>, producer: &Arc<Producer>, bytes: &[u8]) -> io::Result<Held> {
    if bytes.len() > LONG { gil::detached(py, || producer.put(bytes)) } else { producer.put(bytes) }
}

/// The kind, the pickle and the buffers of a frame. All of its blocks are let go of, or will be with the buffers.
pub(super) fn unpacked<'py>(
    py: Python<'py>,
    arena: &Arc<Arena>,
    frame: &Frame,
) -> PyResult<(u16, Bound<'py, PyBytes>, Option<Bound<'py, PyList>>)> {
    let mut blocks = frame.blocks.iter();
    let unpacked = unpack(py, arena, frame, &mut blocks);
    // Those that an error has left.
    for block in blocks {
        arena.release(block.index);
    }
    unpacked
}

fn unpack<'py>(
    py: Python<'py>,
    arena: &Arc<Arena>,
    frame: &Frame,
    blocks: &mut slice::Iter<'_, Block>,
) -> PyResult<(u16, Bound<'py, PyBytes>, Option<Bound<'py, PyList>>)> {
    let pickle = if frame.kind & kind::IS_IN_BLOCK == 0 {
        PyBytes::new(py, &frame.bytes)
    } else {
        let block = blocks.next().ok_or_else(|| PyBufferError::new_err("the message has no block"))?;
        let read = read(py, arena, block);
        arena.release(block.index);
        read?
    };
    let mut buffers = None;
    for block in blocks {
        let mapping = arena.map(block).inspect_err(|_| arena.release(block.index))?;
        buffers.get_or_insert_with(|| PyList::empty(py)).append(Bound::new(py, Buffer(mapping))?)?;
    }
    Ok((frame.kind & !kind::IS_IN_BLOCK, pickle, buffers))
}

fn read<'py>(py: Python<'py>, arena: &Arena, block: &Block) -> PyResult<Bound<'py, PyBytes>> {
    // Before memory is taken for it.
    arena.look_for(block)?;
    // SAFETY: without bytes to copy from, their number makes an object whose bytes are to be written; it is ours alone until then.
    let object = unsafe { ffi::PyBytes_FromStringAndSize(ptr::null(), block.len as ffi::Py_ssize_t) };
    // SAFETY: a new reference to bytes, or null with an exception.
    let object = unsafe { Bound::from_owned_ptr_or_err(py, object) }?;
    // SAFETY: the object is bytes.
    let at = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
    // SAFETY: so many bytes belong to the object, and nobody else knows it.
    let to = unsafe { slice::from_raw_parts_mut(at.cast::<u8>(), block.len as usize) };
    if to.len() > LONG { gil::detached(py, || arena.read(block, to)) } else { arena.read(block, to) }?;
    Ok(object.cast_into()?)
}
