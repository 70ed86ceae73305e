//! Values that pass between processes without a pickle: None, booleans, numbers of 64 bits, texts and bytes.
//!
//! A pickle of the least takes a fifth of a microsecond to make and as long to read, several times what such a value takes here. A value is a byte that says what it is,
//! and then:
//!
//! | byte | then |
//! |---|---|
//! | 0, 1, 2 | nothing: it is None, False, True |
//! | 3, 4 | the eight bytes of a whole number, or of a floating point number |
//! | 5, 6 | how many bytes follow, in four; those of a text in UTF-8, or bytes |
//!
//! Only values of exactly these types are plain. What is longer than a frame, a number that has more bits, and a text with half of a surrogate pair are none: they are pickled.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyNone, PyString, PyTuple};
use ungil_ipc::frame::MOST_INLINE;

const NONE: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;

/// Adds a value to what is sent; false if it is not plain, and then what was added is of no use.
pub(super) fn write(value: &Bound<'_, PyAny>, to: &mut Vec<u8>) -> bool {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        let Ok(number) = number.extract::<i64>() else { return false };
        to.push(INT);
        to.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        to.push(FLOAT);
        to.extend_from_slice(&number.value().to_le_bytes());
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        let Ok(text) = text.to_str() else { return false };
        return write_counted(TEXT, text.as_bytes(), to);
    } else if value.is_none() {
        to.push(NONE);
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        to.push(if value.is_true() { TRUE } else { FALSE });
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return write_counted(BYTES, bytes.as_bytes(), to);
    } else {
        return false;
    }
    to.len() <= MOST_INLINE
}

fn write_counted(tag: u8, bytes: &[u8], to: &mut Vec<u8>) -> bool {
    if to.len() + bytes.len() + 5 > MOST_INLINE {
        return false;
    }
    to.push(tag);
    to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    to.extend_from_slice(bytes);
    true
}

/// Reads the values that were sent, one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value.
    ///
    /// # Errors
    ///
    /// `ValueError`: another process has sent what is no value, or too little; or what CPython raises.
    pub(super) fn read<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let [tag] = self.take()?;
        Ok(match tag {
            NONE => PyNone::get(py).to_owned().into_any(),
            FALSE | TRUE => PyBool::new(py, tag == TRUE).to_owned().into_any(),
            INT => i64::from_le_bytes(self.take()?).into_pyobject(py)?.into_any(),
            FLOAT => PyFloat::new(py, f64::from_le_bytes(self.take()?)).into_any(),
            TEXT => PyString::from_bytes(py, self.counted()?)?.into_any(),
            BYTES => PyBytes::new(py, self.counted()?).into_any(),
            _ => return Err(malformed()),
        })
    }

    /// All that are left.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub(super) fn rest<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        // Mostly there is one.
        let mut values = Vec::with_capacity(1);
        while !self.0.is_empty() {
            values.push(self.read(py)?);
        }
        PyTuple::new(py, values)
    }

    fn counted(&mut self) -> PyResult<&'a [u8]> {
        let len = u32::from_le_bytes(self.take()?) as usize;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> PyResult<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

fn malformed() -> PyErr {
    PyValueError::new_err("the other process has sent what is no plain value")
}
