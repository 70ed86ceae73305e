//! Which values exact code takes and gives: of plain classes alone, for a subclass may mean something else.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCFunction, PyFloat, PyFunction, PyInt, PyModule, PyTuple, PyType};
use ungil_ir::Type;
use ungil_ir::layout::struct_layout;

use crate::dispatcher::Dispatcher;

/// So many numbers a tuple may hold, nested ones included; each is a value of its own in compiled code.
const LARGEST_TUPLE: usize = 64;

/// The type of an argument; none for what the interpreter must be given.
pub(super) fn argument_type(
    callable: &Bound<'_, Dispatcher>,
    object: &Bound<'_, PyAny>,
) -> PyResult<Option<Type>> {
    let mut room = LARGEST_TUPLE;
    type_of(callable, object, &mut room)
}

fn type_of(
    callable: &Bound<'_, Dispatcher>,
    object: &Bound<'_, PyAny>,
    room: &mut usize,
) -> PyResult<Option<Type>> {
    let Some(left) = room.checked_sub(1) else { return Ok(None) };
    *room = left;
    if object.is_exact_instance_of::<PyFloat>() {
        return Ok(Some(Type::FLOAT64));
    }
    if object.is_exact_instance_of::<PyInt>() {
        return Ok(object.extract::<i64>().is_ok().then_some(Type::INT64));
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Ok(Some(Type::Bool));
    }
    if object.is_none() {
        return Ok(Some(Type::None));
    }
    if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        let mut parts = Vec::with_capacity(tuple.len());
        for part in tuple.iter() {
            let Some(part) = type_of(callable, &part, room)? else { return Ok(None) };
            parts.push(part);
        }
        return Ok(Some(Type::tuple(parts)));
    }
    if is_function(object)? { callable.get().object_type(callable, object) } else { Ok(None) }
}

/// Whether the compiler may know what is called: a plain function, a function of a builtin module, a class of numbers.
fn is_function(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if object.is_exact_instance_of::<PyFunction>() {
        return Ok(true);
    }
    if object.is_instance_of::<PyCFunction>() {
        return Ok(object.getattr("__self__")?.is_instance_of::<PyModule>());
    }
    let py = object.py();
    let classes = [py.get_type::<PyFloat>(), py.get_type::<PyInt>(), py.get_type::<PyBool>()];
    Ok(object.is_instance_of::<PyType>() && classes.iter().any(|class| object.is(class)))
}

/// Whether a result may be of that type: a value, and no object that compiled code only knows by its identity.
pub(crate) fn is_result(ty: &Type) -> bool {
    match ty {
        Type::None | Type::Bool | Type::Number => true,
        Type::Int(_) | Type::Float(_) => *ty == Type::INT64 || *ty == Type::FLOAT64,
        Type::Tuple(parts) => parts.iter().all(is_result),
        Type::Optional(inner) => is_result(inner),
        _ => false,
    }
}

/// Whether a result holds a NaN. Which NaN that is, the interpreter knows.
///
/// # Safety
///
/// A value of type `ty` lies at `at`, as compiled code lays it out.
pub(super) unsafe fn holds_nan(ty: &Type, at: *const u8) -> bool {
    match ty {
        Type::Float(_) => {
            // SAFETY: results of exact code have no other float type than `float64`, by `is_result`.
            unsafe { at.cast::<f64>().read_unaligned() }.is_nan()
        }
        Type::Tuple(_) | Type::Optional(_) | Type::Number => {
            let parts = ty.fields();
            let (_, offsets) = struct_layout(&parts);
            parts.iter().zip(offsets).any(|(part, offset)| {
                // SAFETY: the part lies at its offset.
                let part_at = unsafe { at.add(offset) };
                // SAFETY: the contract is handed on; what an optional does not hold is all zeros.
                unsafe { holds_nan(part, part_at) }
            })
        }
        _ => false,
    }
}
