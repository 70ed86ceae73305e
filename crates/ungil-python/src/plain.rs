//! Values that pass between processes without a pickle: None, booleans, numbers of 64 bits, texts, bytes, and tuples of these.
//!
//! A pickle of the least takes a fifth of a microsecond to make and as long to read, several times what such a value takes here. A value is a byte that says what it is,
//! and then:
//!
//! | byte | then |
//! |---|---|
//! | 0, 1, 2 | nothing: it is None, False, True |
//! | 3, 4 | the eight bytes of a whole number, or of a floating point number |
//! | 5, 6 | how many bytes follow, in four; those of a text in UTF-8, or bytes |
//! | 7 | how many values follow, in four; those of a tuple, which are no tuples |
//!
//! Only values of exactly these types are plain: a subclass has more to say, and anything else might be in two places at once. A number that has more bits is not, nor a text with half of a
//! surrogate pair, nor what takes more bytes than there is room for: they are pickled. Where a text is twice in what is sent, there are two at the other side, though a pickle would bring one. No pickle of protocol 2 or later begins with one of these bytes.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyNone, PyString, PyTuple};

const NONE: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;
const TUPLE: u8 = 7;
const LAST: u8 = TUPLE;

/// Adds a value to bytes that are to be no more than `most`; false if it is not plain, and then what was added is of no use.
pub(crate) fn write(value: &Bound<'_, PyAny>, to: &mut Vec<u8>, most: usize) -> bool {
    let Ok(tuple) = value.cast_exact::<PyTuple>() else { return write_item(value, to, most) };
    let Ok(len) = u32::try_from(tuple.len()) else { return false };
    to.push(TUPLE);
    to.extend_from_slice(&len.to_le_bytes());
    tuple.iter_borrowed().all(|item| write_item(&item, to, most)) && to.len() <= most
}

fn write_item(value: &Bound<'_, PyAny>, to: &mut Vec<u8>, most: usize) -> bool {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        let Ok(number) = number.extract::<i64>() else { return false };
        to.push(INT);
        to.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        to.push(FLOAT);
        to.extend_from_slice(&number.value().to_le_bytes());
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        let Ok(text) = text.to_str() else { return false };
        return write_counted(TEXT, text.as_bytes(), to, most);
    } else if value.is_none() {
        to.push(NONE);
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        to.push(if value.is_true() { TRUE } else { FALSE });
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return write_counted(BYTES, bytes.as_bytes(), to, most);
    } else {
        return false;
    }
    to.len() <= most
}

fn write_counted(tag: u8, bytes: &[u8], to: &mut Vec<u8>, most: usize) -> bool {
    let Ok(len) = u32::try_from(bytes.len()) else { return false };
    if to.len() + bytes.len() + 5 > most {
        return false;
    }
    to.push(tag);
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(bytes);
    true
}

/// Whether bytes begin with a value, rather than being a pickle.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first <= LAST)
}

/// Reads values that were written one after the other. It believes nothing: another process has written them.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The only value.
    ///
    /// # Errors
    ///
    /// `ValueError` if there is none, or something else; or what CPython raises.
    pub(crate) fn read_all(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let value = self.read(py)?;
        if self.0.is_empty() { Ok(value) } else { Err(malformed()) }
    }

    /// The next value.
    ///
    /// # Errors
    ///
    /// `ValueError` if there is none; or what CPython raises.
    pub(crate) fn read<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.0.first() != Some(&TUPLE) {
            return self.item(py);
        }
        let [_tag] = self.take()?;
        let len = u32::from_le_bytes(self.take()?) as usize;
        if len > self.0.len() {
            // Each takes a byte at least: before memory is taken for them.
            return Err(malformed());
        }
        let items = (0..len).map(|_| self.item(py)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, items)?.into_any())
    }

    /// All that are left.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub(crate) fn rest<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        // Mostly there is one.
        let mut values = Vec::with_capacity(1);
        while !self.0.is_empty() {
            values.push(self.read(py)?);
        }
        PyTuple::new(py, values)
    }

    fn item<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
