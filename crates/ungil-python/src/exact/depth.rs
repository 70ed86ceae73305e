//! How deep a recursion may surely go in the interpreter: code that recurs hands back before that.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The depths of the stack that are told apart.
const STEPS: [i64; 3] = [30, 100, 300];

/// What a frame of Python's counts at most towards the limit, with the calls of C that may stand between two of them.
const LEVELS_A_FRAME: i64 = 3;

/// What is left for what the innermost function calls.
const RESERVE: i64 = 20;

/// How many calls of Python functions may surely be active inside of one that is made now.
pub(super) fn calls_left(py: Python<'_>) -> PyResult<i64> {
    let sys = py.import("sys")?;
    let limit: i64 = sys.getattr("getrecursionlimit")?.call0()?.extract()?;
    let frame = sys.getattr("_getframe")?;
    for depth in STEPS {
        match frame.call1((depth,)) {
            Ok(_) => {}
            Err(error) if error.is_instance_of::<PyValueError>(py) => {
                return Ok((limit - LEVELS_A_FRAME * depth - RESERVE).max(0));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(0)
}
