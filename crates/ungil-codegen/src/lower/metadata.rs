//! Metadata that the safe wrapper of LLVM cannot make: what a loop asks of the passes.

use inkwell::context::{AsContextRef, Context};
use inkwell::llvm_sys::core::{
    LLVMMDNodeInContext2, LLVMMDStringInContext2, LLVMMetadataAsValue, LLVMValueAsMetadata,
};
use inkwell::llvm_sys::debuginfo::{LLVMMetadataReplaceAllUsesWith, LLVMTemporaryMDNode};
use inkwell::llvm_sys::prelude::{LLVMContextRef, LLVMMetadataRef};
use inkwell::values::{AsValueRef, InstructionValue, IntValue, MetadataValue};

use crate::Error;

/// What a loop asks of the passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Not to be vectorised.
    Scalar,
    /// Not to be unrolled.
    Rolled,
    /// If it is vectorised, one vector a turn, and no unrolling of that.
    OneVector,
    /// If it is vectorised, as many vectors a turn as LLVM thinks right, and no unrolling of that.
    SomeVectors,
}

/// Writes the wishes of the loop that `back`, its backward branch, closes.
pub(super) fn wish<'c>(
    context: &'c Context,
    back: InstructionValue<'c>,
    wishes: &[Wish],
) -> Result<(), Error> {
    let raw = context.as_ctx_ref();
    // SAFETY: a temporary node without operands; the array is not read.
    let placeholder = unsafe { LLVMTemporaryMDNode(raw, std::ptr::null_mut(), 0) };
    // The identity of a loop is a node whose first operand is the node itself.
    let mut parts = vec![placeholder];
    let rolled = node(raw, "llvm.loop.unroll.disable", None);
    for wish in wishes {
        match wish {
            Wish::Scalar => {
                let off = constant(context.bool_type().const_zero());
                parts.push(node(raw, "llvm.loop.vectorize.enable", Some(off)));
            }
            Wish::Rolled => parts.push(rolled),
            Wish::OneVector => {
                let one = constant(context.i32_type().const_int(1, false));
                parts.push(node(raw, "llvm.loop.interleave.count", Some(one)));
                parts.push(node(raw, "llvm.loop.vectorize.followup_vectorized", Some(rolled)));
            }
            Wish::SomeVectors => {
                parts.push(node(raw, "llvm.loop.vectorize.followup_vectorized", Some(rolled)));
            }
        }
    }
    // SAFETY: the operands are metadata of this context, and there are as many as said.
    let id = unsafe { LLVMMDNodeInContext2(raw, parts.as_mut_ptr(), parts.len()) };
    // SAFETY: the temporary is replaced, and freed by that, exactly once, and not used afterwards.
    unsafe { LLVMMetadataReplaceAllUsesWith(placeholder, id) };
    // SAFETY: the node is metadata of this context.
    let id = unsafe { LLVMMetadataAsValue(raw, id) };
    // SAFETY: the value is metadata as a value, made just now.
    let id = unsafe { MetadataValue::new(id) };
    back.set_metadata(id, context.get_kind_id("llvm.loop")).map_err(|error| Error::llvm("mark a loop", error))
}

/// A node of a name and what belongs to it, which is of the same context.
fn node(raw: LLVMContextRef, name: &str, with: Option<LLVMMetadataRef>) -> LLVMMetadataRef {
    // SAFETY: the context is alive, and the text is `len` bytes, which LLVM copies.
    let name = unsafe { LLVMMDStringInContext2(raw, name.as_ptr().cast(), name.len()) };
    let mut parts = [name, with.unwrap_or(name)];
    // SAFETY: the operands are metadata of this context, and there are at least as many as said.
    unsafe { LLVMMDNodeInContext2(raw, parts.as_mut_ptr(), 1 + usize::from(with.is_some())) }
}

fn constant(value: IntValue<'_>) -> LLVMMetadataRef {
    // SAFETY: the value is a constant, and its context is alive.
    unsafe { LLVMValueAsMetadata(value.as_value_ref()) }
}
