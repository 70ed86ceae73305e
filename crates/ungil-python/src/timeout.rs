//! Timeouts: from Python's seconds to deadlines.
//!
//! What is no timeout (a text, NaN, more than `threading.TIMEOUT_MAX`) is refused in the words of the running interpreter's own
//! lock, which differ from release to release: the lock is asked.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};
use ungil_sync::{Deadline, deadline_in};

/// `threading.TIMEOUT_MAX`, in seconds: the standard lock counts nanoseconds in 64 bits.
const MOST: f64 = 9_223_372_036.0;

/// The seconds that `timeout` says.
pub(crate) fn seconds(timeout: &Bound<'_, PyAny>) -> PyResult<f64> {
    let seconds = if let Ok(float) = timeout.cast::<PyFloat>() {
        float.value()
    } else if timeout.is_instance_of::<PyInt>() {
        timeout.extract().unwrap_or(f64::INFINITY)
    } else {
        f64::NAN
    };
    if seconds <= MOST {
        return Ok(seconds);
    }
    let standard = timeout.py().import("threading")?.call_method0("Lock")?;
    standard.call_method1("acquire", (true, timeout))?;
    // The standard lock takes it, so it is a number of some other kind.
    timeout.extract()
}

/// The deadline that lies `seconds` ahead; at once, if they are negative.
pub(crate) fn deadline(seconds: f64) -> Deadline {
    deadline_in(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The deadline of a timeout that may be `None`, which is never.
pub(crate) fn optional(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    match timeout {
        Some(timeout) if !timeout.is_none() => {
            let seconds = if timeout.gt(0)? { seconds(timeout)? } else { 0.0 };
            Ok(deadline(seconds))
        }
        _ => Ok(None),
    }
}
