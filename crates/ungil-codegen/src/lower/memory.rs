//! Values in memory that other code reads or writes: arguments, results, captures, partial results, printed values.
//!
//! They lie as [`ungil_ir::layout`] says, piece by piece: LLVM's own layout of a struct would agree, but its `i1` is
//! defined only when it was stored as one, and a `bool` from outside is a byte.

use inkwell::IntPredicate;
use inkwell::values::{AggregateValueEnum, BasicValueEnum, PointerValue};
use ungil_ir::Type;
use ungil_ir::layout::struct_layout;

use super::function::Body;
use crate::Error;

impl<'c> Body<'_, 'c, '_> {
    /// Reads the value of type `ty` at `base + offset`.
    pub(super) fn load(
        &self,
        base: PointerValue<'c>,
        offset: usize,
        ty: &Type,
    ) -> Result<BasicValueEnum<'c>, Error> {
        match ty {
            Type::Bool => {
                let byte_type = self.unit.context.i8_type();
                let byte = self.builder.build_load(byte_type, self.at(base, offset)?, "")?.into_int_value();
                let zero = byte_type.const_zero();
                Ok(self.builder.build_int_compare(IntPredicate::NE, byte, zero, "")?.into())
            }
            Type::Int(_) | Type::Float(_) => {
                Ok(self.builder.build_load(self.unit.ty(ty), self.at(base, offset)?, "")?)
            }
            aggregate => {
                let fields = aggregate.fields();
                let mut whole: AggregateValueEnum = self.unit.structure(&fields).get_poison().into();
                for (index, (field, place)) in fields.iter().zip(struct_layout(&fields).1).enumerate() {
                    let part = self.load(base, offset + place, field)?;
                    whole = self.builder.build_insert_value(whole, part, index as u32, "")?;
                }
                Ok(whole.into_struct_value().into())
            }
        }
    }

    /// Writes `value` of type `ty` to `base + offset`.
    pub(super) fn store(
        &self,
        base: PointerValue<'c>,
        offset: usize,
        ty: &Type,
        value: BasicValueEnum<'c>,
    ) -> Result<(), Error> {
        match ty {
            Type::Bool => {
                let byte = self.builder.build_int_z_extend(
                    value.into_int_value(),
                    self.unit.context.i8_type(),
                    "",
                )?;
                self.builder.build_store(self.at(base, offset)?, byte)?;
            }
            Type::Int(_) | Type::Float(_) => {
                self.builder.build_store(self.at(base, offset)?, value)?;
            }
            aggregate => {
                let fields = aggregate.fields();
                for (index, (field, place)) in fields.iter().zip(struct_layout(&fields).1).enumerate() {
                    let part =
                        self.builder.build_extract_value(value.into_struct_value(), index as u32, "")?;
                    self.store(base, offset + place, field, part)?;
                }
            }
        }
        Ok(())
    }

    /// The address `base + offset`.
    pub(super) fn at(&self, base: PointerValue<'c>, offset: usize) -> Result<PointerValue<'c>, Error> {
        if offset == 0 {
            return Ok(base);
        }
        let offset = self.unit.context.i64_type().const_int(offset as u64, false);
        // SAFETY: building the instruction is sound whatever the index; that the address stays inside what `base` points
        // at holds when it runs, since base and offset come from one layout.
        Ok(unsafe { self.builder.build_in_bounds_gep(self.unit.context.i8_type(), base, &[offset], "")? })
    }
}
