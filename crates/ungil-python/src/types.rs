//! The Python classes `Type` (`ungil.float64`) and `Signature` (`ungil.float64(ungil.int32)`), and reading either, or
//! text, where a signature is asked for.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyList, PyString, PyTuple};
use ungil_ir::{FloatTy, Type};

use crate::errors::UnsupportedError;
use crate::signature::{self, Parsed};
use crate::typeof_;

/// A type of compiled code, such as `float64`.
///
/// Calling a type with types gives a `Signature`; calling it with a number converts the number, wrapping integers and
/// rounding floats as compiled code does.
#[pyclass(frozen, name = "Type", module = "ungil.types", immutable_type, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PyType_ {
    pub(crate) ty: Type,
}

#[pymethods]
impl PyType_ {
    /// The type's name.
    #[getter]
    fn name(&self) -> String {
        self.ty.to_string()
    }

    /// Width in bits of a number type.
    #[getter]
    fn bitwidth(&self) -> PyResult<usize> {
        match &self.ty {
            Type::Bool => Ok(8),
            Type::Int(int) => Ok(int.bytes() * 8),
            Type::Float(float) => Ok(float.bytes() * 8),
            Type::Complex(float) => Ok(float.bytes() * 16),
            other => Err(PyAttributeError::new_err(format!("`{other}` has no width"))),
        }
    }

    #[pyo3(signature = (*args))]
    fn __call__<'py>(&self, py: Python<'py>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        if args.len() == 1 && !args.get_item(0)?.is_instance_of::<Self>() {
            return cast(py, &self.ty, &args.get_item(0)?);
        }
        let args = args.iter().map(|arg| to_type(&arg)).collect::<PyResult<Vec<_>>>()?;
        Ok(Bound::new(py, Signature { parsed: Parsed { ret: Some(self.ty.clone()), args } })?.into_any())
    }

    fn __getitem__(&self, _index: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(UnsupportedError::new_err(format!(
            "an array type of `{}` was asked for: arrays are not supported yet; supported are numbers, none and tuples \
             of these",
            self.ty
        )))
    }

    fn __repr__(&self) -> String {
        self.ty.to_string()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().ty == self.ty)
    }

    fn __hash__(&self) -> u64 {
        hash(&self.ty)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((py.import("ungil._core")?.getattr("_type_of_text")?.unbind(), (spell(&self.ty)?,)))
    }
}

/// The types of a function's arguments and result.
#[pyclass(frozen, module = "ungil.types", immutable_type, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    pub(crate) parsed: Parsed,
}

#[pymethods]
impl Signature {
    /// The result's type; `None` if it is to be inferred.
    #[getter]
    fn return_type(&self) -> Option<PyType_> {
        self.parsed.ret.clone().map(|ty| PyType_ { ty })
    }

    /// The arguments' types.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        type_tuple(py, &self.parsed.args)
    }

    fn __repr__(&self) -> String {
        self.text()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().parsed == self.parsed)
    }

    fn __hash__(&self) -> u64 {
        hash(&self.parsed)
    }
}

impl Signature {
    /// As `repr` shows it: `(int32) -> float64`.
    pub(crate) fn text(&self) -> String {
        let args: Vec<String> = self.parsed.args.iter().map(ToString::to_string).collect();
        let args = args.join(", ");
        match &self.parsed.ret {
            Some(ret) => format!("({args}) -> {ret}"),
            None => format!("({args})"),
        }
    }
}

/// A tuple of `Type`s.
pub(crate) fn type_tuple<'py>(py: Python<'py>, types: &[Type]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, types.iter().map(|ty| PyType_ { ty: ty.clone() }))
}

/// The signature that `object` is or spells: a `Signature`, a text, or a tuple or list of types.
pub(crate) fn to_signature(object: &Bound<'_, PyAny>) -> PyResult<Parsed> {
    if let Ok(signature) = object.cast::<Signature>() {
        return Ok(signature.get().parsed.clone());
    }
    if let Ok(text) = object.cast::<PyString>() {
        return parse(text.to_str()?);
    }
    let parts: Vec<Bound<'_, PyAny>> = if let Ok(tuple) = object.cast::<PyTuple>() {
        tuple.iter().collect()
    } else if let Ok(list) = object.cast::<PyList>() {
        list.iter().collect()
    } else {
        let given = object.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a signature is a text such as \"float64(int32)\", a call of types such as float64(int32), or a tuple of \
             types, not `{given}`"
        )));
    };
    Ok(Parsed { ret: None, args: parts.iter().map(to_type).collect::<PyResult<_>>()? })
}

/// The type that `object` is or stands for: a `Type`, or one of Python's number classes, or `None`.
pub(crate) fn to_type(object: &Bound<'_, PyAny>) -> PyResult<Type> {
    let py = object.py();
    if let Ok(ty) = object.cast::<PyType_>() {
        return Ok(ty.get().ty.clone());
    }
    if object.is_none() {
        return Ok(Type::None);
    }
    if let Ok(class) = object.cast::<pyo3::types::PyType>() {
        let known = [
            (py.get_type::<PyBool>(), Type::Bool),
            (py.get_type::<PyInt>(), Type::INT64),
            (py.get_type::<PyFloat>(), Type::FLOAT64),
            (py.get_type::<PyComplex>(), Type::COMPLEX128),
        ];
        if let Some((_, ty)) = known.iter().find(|(known, _)| known.is(class)) {
            return Ok(ty.clone());
        }
        if class.module().is_ok_and(|module| module == "numpy")
            && let Some(ty) = Type::from_name(class.name()?.to_str()?.trim_end_matches('_'))
        {
            return Ok(ty);
        }
    }
    Err(PyTypeError::new_err(format!("{} is no type of compiled code", object.repr()?)))
}

