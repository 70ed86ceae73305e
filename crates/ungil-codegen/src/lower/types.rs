//! How the IR's types look in LLVM's registers: scalars as they are, aggregates as structs, `bool` as `i1`.

use inkwell::types::{BasicTypeEnum, FloatType, IntType};
use ungil_ir::{FloatTy, IntTy, Type};

use super::Unit;

impl<'c> Unit<'c, '_> {
    pub(super) fn ty(&self, ty: &Type) -> BasicTypeEnum<'c> {
        match ty {
            Type::Bool => self.context.bool_type().into(),
            Type::Int(int) => self.int(*int).into(),
            Type::Float(float) => self.float(*float).into(),
            aggregate => self.structure(&aggregate.fields()).into(),
        }
    }

    pub(super) fn structure(&self, fields: &[Type]) -> inkwell::types::StructType<'c> {
        let fields: Vec<_> = fields.iter().map(|field| self.ty(field)).collect();
        self.context.struct_type(&fields, false)
    }

    pub(super) fn int(&self, int: IntTy) -> IntType<'c> {
        match int.bits {
            8 => self.context.i8_type(),
            16 => self.context.i16_type(),
            32 => self.context.i32_type(),
            _ => self.context.i64_type(),
        }
    }

    pub(super) fn float(&self, float: FloatTy) -> FloatType<'c> {
        match float {
            FloatTy::F32 => self.context.f32_type(),
            FloatTy::F64 => self.context.f64_type(),
        }
    }
}
