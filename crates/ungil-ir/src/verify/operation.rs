//! The types of one operation: that its operands and its result are what [`Op`] says.

use crate::ir::{BinaryOp, Const, Function, Intrinsic, Module, Op, PrintPart, UnaryOp, ValueId};
use crate::ty::{FloatTy, Type};

/// Checks the operation that binds `result`. Operands and result are known to be in the function's table.
pub(super) fn check(module: &Module, function: &Function, result: ValueId, op: &Op) -> Result<(), String> {
    let ty = |value: ValueId| function.value_type(value);
    let result = ty(result);
    match op {
        Op::Const(constant) => check_const(*constant, result),
        Op::Get(var) => equal(function.var_type(*var), result),
        Op::Unary(op, a) => {
            let operand = ty(*a);
            equal(operand, result)?;
            suits(
                operand,
                match op {
                    UnaryOp::Neg => matches!(operand, Type::Int(_) | Type::Float(_)),
                    UnaryOp::Invert => matches!(operand, Type::Int(_)),
                    UnaryOp::Not => *operand == Type::Bool,
                },
            )
        }
        Op::Binary(op, a, b) => {
            let operand = ty(*a);
            equal(operand, ty(*b))?;
            equal(operand, result)?;
            suits(
                operand,
                match op {
                    BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => {
                        matches!(operand, Type::Int(_) | Type::Float(_))
                    }
                    BinaryOp::Div => matches!(operand, Type::Float(_)),
                    BinaryOp::Quot | BinaryOp::Rem | BinaryOp::Shl | BinaryOp::Shr => {
                        matches!(operand, Type::Int(_))
                    }
                    BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
                        matches!(operand, Type::Bool | Type::Int(_))
                    }
                },
            )
        }
        Op::Compare(_, a, b) => {
            equal(ty(*a), ty(*b))?;
            suits(ty(*a), matches!(ty(*a), Type::Bool | Type::Int(_) | Type::Float(_)))?;
            equal(&Type::Bool, result)
        }
        Op::Cast(a) => {
            suits(ty(*a), matches!(ty(*a), Type::Bool | Type::Int(_) | Type::Float(_)))?;
            suits(result, matches!(result, Type::Int(_) | Type::Float(_)))
        }
        Op::Select(cond, a, b) => {
            equal(&Type::Bool, ty(*cond))?;
            equal(ty(*a), ty(*b))?;
            equal(ty(*a), result)
        }
        Op::Aggregate(fields) => {
            suits(result, result.is_aggregate())?;
            let expected = result.fields();
            arity(expected.len(), fields.len())?;
            expected.iter().zip(fields).try_for_each(|(expected, field)| equal(expected, ty(*field)))
        }
        Op::Field(a, index) => {
            let fields = ty(*a).fields();
            let field =
                fields.get(*index as usize).ok_or_else(|| format!("{} has no field {index}", ty(*a)))?;
            equal(field, result)
        }
        Op::Element { tuple, index } => {
            let Type::Tuple(elements) = ty(*tuple) else {
                return Err(format!("{} is not a tuple", ty(*tuple)));
            };
            elements.iter().try_for_each(|element| equal(element, result))?;
            equal(&Type::INT64, ty(*index))
        }
        Op::Call { func, args, site } => {
            let callee = module
                .functions
                .get(func.0 as usize)
                .ok_or_else(|| format!("{func} is not in the module"))?;
            if site.is_some_and(|site| site.0 as usize >= module.sites.len()) {
                return Err("no such site in the table".to_owned());
            }
            arity(callee.params.len(), args.len())?;
            let types: Vec<&Type> = args.iter().map(|arg| ty(*arg)).collect();
            if !accepts(callee, &types) {
                return Err(format!("{func} takes arguments of other types"));
            }
            equal(&callee.ret, result)
        }
        Op::Intrinsic(intrinsic, args) => {
            let types: Vec<&Type> = args.iter().map(|arg| ty(*arg)).collect();
            check_intrinsic(*intrinsic, &types, result)
        }
        Op::Libm(name, args) => {
            suits(result, matches!(result, Type::Float(_)))?;
            if *result == Type::FLOAT32 && !name.ends_with('f') {
                return Err(format!("{name} is not a function on float32"));
            }
            args.iter().try_for_each(|arg| equal(result, ty(*arg)))
        }
        Op::Print(print, args) => {
            let print = module.prints.get(print.0 as usize).ok_or("no such entry in the table")?;
            let expected: Vec<&Type> = print
                .parts
                .iter()
                .filter_map(|part| match part {
                    PrintPart::Value(ty) => Some(ty),
                    PrintPart::Text(_) => None,
                })
                .collect();
            arity(expected.len(), args.len())?;
            expected.iter().zip(args).try_for_each(|(expected, arg)| equal(expected, ty(*arg)))?;
            equal(&Type::None, result)
        }
    }
}

