//! What the runtime asks of Python: running signal handlers, and printing.

use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ir::Type;
use ungil_ir::ir::{Print, PrintPart};
use ungil_ir::layout::struct_layout;

use crate::boxing::Boxer;
use crate::futures;
use crate::gil;
use crate::objects::Objects;
use crate::overload::Overload;

/// What a running call shares with the runtime: a [`ungil_rt::Context`]'s user pointer points at one.
pub(crate) struct CallFrame<'a> {
    pub(crate) overload: &'a Overload,
    pub(crate) objects: &'a Objects,
    /// The exception of a `print` that failed, maybe on another thread; the first one.
    pub(crate) held: Mutex<Option<PyErr>>,
}

impl<'a> CallFrame<'a> {
    pub(crate) fn new(overload: &'a Overload, objects: &'a Objects) -> Self {
        Self { overload, objects, held: Mutex::new(None) }
    }

    pub(crate) fn into_held(self) -> Option<PyErr> {
        self.held.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The interpreter, as the runtime's host.
pub(crate) struct Interpreter;

impl ungil_rt::Host for Interpreter {
    fn check_signals(&self) -> bool {
        // What is raised stays set on this thread until the call from outside returns to the interpreter.
        if futures::is_stop_requested() {
            gil::attached(|py| {
                // A loop may ask again, on its way out.
                if !PyErr::occurred(py) {
                    futures::stop_requested(py).restore(py);
                }
            });
            return true;
        }
        if !is_main_thread() {
            return false;
        }
        gil::attached(|py| match py.check_signals() {
            Ok(()) => false,
            Err(error) => {
                error.restore(py);
                true
            }
        })
    }

    fn print(&self, user: *const c_void, print_id: u32, args: *const u8) -> bool {
        // SAFETY: every context that we make points at a frame that lives through the call, and is `Sync`.
        let frame = unsafe { &*user.cast::<CallFrame<'_>>() };
        let print = &frame.overload.compiled.module().prints[print_id as usize];
        let result = gil::attached(|py| {
            // SAFETY: the values at `args` are laid out as the print statement says.
            unsafe { run_print(py, print, frame.objects, args) }
        });
        let Err(error) = result else { return false };
        let mut held = frame.held.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = if held.is_none() { held.replace(error) } else { Some(error) };
        drop(held);
        gil::attached(|_| drop(surplus));
        true
    }
}

/// # Safety
///
/// `args` points at the values of `print`'s value parts, laid out as a struct.
unsafe fn run_print(py: Python<'_>, print: &Print, objects: &Objects, args: *const u8) -> PyResult<()> {
    let types: Vec<Type> = print
        .parts
        .iter()
        .filter_map(|part| match part {
            PrintPart::Value(ty) => Some(ty.clone()),
            PrintPart::Text(_) => None,
        })
        .collect();
    let mut offsets = struct_layout(&types).1.into_iter();
    let mut parts = Vec::with_capacity(print.parts.len());
    for part in &print.parts {
        parts.push(match part {
            PrintPart::Text(text) => (&**text).into_pyobject(py)?.into_any(),
            PrintPart::Value(ty) => {
                let boxer = Boxer::new(ty, None).map_err(pyo3::exceptions::PyTypeError::new_err)?;
                let offset = offsets.next().unwrap_or_default();
                // SAFETY: the value lies at its offset within the struct.
                let value = unsafe { args.add(offset) };
                // SAFETY: a value of the part's type lies there.
                let object = unsafe { boxer.make(py, objects, value) };
                // SAFETY: a new reference, or null with an exception set.
                unsafe { Bound::from_owned_ptr_or_err(py, object) }?
            }
        });
    }
    let options = PyDict::new(py);
    options.set_item("sep", &*print.sep)?;
    options.set_item("end", &*print.end)?;
    py.import("builtins")?.getattr("print")?.call(PyTuple::new(py, parts)?, Some(&options))?;
    Ok(())
}

/// Whether this is the process's first thread, the one that Python runs signal handlers on.
///
/// In a child forked by another thread, that thread has become the first, for Python as for the system.
#[cfg(target_os = "linux")]
fn is_main_thread() -> bool {
    // SAFETY: the call has no preconditions.
    let thread = unsafe { libc::gettid() };
    // SAFETY: as above.
    let process = unsafe { libc::getpid() };
    thread == process
}

#[cfg(not(target_os = "linux"))]
fn is_main_thread() -> bool {
    // SAFETY: the call has no preconditions.
    unsafe { libc::pthread_main_np() == 1 }
}
