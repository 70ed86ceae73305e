//! One call of a compiled version: arguments in, and an answer, an interrupt, or the call handed back.

use pyo3::prelude::*;
use ungil_jit::RaisedKind;

use super::{Exactly, values, words};
use crate::dispatcher::Dispatcher;
use crate::overload::Overload;
use crate::{call, raise, typeof_};

/// Runs a version; none if the interpreter must run the call.
///
/// # Safety
///
/// `args` points at a struct of the version's argument types.
pub(super) unsafe fn run<'py>(
    py: Python<'py>,
    this: &Dispatcher,
    version: &Overload,
    exactly: &Exactly,
    args: *const u8,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let finish = |ret: *const u8| {
        // SAFETY: the result lies there, of the version's type.
        if unsafe { values::holds_nan(version.compiled.ret(), ret) } {
            return None;
        }
        // SAFETY: as above.
        Some(unsafe { version.boxer.make(py, &this.objects, ret) })
    };
    // SAFETY: the contract is handed on; `finish` reads a result of the version's type.
    match unsafe { call::enter(py, this, version, args, finish) } {
        Ok(Some(object)) => {
            exactly.record.answered();
            // SAFETY: a new reference, or null with an exception set.
            unsafe { Bound::from_owned_ptr_or_err(py, object) }.map(Some)
        }
        Ok(None) => {
            exactly.record.handed_back("the result is not a number (NaN)".into());
            Ok(None)
        }
        Err(raising) => {
            let (raised, held) = *raising;
            if raised.kind == RaisedKind::Host {
                return Err(raise::to_exception(py, raised, &this.objects, held));
            }
            exactly.record.handed_back(words::in_words(&raised));
            Ok(None)
        }
    }
}

/// The arguments as a struct of the version's types, which are theirs, and behind them how many calls may be active.
pub(super) fn boxed(
    py: Python<'_>,
    this: &Dispatcher,
    version: &Overload,
    objects: &[Bound<'_, PyAny>],
    depth: i64,
) -> PyResult<Vec<u128>> {
    let compiled = &version.compiled;
    let mut words = vec![0_u128; compiled.args_layout().size.div_ceil(size_of::<u128>())];
    let mut bytes = vec![0_u8; words.len() * size_of::<u128>()];
    for (index, (object, (ty, offset))) in
        objects.iter().zip(compiled.params().iter().zip(compiled.offsets())).enumerate()
    {
        typeof_::write(object, ty, &mut bytes[*offset..], this.parameters.name(py, index))?;
    }
    if let Some(offset) = compiled.offsets().get(objects.len()) {
        bytes[*offset..*offset + size_of::<i64>()].copy_from_slice(&depth.to_ne_bytes());
    }
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(size_of::<u128>())) {
        *word = u128::from_ne_bytes(chunk.try_into().expect("chunks of that size"));
    }
    Ok(words)
}
