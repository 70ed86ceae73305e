//! LLVM's context, which keeps its remarks to itself.

use std::ffi::{CStr, c_void};

use inkwell::context::Context;
use inkwell::llvm_sys::LLVMDiagnosticSeverity;
use inkwell::llvm_sys::core::{
    LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription, LLVMGetDiagInfoSeverity,
};
use inkwell::llvm_sys::prelude::LLVMDiagnosticInfoRef;

/// A context that prints no remarks.
///
/// Where a loop whose width we name is not vectorised, LLVM would say so on the standard error of the user's program.
pub(crate) fn new() -> Context {
    let context = Context::create();
    // SAFETY: the context is alive, and the handler takes no pointer of ours.
    unsafe { LLVMContextSetDiagnosticHandler(context.raw(), Some(handle), std::ptr::null_mut()) };
    context
}

extern "C" fn handle(info: LLVMDiagnosticInfoRef, _: *mut c_void) {
    // SAFETY: LLVM hands over a diagnostic that lives until this returns.
    if unsafe { LLVMGetDiagInfoSeverity(info) } != LLVMDiagnosticSeverity::LLVMDSError {
        return;
    }
    // SAFETY: as above; the text is this function's to dispose of.
    let text = unsafe { LLVMGetDiagInfoDescription(info) };
    // SAFETY: a C string, alive until the next statement.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: it came from LLVM, and is not used any more.
    unsafe { LLVMDisposeMessage(text) };
    eprintln!("LLVM cannot go on: {message}");
    // What LLVM would write now is wrong, and there is no way back into the compiler from here: without a handler LLVM itself
    // ends the process.
    std::process::abort();
}
