//! The extension module `ungil._core`: the compiler as Python sees it. The only crate that names PyO3.
//!
//! Reading order: `dispatcher.rs` is the class that `jit` makes; `call.rs` is the way of a call, `overload.rs` what it
//! reads, `bind.rs`, `typeof_.rs` and `boxing.rs` what goes in and comes out, `raise.rs` what goes wrong; `compile.rs`
//! makes new versions (`eager.rs` at once), asking `host.rs`, `objects.rs` and `source.rs`; `types.rs` and `signature.rs` are types and
//! signatures; `tasks.rs` has the tasks of parallel loops; `plain.rs` writes values for other processes; `output.rs` serves the runtime; `gil.rs` is the one place that attaches and detaches; `once.rs` and `drops.rs` are
//! about what objects hold.
//!
//! Architecture Invariant: state is guarded by our own locks and atomics, never by the GIL.

mod bind;
mod boxing;
mod call;
mod compile;
mod dispatcher;
mod drops;
mod eager;
mod errors;
mod exact;
mod explain;
mod futures;
mod gil;
mod host;
#[cfg(target_os = "linux")]
mod ipc;
mod method;
mod objects;
mod once;
mod options;
mod output;
mod overload;
#[cfg(target_os = "linux")]
mod plain;
mod process;
#[cfg(target_os = "linux")]
mod process_pool;
mod queue;
mod raise;
mod signature;
mod source;
mod sync;
mod tasks;
mod timeout;
mod typeof_;
mod types;

#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::dispatcher::{_adopt, Dispatcher};
    #[pymodule_export]
    use crate::eager::_specialise;
    #[pymodule_export]
    use crate::errors::{CacheWarning, HolderDied, TypingError, UngilError, UnsupportedError};
    #[pymodule_export]
    use crate::exact::ExactCode;
    #[pymodule_export]
    use crate::futures::{
        Future, Group, ThreadPool, Watcher, Worker, close_thread_pools, forget_thread_pools, make_quickly,
    };
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use crate::ipc::{PyBarrier, PyChannel, PyEvent, PyProcessQueue, PySegment, PyWaiters, SemLock};
    #[pymodule_export]
    use crate::process::{
        _close, _max_num_threads, cache_folder, cpu_features, cpu_name, get_num_threads, get_thread_id,
        llvm_version, set_num_threads, threading_layer,
    };
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use crate::process_pool::{
        Attempt, Buffer, ProcessPool, SharedMemory, WorkerLink, die_with_parent, forget_process_pools,
        pickle_names,
    };
    #[pymodule_export]
    use crate::queue::{LifoQueue, PendingGet, PendingPut, PriorityQueue, Queue, ShutDown, SimpleQueue};
    #[pymodule_export]
    use crate::sync::{
        Barrier, BoundedSemaphore, Condition, DeadlockError, Event, Lock, RLock, Semaphore, Statistics,
        deadlock_policy,
    };
    #[pymodule_export]
    use crate::tasks::{Delayed, Elsewhere, delayed, make_tasks};
    #[pymodule_export]
    use crate::types::{
        _type_of_text, PyType_, Signature, optional_type, tuple_type, typeof_value, uni_tuple_type,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // The environment is read now, so that a wrong value is told here and not in a first parallel loop.
        ungil_rt::threads::max_threads().map_err(|error| PyValueError::new_err(error.to_string()))?;
        // A second import, as reloading makes, finds the host installed.
        let _ = ungil_rt::set_host(Box::new(crate::output::Interpreter));
        module.py().import("atexit")?.call_method1("register", (module.getattr("_close")?,))?;
        crate::gil::prepare();
        #[cfg(target_os = "linux")]
        crate::process_pool::complete_module(module)?;
        crate::sync::complete_classes(module.py())?;
        crate::queue::complete_classes(module.py())?;
        crate::futures::complete_classes(module.py())?;
        #[cfg(target_os = "linux")]
        crate::ipc::complete_classes(module.py())?;
        crate::dispatcher::complete_class(module.py())
    }
}
