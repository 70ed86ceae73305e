//! Whether the interpreter's `math` gives the bits of the C library's functions that compiled code calls.
//!
//! CPython calls them, so it does, unless it was linked with another library than the one that the dynamic linker
//! finds. That shows on the first few of many arguments; so each function is tried once, before code calls it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use pyo3::prelude::*;
use ungil_rt::libm::{self, Function};

/// So many arguments are tried. Another implementation differs in one of ten last bits, or more.
const N_TRIED: u32 = 400;

/// Whether `object`, the interpreter's `math.name`, gives the bits that compiled code gets; or code does not call the C
/// library for it.
pub(super) fn agrees(object: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    static KNOWN: LazyLock<Mutex<HashMap<String, bool>>> = LazyLock::new(Mutex::default);
    // The map is whole after a panic: each use of it is one operation.
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(agrees) = known().get(name).copied() {
        return Ok(agrees);
    }
    let agrees = tried(object, name)?;
    known().insert(name.into(), agrees);
    Ok(agrees)
}

fn tried(object: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    let Some(function) = libm::function(name) else { return Ok(true) };
    let mut state = 1_u64;
    // A linear congruential generator, for arguments that are the same in each run: half of them in 0..1, half up to 20.
    let mut next = |turn: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
        if turn % 2 == 0 { unit } else { 20.0 * unit }
    };
    for turn in 0..N_TRIED {
        let (x, y) = (next(turn), next(turn / 2));
        let (ours, theirs) = match function {
            Function::One(function) => (function(x), object.call1((x,))),
            Function::Two(function) => (function(x, y), object.call1((x, y))),
        };
        match theirs {
            Ok(theirs) if theirs.extract::<f64>()?.to_bits() != ours.to_bits() => return Ok(false),
            Ok(_) => {}
            // Outside of its domain.
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(object.py()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
