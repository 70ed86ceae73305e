//! How values lie in memory, for the arguments and results that cross into compiled code.
//!
//! The rules are C's: a scalar has its natural size and alignment, an aggregate is a struct of its fields in order,
//! each at the next multiple of its alignment, and the whole padded to a multiple of the greatest. `bool` is one byte,
//! 0 or 1. `None` and objects that captured nothing take no bytes.

use crate::ty::{FloatTy, Type};

/// Size and alignment in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Size, a multiple of `align`; 0 for a type without representation.
    pub size: usize,
    /// Alignment, a power of two, at least 1.
    pub align: usize,
}

/// The layout of one type.
pub fn layout(ty: &Type) -> Layout {
    match ty {
        Type::None => Layout { size: 0, align: 1 },
        Type::Bool => Layout { size: 1, align: 1 },
        Type::Int(int) => scalar(int.bytes()),
        Type::Float(float) => scalar(float.bytes()),
        Type::Complex(FloatTy::F32) => Layout { size: 8, align: 4 },
        Type::Complex(FloatTy::F64) => Layout { size: 16, align: 8 },
        aggregate => struct_layout(&aggregate.fields()).0,
    }
}

/// The layout of a struct of `fields`, and the offset of each.
///
/// ```
/// use ungil_ir::{Type, layout::struct_layout};
/// let (whole, offsets) = struct_layout(&[Type::Bool, Type::FLOAT64, Type::int(16)]);
/// assert_eq!((whole.size, whole.align), (24, 8));
/// assert_eq!(offsets, [0, 8, 16]);
/// ```
pub fn struct_layout(fields: &[Type]) -> (Layout, Vec<usize>) {
    let (mut end, mut align) = (0_usize, 1);
    let offsets = fields
        .iter()
        .map(|field| {
            let field = layout(field);
            let offset = end.next_multiple_of(field.align);
            end = offset + field.size;
            align = align.max(field.align);
            offset
        })
        .collect();
    (Layout { size: end.next_multiple_of(align), align }, offsets)
}

const fn scalar(bytes: usize) -> Layout {
    Layout { size: bytes, align: bytes }
}
