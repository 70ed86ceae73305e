//! Numba's typing rules for scalars and what is built from them: arithmetic results and unification.
//!
//! Integer arithmetic follows numba's enhancement proposal 1: a result has at least 64 bits, and is unsigned only if
//! all operands are. Unification (what a variable becomes where two types meet) follows NumPy's promotion, so that
//! `int64` with `uint64` is `float64` there though their sum is `int64`.

use std::sync::Arc;

use ungil_ir::{FloatTy, IntTy, Type};

/// The type of an integer operation on operands of these types (a bool counts as a signed 8-bit integer).
pub(crate) fn integer_result(operands: &[&Type]) -> IntTy {
    let ints = operands.iter().map(|ty| match ty {
        Type::Int(int) => *int,
        _ => IntTy { bits: 8, signed: true },
    });
    let (bits, signed) =
        ints.fold((64, false), |(bits, signed), int| (int.bits.max(bits), signed | int.signed));
    IntTy { bits, signed }
}

/// The float type of an arithmetic operation when at least one operand is a float. Numba's: as they unify, but a `uint16`
/// counts as wide.
pub(crate) fn float_operation(a: &Type, b: &Type) -> FloatTy {
    if *a == Type::uint(16) || *b == Type::uint(16) { FloatTy::F64 } else { float_result(a, b) }
}

/// The float type that two real operands meet in when at least one is a float: NumPy's promotion.
pub(crate) fn float_result(a: &Type, b: &Type) -> FloatTy {
    let narrow = |ty: &Type| match ty {
        Type::Float(FloatTy::F32) | Type::Bool | Type::Complex(FloatTy::F32) => true,
        Type::Int(int) => int.bits <= 16,
        _ => false,
    };
    if narrow(a) && narrow(b) { FloatTy::F32 } else { FloatTy::F64 }
}

/// The one type that values of both types convert to, or none.
pub(crate) fn unify(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::None, Type::Optional(_)) => Some(b.clone()),
        (Type::Optional(_), Type::None) => Some(a.clone()),
        (Type::None, other) | (other, Type::None) => {
            can_be_optional(other).then(|| Type::Optional(Arc::new(other.clone())))
        }
        (Type::Optional(x), Type::Optional(y)) => Some(Type::Optional(Arc::new(unify(x, y)?))),
        (Type::Optional(x), y) | (y, Type::Optional(x)) => Some(Type::Optional(Arc::new(unify(x, y)?))),
        (Type::Tuple(x), Type::Tuple(y)) if x.len() == y.len() => {
            let parts: Option<Vec<Type>> = x.iter().zip(y.iter()).map(|(x, y)| unify(x, y)).collect();
            Some(Type::tuple(parts?))
        }
        _ => unify_numbers(a, b),
    }
}

/// As [`unify`], but no value changes its type: an int and a float meet in a [`Type::Number`], and nothing else meets.
pub(crate) fn unify_exactly(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::None, Type::Optional(_)) => Some(b.clone()),
        (Type::Optional(_), Type::None) => Some(a.clone()),
        (Type::None, other) | (other, Type::None) => (can_be_optional(other) || *other == Type::Number)
            .then(|| Type::Optional(Arc::new(other.clone()))),
        (Type::Optional(x), Type::Optional(y)) => Some(Type::Optional(Arc::new(unify_exactly(x, y)?))),
        (Type::Optional(x), y) | (y, Type::Optional(x)) => {
            Some(Type::Optional(Arc::new(unify_exactly(x, y)?)))
        }
        (Type::Tuple(x), Type::Tuple(y)) if x.len() == y.len() => {
            let parts: Option<Vec<Type>> = x.iter().zip(y.iter()).map(|(x, y)| unify_exactly(x, y)).collect();
            Some(Type::tuple(parts?))
        }
        _ => {
            let is_part = |ty: &Type| *ty == Type::INT64 || *ty == Type::FLOAT64 || *ty == Type::Number;
            (is_part(a) && is_part(b)).then_some(Type::Number)
        }
    }
}

