//! Metadata that the safe wrapper of LLVM cannot make: what a loop asks of the passes.

use inkwell::context::{AsContextRef, Context};
use inkwell::llvm_sys::core::{
    LLVMMDNodeInContext2, LLVMMDStringInContext2, LLVMMetadataAsValue, LLVMValueAsMetadata,
};
use inkwell::llvm_sys::debuginfo::{LLVMMetadataReplaceAllUsesWith, LLVMTemporaryMDNode};
use inkwell::llvm_sys::prelude::{LLVMContextRef, LLVMMetadataRef};
use inkwell::values::{AsValueRef, InstructionValue, IntValue, MetadataValue};

use crate::{Error, explain};

/// What a loop asks of the passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Not to be vectorised.
    Scalar,
    /// Not to be unrolled.
    Rolled,
    /// If it is vectorised, so many vectors a turn, and no unrolling of that.
    Vectors(u32),
    /// If it is vectorised, as many vectors a turn as LLVM thinks right, and no unrolling of that.
    SomeVectors,
    /// If it is vectorised, in vectors of so many values.
    Lanes(u32),
}

/// Writes the wishes of the loop that `back`, its backward branch, closes, and the mark that it goes by in an explanation.
pub(super) fn wish<'c>(
    context: &'c Context,
    back: InstructionValue<'c>,
    wishes: &[Wish],
    mark: Option<&str>,
) -> Result<(), Error> {
    if wishes.is_empty() && mark.is_none() {
        return Ok(());
    }
    let raw = context.as_ctx_ref();
    // SAFETY: a temporary node without operands; the array is not read.
    let placeholder = unsafe { LLVMTemporaryMDNode(raw, std::ptr::null_mut(), 0) };
    // The identity of a loop is a node whose first operand is the node itself.
    let mut parts = vec![placeholder];
    let rolled = node(raw, "llvm.loop.unroll.disable", &[]);
    let mut followup = vec![rolled];
    if let Some(mark) = mark {
        parts.push(node(raw, explain::LOOP, &[string(raw, mark)]));
        followup.push(node(raw, explain::VECTORS, &[string(raw, mark)]));
    }
    let vectorised = node(raw, "llvm.loop.vectorize.followup_vectorized", &followup);
    for wish in wishes {
        match wish {
            Wish::Scalar => {
                let off = constant(context.bool_type().const_zero());
                parts.push(node(raw, "llvm.loop.vectorize.enable", &[off]));
            }
            Wish::Rolled => parts.push(rolled),
            Wish::Vectors(n_vectors) => {
                let n_vectors = constant(context.i32_type().const_int(u64::from(*n_vectors), false));
                parts.extend([node(raw, "llvm.loop.interleave.count", &[n_vectors]), vectorised]);
            }
            Wish::SomeVectors => parts.push(vectorised),
            Wish::Lanes(n_lanes) => {
                let n_lanes = constant(context.i32_type().const_int(u64::from(*n_lanes), false));
                parts.push(node(raw, "llvm.loop.vectorize.width", &[n_lanes]));
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
fn node(raw: LLVMContextRef, name: &str, with: &[LLVMMetadataRef]) -> LLVMMetadataRef {
    let mut parts = [&[string(raw, name)], with].concat();
    // SAFETY: the operands are metadata of this context, and there are as many as said.
    unsafe { LLVMMDNodeInContext2(raw, parts.as_mut_ptr(), parts.len()) }
}

fn string(raw: LLVMContextRef, text: &str) -> LLVMMetadataRef {
    // SAFETY: the context is alive, and the text is `len` bytes, which LLVM copies.
    unsafe { LLVMMDStringInContext2(raw, text.as_ptr().cast(), text.len()) }
}

fn constant(value: IntValue<'_>) -> LLVMMetadataRef {
    // SAFETY: the value is a constant, and its context is alive.
    unsafe { LLVMValueAsMetadata(value.as_value_ref()) }
}
