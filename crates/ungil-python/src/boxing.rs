//! Results: the bytes that compiled code wrote, made into Python's own objects.
//!
//! A [`Boxer`] is the recipe for one type, made once per overload. Conversions to a result type that a signature asked
//! for happen here too.

use std::slice;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_ir::layout::{layout, struct_layout};
use ungil_ir::{FloatTy, IntTy, ObjectId, Type};

use crate::objects::Objects;

/// How to make a Python object of a type's bytes.
pub(crate) enum Boxer {
    None,
    Bool,
    Int(IntTy),
    Float(FloatTy),
    Complex(FloatTy),
    /// Each element's offset and recipe.
    Tuple(Box<[(usize, Boxer)]>),
    /// The value's offset and recipe; the first byte says whether there is one.
    Optional(usize, Box<Boxer>),
    /// The offsets of the int and of the float; the first byte says which of the two it is.
    Number(usize, usize),
    /// The object that a function returned as it was passed in.
    Object(ObjectId),
    /// A number that a signature wants as another type of number.
    Converted(Box<Boxer>, Type),
}

impl Boxer {
    /// The recipe for a result that compiled code computes as `ty`, and that is wanted as `wanted` if that is given.
    ///
    /// The error says in a sentence why there is none.
    pub(crate) fn new(ty: &Type, wanted: Option<&Type>) -> Result<Self, String> {
        match wanted {
            Some(wanted) if wanted == ty => Self::plain(ty),
            None => Self::plain(ty),
            Some(Type::None) => Ok(Self::None),
            // The low bytes, which lie first, are the wrapped value.
            Some(Type::Int(to)) if matches!(ty, Type::Int(from) if to.bits <= from.bits) => {
                Ok(Self::Int(*to))
            }
            Some(wanted) if can_convert(ty, wanted) => {
                Ok(Self::Converted(Self::plain(ty)?.into(), wanted.clone()))
            }
            Some(wanted) => Err(format!(
                "the signature asks for a result of type `{wanted}`, and the function returns `{ty}`"
            )),
        }
    }

    fn plain(ty: &Type) -> Result<Self, String> {
        Ok(match ty {
            Type::None => Self::None,
            Type::Bool => Self::Bool,
            Type::Int(int) => Self::Int(*int),
            Type::Float(float) => Self::Float(*float),
            Type::Complex(float) => Self::Complex(*float),
            Type::Tuple(parts) => {
                let (_, offsets) = struct_layout(parts);
                let parts = parts.iter().map(Self::plain).collect::<Result<Vec<_>, _>>()?;
                Self::Tuple(offsets.into_iter().zip(parts).collect())
            }
            Type::Optional(inner) => Self::Optional(layout(inner).align, Self::plain(inner)?.into()),
            Type::Number => {
                let (_, offsets) = struct_layout(&ty.fields());
                Self::Number(offsets[1], offsets[2])
            }
            Type::Object(id, captured) if captured.is_empty() => Self::Object(*id),
            Type::Object(..) => {
                return Err(
                    "the function returns a function that it defines itself, which only compiled code can \
                            call: return its result instead"
                        .into(),
                );
            }
            other => {
                return Err(format!("the function returns a `{other}`, which has no meaning outside of it"));
            }
        })
    }

    /// The object for the bytes at `from`, as a new reference; null with an exception set when there is no memory.
    ///
    /// # Safety
    ///
    /// `from` points at a value of the recipe's type, as compiled code lays it out.
    #[inline]
    pub(crate) unsafe fn make(
        &self,
        py: Python<'_>,
        objects: &Objects,
        from: *const u8,
    ) -> *mut ffi::PyObject {
        match self {
            Self::Float(FloatTy::F64) => {
                // SAFETY: a `float64` lies there, by the contract.
                let value = unsafe { from.cast::<f64>().read_unaligned() };
                // SAFETY: the thread is attached.
                unsafe { ffi::PyFloat_FromDouble(value) }
            }
            Self::Int(IntTy::I64) => {
                // SAFETY: an `int64` lies there, by the contract.
                let value = unsafe { from.cast::<i64>().read_unaligned() };
                // SAFETY: the thread is attached.
                unsafe { ffi::PyLong_FromLongLong(value) }
            }
            // SAFETY: the contract is handed on.
            _ => unsafe { self.make_other(py, objects, from) },
        }
    }