/// Whether the parameters of `callee` have these types.
pub(super) fn accepts(callee: &Function, types: &[&Type]) -> bool {
    callee.params.len() == types.len()
        && callee
            .params
            .iter()
            .zip(types)
            .all(|(param, ty)| callee.values.get(param.0 as usize).is_some_and(|slot| slot.ty == **ty))
}

fn check_const(constant: Const, result: &Type) -> Result<(), String> {
    match (constant, result) {
        (Const::Unit, Type::None) | (Const::Bool(_), Type::Bool) | (Const::Float(_), Type::Float(_)) => {
            Ok(())
        }
        (Const::Unit, Type::Object(_, captured)) if captured.is_empty() => Ok(()),
        (Const::Int(value), Type::Int(int)) if int.wrap(value) == value => Ok(()),
        _ => Err(format!("not a constant of type {result}")),
    }
}

fn check_intrinsic(intrinsic: Intrinsic, args: &[&Type], result: &Type) -> Result<(), String> {
    let all_equal = || args.iter().try_for_each(|arg| equal(result, arg));
    let is_float = matches!(result, Type::Float(_));
    let is_int = matches!(result, Type::Int(_));
    match intrinsic {
        Intrinsic::Sqrt
        | Intrinsic::NearSqrt
        | Intrinsic::Fabs
        | Intrinsic::Floor
        | Intrinsic::Ceil
        | Intrinsic::Trunc
        | Intrinsic::Rint => {
            arity(1, args.len())?;
            suits(result, is_float)?;
            all_equal()
        }
        Intrinsic::ToInt => {
            arity(1, args.len())?;
            suits(args[0], matches!(args[0], Type::Float(_)))?;
            equal(&Type::INT64, result)
        }
        Intrinsic::CopySign => {
            arity(2, args.len())?;
            suits(result, is_float)?;
            all_equal()
        }
        Intrinsic::Fma | Intrinsic::MulAdd => {
            arity(3, args.len())?;
            suits(result, is_float)?;
            all_equal()
        }
        Intrinsic::ToBits => {
            arity(1, args.len())?;
            same_width(args[0], result)
        }
        Intrinsic::FromBits => {
            arity(1, args.len())?;
            same_width(result, args[0])
        }
        Intrinsic::LeadingZeros | Intrinsic::TrailingZeros | Intrinsic::PopCount => {
            arity(1, args.len())?;
            suits(result, is_int)?;
            all_equal()
        }
        Intrinsic::MulHigh => {
            arity(2, args.len())?;
            equal(&Type::UINT64, result)?;
            all_equal()
        }
        Intrinsic::AddOverflows | Intrinsic::SubOverflows | Intrinsic::MulOverflows => {
            arity(2, args.len())?;
            suits(args[0], matches!(args[0], Type::Int(_)))?;
            equal(args[0], args[1])?;
            equal(&Type::Bool, result)
        }
        Intrinsic::ThreadId | Intrinsic::NumThreads => {
            arity(0, args.len())?;
            equal(&Type::INT64, result)
        }
        Intrinsic::SetNumThreads => {
            arity(1, args.len())?;
            equal(&Type::INT64, args[0])?;
            equal(&Type::Bool, result)
        }
        Intrinsic::Unlikely => {
            arity(1, args.len())?;
            equal(&Type::Bool, result)?;
            all_equal()
        }
    }
}

fn same_width(float: &Type, int: &Type) -> Result<(), String> {
    match (float, int) {
        (Type::Float(FloatTy::F32), Type::Int(int)) if int.bits == 32 => Ok(()),
        (Type::Float(FloatTy::F64), Type::Int(int)) if int.bits == 64 => Ok(()),
        _ => Err(format!("{float} and {int} are not a float and an integer of one width")),
    }
}

fn equal(expected: &Type, given: &Type) -> Result<(), String> {
    if expected == given { Ok(()) } else { Err(format!("{given} stands where {expected} belongs")) }
}

fn suits(ty: &Type, it_does: bool) -> Result<(), String> {
    if it_does { Ok(()) } else { Err(format!("the operation is not one on {ty}")) }
}

fn arity(expected: usize, given: usize) -> Result<(), String> {
    if expected == given { Ok(()) } else { Err(format!("{given} operands where {expected} belong")) }
}
