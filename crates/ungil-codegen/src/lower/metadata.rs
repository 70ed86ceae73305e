//! Metadata that the safe wrapper of LLVM cannot make.

use inkwell::context::{AsContextRef, Context};
use inkwell::llvm_sys::core::{
    LLVMMDNodeInContext2, LLVMMDStringInContext2, LLVMMetadataAsValue, LLVMValueAsMetadata,
};
use inkwell::llvm_sys::debuginfo::{LLVMMetadataReplaceAllUsesWith, LLVMTemporaryMDNode};
use inkwell::values::{AsValueRef, InstructionValue, MetadataValue};

use crate::Error;

/// Tells the passes to leave the loop that `back`, its backward branch, closes as it is: not vectorised, not unrolled.
///
/// The identity of a loop is a node whose first operand is the node itself.
pub(super) fn keep_scalar<'c>(context: &'c Context, back: InstructionValue<'c>) -> Result<(), Error> {
    let raw = context.as_ctx_ref();
    let string = |text: &str| {
        // SAFETY: the context is alive, and the text is `len` bytes, which LLVM copies.
        unsafe { LLVMMDStringInContext2(raw, text.as_ptr().cast(), text.len()) }
    };
    let off = context.bool_type().const_zero();
    // SAFETY: the value is a constant of this context.
    let off = unsafe { LLVMValueAsMetadata(off.as_value_ref()) };
    let mut vectorize = [string("llvm.loop.vectorize.enable"), off];
    // SAFETY: the operands are metadata of this context, and there are as many as said.
    let vectorize = unsafe { LLVMMDNodeInContext2(raw, vectorize.as_mut_ptr(), vectorize.len()) };
    let mut unroll = [string("llvm.loop.unroll.disable")];
    // SAFETY: as above.
    let unroll = unsafe { LLVMMDNodeInContext2(raw, unroll.as_mut_ptr(), unroll.len()) };
    // SAFETY: a temporary node without operands; the array is not read.
    let placeholder = unsafe { LLVMTemporaryMDNode(raw, std::ptr::null_mut(), 0) };
    let mut parts = [placeholder, vectorize, unroll];
    // SAFETY: as above.
    let id = unsafe { LLVMMDNodeInContext2(raw, parts.as_mut_ptr(), parts.len()) };
    // SAFETY: the temporary is replaced, and freed by that, exactly once, and not used afterwards.
    unsafe { LLVMMetadataReplaceAllUsesWith(placeholder, id) };
    // SAFETY: the node is metadata of this context.
    let id = unsafe { LLVMMetadataAsValue(raw, id) };
    // SAFETY: the value is metadata as a value, made just now.
    let id = unsafe { MetadataValue::new(id) };
    back.set_metadata(id, context.get_kind_id("llvm.loop")).map_err(|error| Error::llvm("mark a loop", error))
}