/// `Tuple((int64, float64))`: the type of a tuple of these elements.
#[pyfunction]
#[pyo3(name = "Tuple")]
pub(crate) fn tuple_type(types: &Bound<'_, PyAny>) -> PyResult<PyType_> {
    let parts = types.try_iter()?.map(|ty| to_type(&ty?)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyType_ { ty: Type::tuple(parts) })
}

/// `UniTuple(float64, 3)`: the type of a tuple of so many elements of one type.
#[pyfunction]
#[pyo3(name = "UniTuple")]
pub(crate) fn uni_tuple_type(dtype: &Bound<'_, PyAny>, count: usize) -> PyResult<PyType_> {
    let dtype = to_type(dtype)?;
    parse(&format!("(UniTuple(none, {count}))"))?;
    Ok(PyType_ { ty: Type::tuple(vec![dtype; count]) })
}

/// `Optional(float64)`: the type of a value that may be `None`.
#[pyfunction]
#[pyo3(name = "Optional")]
pub(crate) fn optional_type(dtype: &Bound<'_, PyAny>) -> PyResult<PyType_> {
    Ok(PyType_ { ty: Type::Optional(to_type(dtype)?.into()) })
}

/// The type that compiled code gives to `value`.
#[pyfunction]
#[pyo3(name = "typeof")]
pub(crate) fn typeof_value(value: &Bound<'_, PyAny>) -> PyResult<PyType_> {
    let ty = typeof_::value_type(value)?.map_err(|problem| PyValueError::new_err(problem.to_string()))?;
    Ok(PyType_ { ty })
}

/// The type that `text` spells; for unpickling.
#[pyfunction]
pub(crate) fn _type_of_text(text: &str) -> PyResult<PyType_> {
    let parsed = parse(&format!("({text})"))?;
    let ty = parsed.args.into_iter().next().ok_or_else(|| PyValueError::new_err("no type is named"))?;
    Ok(PyType_ { ty })
}

fn parse(text: &str) -> PyResult<Parsed> {
    signature::parse(text).map_err(|error| {
        let caret = " ".repeat(error.column);
        let message = format!("{}\n  {text}\n  {caret}^", error.message);
        if error.is_unsupported { UnsupportedError::new_err(message) } else { PyValueError::new_err(message) }
    })
}

/// A spelling of `ty` that the parser of signatures reads back.
fn spell(ty: &Type) -> PyResult<String> {
    match ty {
        Type::Tuple(parts) => {
            let parts = parts.iter().map(spell).collect::<PyResult<Vec<_>>>()?;
            let comma = if parts.len() == 1 { "," } else { "" };
            Ok(format!("Tuple(({}{comma}))", parts.join(", ")))
        }
        Type::Optional(inner) => Ok(format!("Optional({})", spell(inner)?)),
        Type::None | Type::Bool | Type::Int(_) | Type::Float(_) | Type::Complex(_) => Ok(ty.to_string()),
        other => {
            Err(PyTypeError::new_err(format!("`{other}` belongs to this process and cannot be pickled")))
        }
    }
}

/// The number `value` as a `ty`: NumPy's scalar of that type if NumPy is in use, else Python's number.
fn cast<'py>(py: Python<'py>, ty: &Type, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let number = match ty {
        Type::None => return Err(PyTypeError::new_err("`none` converts nothing")),
        Type::Bool => PyBool::new(py, value.is_truthy()?).to_owned().into_any(),
        Type::Int(int) => {
            let whole = py.get_type::<PyInt>().call1((value,))?;
            // Python's `&` reads a negative integer as two's complement, so the low bits are the wrapped ones.
            let low: i128 = whole.call_method1("__and__", ((1_u128 << int.bits) - 1,))?.extract()?;
            int.wrap(low).into_pyobject(py)?.into_any()
        }
        Type::Float(float) => PyFloat::new(py, round_to(*float, value.extract()?)).into_any(),
        Type::Complex(float) => {
            let whole = py.get_type::<PyComplex>().call1((value,))?;
            let real = round_to(*float, whole.getattr("real")?.extract()?);
            let imag = round_to(*float, whole.getattr("imag")?.extract()?);
            PyComplex::from_doubles(py, real, imag).into_any()
        }
        other => return Err(PyTypeError::new_err(format!("`{other}` converts no numbers"))),
    };
    let modules = py.import("sys")?.getattr("modules")?;
    let numpy = modules.call_method1("get", ("numpy",))?;
    if numpy.is_none() || matches!(ty, Type::Bool) {
        return Ok(number);
    }
    numpy.getattr(ty.to_string())?.call1((number,))
}

fn round_to(float: FloatTy, value: f64) -> f64 {
    match float {
        FloatTy::F32 => f64::from(value as f32),
        FloatTy::F64 => value,
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
