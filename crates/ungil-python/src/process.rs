//! What the process as a whole has: the compiler's version, the processor, the threads.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ungil_rt::threads;

use crate::gil;

/// Waits for the threads that compile at this moment, and lets no other begin: LLVM's own data is gone once the process
/// ends, under a thread that still used it. The interpreter calls it at its exit.
#[pyfunction]
pub(crate) fn _close(py: Python<'_>) {
    gil::detached(py, ungil_codegen::close);
}

/// LLVM's version, `"19.1.7"`.
#[pyfunction]
pub(crate) fn llvm_version() -> String {
    ungil_codegen::llvm_version()
}

/// The processor that code is made for, by LLVM's name.
#[pyfunction]
pub(crate) fn cpu_name() -> String {
    ungil_codegen::host_cpu_name().into()
}

/// The processor's features that code may use, by LLVM's names: `"+avx2,-sse4a,…"`.
#[pyfunction]
pub(crate) fn cpu_features() -> String {
    ungil_codegen::host_cpu_features().into()
}

/// The folder that `cache=True` keeps compiled code in; none for a user without a home.
#[pyfunction]
pub(crate) fn cache_folder() -> Option<String> {
    ungil_jit::Cache::from_environment().map(|cache| cache.to_string())
}

/// The number of threads that parallel loops called from this thread use.
#[pyfunction]
pub(crate) fn get_num_threads() -> u32 {
    threads::get_num_threads()
}

/// The number that it is at first, which is the most.
#[pyfunction]
pub(crate) fn _max_num_threads() -> PyResult<u32> {
    threads::max_threads().map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Sets the number of threads that parallel loops called from this thread use from now on.
#[pyfunction]
pub(crate) fn set_num_threads(n: i64) -> PyResult<()> {
    threads::set_num_threads(n).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The number of this thread within a parallel loop, from 0; outside of compiled code always 0.
#[pyfunction]
pub(crate) fn get_thread_id() -> u32 {
    0
}

/// What parallel loops run on: `"rayon"`.
#[pyfunction]
pub(crate) fn threading_layer() -> &'static str {
    "rayon"
}