    /// # Safety
    ///
    /// As [`Boxer::make`].
    unsafe fn make_other(&self, py: Python<'_>, objects: &Objects, from: *const u8) -> *mut ffi::PyObject {
        // SAFETY: a value of the type lies at `from`; no arm reads more bytes than its type has.
        let bytes = |size| unsafe { slice::from_raw_parts(from, size) };
        match self {
            Self::None => py.None().into_ptr(),
            // SAFETY: the thread is attached.
            Self::Bool => unsafe { ffi::PyBool_FromLong(bytes(1)[0].into()) },
            Self::Int(int) => {
                let value = read_int(*int, bytes(int.bytes()));
                match u64::try_from(value) {
                    // SAFETY: the thread is attached.
                    Ok(value) => unsafe { ffi::PyLong_FromUnsignedLongLong(value) },
                    // SAFETY: the thread is attached.
                    Err(_) => unsafe { ffi::PyLong_FromLongLong(value as i64) },
                }
            }
            // SAFETY: the thread is attached.
            Self::Float(float) => unsafe {
                ffi::PyFloat_FromDouble(read_float(*float, bytes(float.bytes())))
            },
            Self::Complex(float) => {
                let (real, imag) = bytes(2 * float.bytes()).split_at(float.bytes());
                // SAFETY: the thread is attached.
                unsafe { ffi::PyComplex_FromDoubles(read_float(*float, real), read_float(*float, imag)) }
            }
            Self::Tuple(parts) => {
                // SAFETY: the thread is attached.
                let tuple = unsafe { ffi::PyTuple_New(parts.len() as ffi::Py_ssize_t) };
                if tuple.is_null() {
                    return tuple;
                }
                for (position, (offset, part)) in parts.iter().enumerate() {
                    // SAFETY: the element lies at its offset within the tuple's bytes.
                    let element = unsafe { from.add(*offset) };
                    // SAFETY: an element of the part's type lies there.
                    let item = unsafe { part.make(py, objects, element) };
                    if item.is_null() {
                        // SAFETY: the reference is ours, and its empty places are null.
                        unsafe { ffi::Py_DECREF(tuple) };
                        return item;
                    }
                    // SAFETY: the tuple is new, not shared, and has that place; the item's reference moves there.
                    unsafe { ffi::PyTuple_SET_ITEM(tuple, position as ffi::Py_ssize_t, item) };
                }
                tuple
            }
            Self::Optional(offset, inner) => {
                if bytes(1)[0] == 0 {
                    return py.None().into_ptr();
                }
                // SAFETY: the value lies at its offset.
                let value = unsafe { from.add(*offset) };
                // SAFETY: a value of the inner type lies there, for it is present.
                unsafe { inner.make(py, objects, value) }
            }
            Self::Number(int, float) => {
                let (part, offset) = if bytes(1)[0] != 0 {
                    (Self::Int(IntTy::I64), *int)
                } else {
                    (Self::Float(FloatTy::F64), *float)
                };
                // SAFETY: both parts lie at their offsets.
                let value = unsafe { from.add(offset) };
                // SAFETY: a value of the part's type lies there.
                unsafe { part.make(py, objects, value) }
            }
            Self::Object(id) => {
                if let Some(object) = objects.get(py, *id) {
                    return object.into_ptr();
                }
                PyTypeError::new_err("the function returned an object that exists only while compiling")
                    .restore(py);
                std::ptr::null_mut()
            }
            Self::Converted(inner, wanted) => {
                // SAFETY: the contract is handed on.
                let object = unsafe { inner.make(py, objects, from) };
                // SAFETY: the reference is new and ours, or null with an exception set.
                let object = unsafe { Bound::from_owned_ptr_or_err(py, object) };
                match object.and_then(|object| convert(&object, wanted)) {
                    Ok(object) => object.into_ptr(),
                    Err(error) => {
                        error.restore(py);
                        std::ptr::null_mut()
                    }
                }
            }
        }
    }
}

/// Whether a number of type `from` may be returned as a `to`.
fn can_convert(from: &Type, to: &Type) -> bool {
    let rank = |ty: &Type| match ty {
        Type::Bool => Some(0),
        Type::Int(_) => Some(1),
        Type::Float(_) => Some(1),
        Type::Complex(_) => Some(2),
        _ => None,
    };
    match (rank(from), rank(to)) {
        (Some(from), Some(to)) => from <= to,
        _ => {
            matches!(to, Type::Optional(inner) if from == &Type::None || can_convert(from, inner) || from == &**inner)
        }
    }
}

/// `object`, a number, as a `wanted`: integers wrap, floats are truncated to integers, as a cast in compiled code.
fn convert<'py>(object: &Bound<'py, PyAny>, wanted: &Type) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    Ok(match wanted {
        Type::Optional(_) if object.is_none() => object.clone(),
        Type::Optional(inner) => convert(object, inner)?,
        &Type::Int(int) => {
            let value: i128 = match object.extract::<i128>() {
                Ok(value) => value,
                // Saturating, and 0 for a NaN.
                Err(_) => (object.extract::<f64>()? as i128).clamp(int.min(), int.max()),
            };
            int.wrap(value).into_pyobject(py)?.into_any()
        }
        Type::Float(FloatTy::F32) => f64::from(object.extract::<f64>()? as f32).into_pyobject(py)?.into_any(),
        Type::Float(FloatTy::F64) => object.extract::<f64>()?.into_pyobject(py)?.into_any(),
        Type::Complex(_) => py.get_type::<pyo3::types::PyComplex>().call1((object,))?,
        _ => object.clone(),
    })
}

/// The integer in `bytes`, as many as its type has.
pub(crate) fn read_int(int: IntTy, bytes: &[u8]) -> i128 {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    int.wrap(i128::from_le_bytes(wide))
}

/// The float in `bytes`, as many as its type has.
pub(crate) fn read_float(float: FloatTy, bytes: &[u8]) -> f64 {
    match float {
        FloatTy::F32 => f32::from_ne_bytes(*bytes.first_chunk().expect("four bytes")).into(),
        FloatTy::F64 => f64::from_ne_bytes(*bytes.first_chunk().expect("eight bytes")),
    }
}
