//! The [`Host`]: the program around the compiled code, which knows about signals and standard output.
//!
//! Invariant: the runtime calls the host without holding any of its own locks, so a host may take an interpreter's lock.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::context::{Context, RAISE_INTERRUPTED};

/// What the runtime asks of the program around it.
///
/// A host that reports an exception keeps it (reachable from `user`, or for itself) until the call from outside returns
/// with [`RAISE_INTERRUPTED`]; where several threads of one call report, it keeps one of them.
/// A thread that holds a lock which a method here takes must not enter compiled code that has parallel loops: it
/// would wait for helpers that wait for its lock.
pub trait Host: Send + Sync {
    /// Runs what signals have asked for, and looks whether the call is still wanted; true = an exception is pending, the call shall
    /// stop.
    ///
    /// Called at most once a tick, only on a thread that entered compiled code from outside.
    fn check_signals(&self) -> bool;

    /// Prints the values at `args`, laid out as the print statement `print_id` says; true = that raised an exception.
    ///
    /// Called on any thread that takes part in a call, several at once.
    fn print(&self, user: *const c_void, print_id: u32, args: *const u8) -> bool;
}

/// Installs the host for the rest of the process.
///
/// # Errors
///
/// Gives `host` back when another one is installed already.
pub fn set_host(host: Box<dyn Host>) -> Result<(), Box<dyn Host>> {
    HOST.set(host)
}

pub(crate) fn current() -> &'static dyn Host {
    HOST.get().map_or(&Silent, |host| &**host)
}

static HOST: OnceLock<Box<dyn Host>> = OnceLock::new();

/// The host before one is installed: no signals, and prints go nowhere.
struct Silent;

impl Host for Silent {
    fn check_signals(&self) -> bool {
        false
    }

    fn print(&self, _user: *const c_void, _print_id: u32, _args: *const u8) -> bool {
        false
    }
}

/// Prints through the host: 0 = done; 1 = raised, and the host holds the exception.
///
/// # Safety
///
/// `ctx` is the context that the running compiled code was given; `args` points at the values of the print statement
/// `print_id`.
pub(crate) unsafe extern "C" fn ungil_rt_print(ctx: *mut Context, print_id: u32, args: *const u8) -> i32 {
    // SAFETY: the caller passes its own context, which only this thread uses.
    let ctx = unsafe { &mut *ctx };
    let has_raised = current().print(ctx.user(), print_id, args);
    if has_raised {
        ctx.raise(RAISE_INTERRUPTED);
    }
    i32::from(has_raised)
}
