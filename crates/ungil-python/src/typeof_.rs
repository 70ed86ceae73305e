//! The type that compiled code gives to a Python object, and writing the object as a value of a type.

use std::fmt;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBoolMethods, PyComplex, PyComplexMethods, PyFloat, PyInt, PyString, PyTuple};
use ungil_ir::layout::struct_layout;
use ungil_ir::{FloatTy, IntTy, Type};

/// Why an object has no type in compiled code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Problem {
    /// Its class is unknown to the language.
    Class(String),
    /// An integer beyond both `int64` and `uint64`.
    TooLarge,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(name) if name == "numpy.ndarray" => {
                write!(f, "a `numpy.ndarray`: arrays are not supported yet; supported are {SUPPORTED}")
            }
            Self::Class(name) => {
                write!(f, "a `{name}`, which compiled code cannot take; supported are {SUPPORTED}")
            }
            Self::TooLarge => f.write_str("an integer too large for `int64` and `uint64`"),
        }
    }
}

const SUPPORTED: &str = "bool, int, float, complex, None, tuples of these, NumPy's scalars, and functions";

/// The type of a value: of everything but functions and other compile-time objects.
pub(crate) fn value_type(object: &Bound<'_, PyAny>) -> PyResult<Result<Type, Problem>> {
    value_type_or(object, &mut |_| Ok(None))
}

/// As [`value_type`]; `object_type` is asked about what is no value, inside of tuples too.
pub(crate) fn value_type_or(
    object: &Bound<'_, PyAny>,
    object_type: &mut dyn FnMut(&Bound<'_, PyAny>) -> PyResult<Option<Type>>,
) -> PyResult<Result<Type, Problem>> {
    if object.is_none() {
        return Ok(Ok(Type::None));
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Ok(Ok(Type::Bool));
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Ok(Type::FLOAT64));
    }
    if object.is_instance_of::<PyInt>() {
        return Ok(match object.extract::<i128>() {
            Ok(value) if IntTy::I64.min() <= value && value <= IntTy::I64.max() => Ok(Type::INT64),
            Ok(value) if 0 <= value && value <= IntTy::U64.max() => Ok(Type::UINT64),
            _ => Err(Problem::TooLarge),
        });
    }
    if object.is_instance_of::<PyComplex>() {
        return Ok(Ok(Type::COMPLEX128));
    }
    if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        let mut parts = Vec::with_capacity(tuple.len());
        for part in tuple.iter() {
            match value_type_or(&part, object_type)? {
                Ok(ty) => parts.push(ty),
                problem => return Ok(problem),
            }
        }
        return Ok(Ok(Type::tuple(parts)));
    }
    if let Some(ty) = object_type(object)? {
        return Ok(Ok(ty));
    }
    let class = object.get_type();
    let (module, name) = (class.module()?, class.qualname()?);
    let (module, name) = (module.to_str()?, name.to_str()?);
    if module == "numpy"
        && let Some(ty) = Type::from_name(name)
    {
        return Ok(Ok(ty));
    }
    Ok(Err(Problem::Class(if module == "builtins" { name.to_owned() } else { format!("{module}.{name}") })))
}

/// Writes `object` as a `ty` at the start of `bytes`; converts numbers as a signature that asks for `ty` wants them.
///
/// `argument` names it for errors: `OverflowError` for an integer that does not fit, `TypeError` for what cannot be a
/// `ty` at all.
pub(crate) fn write(
    object: &Bound<'_, PyAny>,
    ty: &Type,
    bytes: &mut [u8],
    argument: &Bound<'_, PyString>,
) -> PyResult<()> {
    let mut put = |part: &[u8]| bytes[..part.len()].copy_from_slice(part);
    match ty {
        Type::None | Type::Object(..) => {}
        Type::Bool => put(&[u8::from(truth(object)?)]),
        Type::Int(int) => put(&integer(object, *int, argument)?.to_le_bytes()[..int.bytes()]),
        Type::Float(FloatTy::F32) => put(&(object.extract::<f64>()? as f32).to_ne_bytes()),
        Type::Float(FloatTy::F64) => put(&object.extract::<f64>()?.to_ne_bytes()),
        Type::Complex(float) => {
            let complex = object.py().get_type::<PyComplex>().call1((object,))?;
            let complex = complex.cast::<PyComplex>()?;
            let (real, imag) = (complex.real(), complex.imag());
            match float {
                FloatTy::F32 => put(&[(real as f32).to_ne_bytes(), (imag as f32).to_ne_bytes()].concat()),
                FloatTy::F64 => put(&[real.to_ne_bytes(), imag.to_ne_bytes()].concat()),
            }
        }
        Type::Tuple(parts) => {
            let tuple = object.cast::<PyTuple>()?;
            let (_, offsets) = struct_layout(parts);
            for ((part, ty), offset) in tuple.iter().zip(parts.iter()).zip(offsets) {
                write(&part, ty, &mut bytes[offset..], argument)?;
            }
        }
        Type::Optional(_) if object.is_none() => put(&[0]),
        Type::Optional(inner) => {
            put(&[1]);
            let (_, offsets) = struct_layout(&ty.fields());
            write(object, inner, &mut bytes[offsets[1]..], argument)?;
        }
        other => return Err(PyTypeError::new_err(format!("argument `{argument}` cannot be a `{other}`"))),
    }
    Ok(())
}

fn truth(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.cast_exact::<PyBool>().map_or_else(|_| object.is_truthy(), |value| Ok(value.is_true()))
}

fn integer(object: &Bound<'_, PyAny>, int: IntTy, argument: &Bound<'_, PyString>) -> PyResult<i128> {
    let value: i128 = if object.is_instance_of::<PyFloat>() {
        // Saturating, and 0 for a NaN; a signature that takes an integer was given a float.
        (object.extract::<f64>()? as i128).clamp(int.min(), int.max())
    } else {
        object.extract().map_err(|_| overflow(object, int, argument))?
    };
    if (int.min()..=int.max()).contains(&value) { Ok(value) } else { Err(overflow(object, int, argument)) }
}

fn overflow(object: &Bound<'_, PyAny>, int: IntTy, argument: &Bound<'_, PyString>) -> PyErr {
    let value = object.repr().map_or_else(|_| "the integer".into(), |text| text.to_string());
    PyOverflowError::new_err(format!("argument `{argument}`: {value} does not fit `{int}`"))
}