fn can_be_optional(ty: &Type) -> bool {
    ty.is_number() || matches!(ty, Type::Tuple(_))
}

fn unify_numbers(a: &Type, b: &Type) -> Option<Type> {
    if !a.is_number() || !b.is_number() {
        return None;
    }
    Some(match (a, b) {
        (Type::Complex(_), _) | (_, Type::Complex(_)) => Type::Complex(float_result(a, b)),
        (Type::Float(_), _) | (_, Type::Float(_)) => Type::Float(float_result(a, b)),
        (Type::Bool, other) | (other, Type::Bool) => other.clone(),
        (Type::Int(x), Type::Int(y)) => unify_integers(*x, *y),
        _ => return None,
    })
}

fn unify_integers(a: IntTy, b: IntTy) -> Type {
    if a.signed == b.signed {
        return Type::Int(IntTy { bits: a.bits.max(b.bits), signed: a.signed });
    }
    let (signed, unsigned) = if a.signed { (a, b) } else { (b, a) };
    if signed.bits > unsigned.bits {
        Type::Int(signed)
    } else if unsigned.bits < 64 {
        Type::int(unsigned.bits * 2)
    } else {
        Type::FLOAT64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_at_least_64_bits_wide() {
        assert_eq!(integer_result(&[&Type::int(8), &Type::int(8)]), IntTy::I64);
        assert_eq!(integer_result(&[&Type::Bool, &Type::Bool]), IntTy::I64);
        assert_eq!(integer_result(&[&Type::uint(8), &Type::uint(8)]), IntTy::U64);
        assert_eq!(integer_result(&[&Type::INT64, &Type::UINT64]), IntTy::I64);
    }

    #[test]
    fn a_uint16_is_wide_in_arithmetic_alone() {
        assert_eq!(float_operation(&Type::uint(16), &Type::FLOAT32), FloatTy::F64);
        assert_eq!(float_operation(&Type::FLOAT32, &Type::int(16)), FloatTy::F32);
        assert_eq!(float_result(&Type::uint(16), &Type::FLOAT32), FloatTy::F32);
    }

    #[test]
    fn unification_is_numpy_promotion() {
        assert_eq!(unify(&Type::INT64, &Type::UINT64), Some(Type::FLOAT64));
        assert_eq!(unify(&Type::int(8), &Type::uint(8)), Some(Type::int(16)));
        assert_eq!(unify(&Type::int(32), &Type::FLOAT32), Some(Type::FLOAT64));
        assert_eq!(unify(&Type::int(16), &Type::FLOAT32), Some(Type::FLOAT32));
        assert_eq!(unify(&Type::Bool, &Type::int(8)), Some(Type::int(8)));
        assert_eq!(unify(&Type::COMPLEX64, &Type::INT64), Some(Type::COMPLEX128));
        assert_eq!(unify(&Type::INT64, &Type::tuple([Type::INT64])), None);
        assert_eq!(unify(&Type::None, &Type::INT64), Some(Type::Optional(Arc::new(Type::INT64))));
    }

    #[test]
    fn exact_unification_changes_no_value() {
        assert_eq!(unify_exactly(&Type::INT64, &Type::FLOAT64), Some(Type::Number));
        assert_eq!(unify_exactly(&Type::Number, &Type::INT64), Some(Type::Number));
        assert_eq!(unify_exactly(&Type::Bool, &Type::INT64), None);
        assert_eq!(unify_exactly(&Type::Bool, &Type::Number), None);
        let optional = |ty: Type| Type::Optional(Arc::new(ty));
        assert_eq!(unify_exactly(&optional(Type::INT64), &Type::FLOAT64), Some(optional(Type::Number)));
        assert_eq!(
            unify_exactly(&Type::tuple([Type::INT64, Type::Bool]), &Type::tuple([Type::FLOAT64, Type::Bool])),
            Some(Type::tuple([Type::Number, Type::Bool]))
        );
    }
}
