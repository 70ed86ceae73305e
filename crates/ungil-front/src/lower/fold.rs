//! Constants: literals, and arithmetic on integer literals, which Python's compiler evaluates in advance too.
//!
//! Folding decides meaning, not speed: `-2**63` and `10**18 * 9` are exact as in Python, where 64-bit arithmetic at run
//! time would wrap, and `2**-1` is the float that Python's compiler makes of it. Everything else is left to run.

use ruff_python_ast::{Expr as PyExpr, ExprNumberLiteral, Number, Operator, UnaryOp};
use ungil_ir::IntTy;

use crate::host::Constant;

/// An integer constant that fits neither `int64` nor `uint64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooLarge;

/// How many levels of arithmetic are folded.
const DEPTH: u32 = 16;

/// The value of a constant expression; none if it is not one.
pub(crate) fn constant(expr: &PyExpr) -> Result<Option<Constant>, TooLarge> {
    let folded = match expr {
        PyExpr::BooleanLiteral(literal) => Some(Constant::Bool(literal.value)),
        PyExpr::NoneLiteral(_) => Some(Constant::None),
        PyExpr::StringLiteral(literal) => Some(Constant::Str(literal.value.to_str().into())),
        PyExpr::NumberLiteral(_) | PyExpr::UnaryOp(_) | PyExpr::BinOp(_) => number(expr, DEPTH)?,
        _ => None,
    };
    match folded {
        Some(Constant::Int(value)) if value < IntTy::I64.min() || value > IntTy::U64.max() => Err(TooLarge),
        folded => Ok(folded),
    }
}

/// A number; integers may be larger than the language's.
fn number(expr: &PyExpr, depth: u32) -> Result<Option<Constant>, TooLarge> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
    Ok(match expr {
        PyExpr::NumberLiteral(literal) => Some(literal_number(literal)?),
        PyExpr::UnaryOp(op) => match (op.op, number(&op.operand, depth)?) {
            (UnaryOp::UAdd, value) => value,
            (UnaryOp::USub, Some(Constant::Int(value))) => {
                Some(Constant::Int(value.checked_neg().ok_or(TooLarge)?))
            }
            (UnaryOp::USub, Some(Constant::Float(value))) => Some(Constant::Float(-value)),
            (UnaryOp::USub, Some(Constant::Complex(re, im))) => Some(Constant::Complex(-re, -im)),
            (UnaryOp::Invert, Some(Constant::Int(value))) => Some(Constant::Int(!value)),
            _ => None,
        },
        PyExpr::BinOp(op) => match (number(&op.left, depth)?, number(&op.right, depth)?) {
            (Some(Constant::Int(a)), Some(Constant::Int(b))) => arithmetic(op.op, a, b)?,
            _ => None,
        },
        _ => None,
    })
}

fn literal_number(literal: &ExprNumberLiteral) -> Result<Constant, TooLarge> {
    match &literal.value {
        Number::Int(int) => integer(&int.to_string()).map(Constant::Int).ok_or(TooLarge),
        Number::Float(value) => Ok(Constant::Float(*value)),
        Number::Complex { real, imag } => Ok(Constant::Complex(*real, *imag)),
    }
}

/// An integer as the parser prints it: in decimal if it is small, else as it is written.
fn integer(text: &str) -> Option<i128> {
    let digits = text.replace('_', "").to_lowercase();
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, &*digits),
    };
    i128::from_str_radix(digits, radix).ok()
}

/// Python's arithmetic on integers; none where it raises or gives no integer, so that it happens at run time.
fn arithmetic(op: Operator, a: i128, b: i128) -> Result<Option<Constant>, TooLarge> {
    let exact = match op {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mult => a.checked_mul(b),
        Operator::FloorDiv | Operator::Mod if b == 0 => return Ok(None),
        Operator::FloorDiv => Some(floor_div(a, b)),
        Operator::Mod => floor_div(a, b).checked_mul(b).and_then(|whole| a.checked_sub(whole)),
        Operator::Pow if b < 0 => {
            // By the C library's `pow`, as Python does; below the least normal float it may report an error.
            let value = (a as f64).powf(b as f64);
            return Ok(value.is_normal().then_some(Constant::Float(value)));
        }
        Operator::Pow => power(a, b),
        Operator::LShift | Operator::RShift if b < 0 => return Ok(None),
        Operator::LShift if a == 0 => Some(0),
        Operator::LShift => {
            u32::try_from(b).ok().and_then(|b| 1_i128.checked_shl(b)).and_then(|b| a.checked_mul(b))
        }
        Operator::RShift => Some(a >> b.min(127)),
        Operator::BitOr => Some(a | b),
        Operator::BitXor => Some(a ^ b),
        Operator::BitAnd => Some(a & b),
        Operator::Div | Operator::MatMult => return Ok(None),
    };
    exact.map(|value| Some(Constant::Int(value))).ok_or(TooLarge)
}

const fn floor_div(a: i128, b: i128) -> i128 {
    let quotient = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

fn power(a: i128, b: i128) -> Option<i128> {
    match a {
        0 | 1 => Some(if b == 0 { 1 } else { a }),
        -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> Result<Option<Constant>, TooLarge> {
        constant(ruff_python_parser::parse_expression(text).expect("the test writes Python").expr())
    }

    #[test]
    fn integers_are_exact_and_bounded() {
        let int = |value| Ok(Some(Constant::Int(value)));
        assert_eq!(fold("-2**63"), int(-(1 << 63)));
        assert_eq!(fold("2**64 - 1"), int((1 << 64) - 1));
        assert_eq!(fold("-7 // 2"), int(-4));
        assert_eq!(fold("-7 % 3"), int(2));
        assert_eq!(fold("7 % -3"), int(-2));
        assert_eq!(fold("1 << 40 >> 38"), int(4));
        assert_eq!(fold("0 ** 0"), int(1));
        assert_eq!(fold("0x_ff"), int(255));
        assert_eq!(fold("2**64"), Err(TooLarge));
        assert_eq!(fold("10**1000"), Err(TooLarge));
        assert_eq!(fold("1 << 10000"), Err(TooLarge));
        assert_eq!(fold("-2**63 - 1"), Err(TooLarge));
        assert_eq!(fold("0x1_0000_0000_0000_0000 - 1"), int((1 << 64) - 1));
    }

    #[test]
    fn what_raises_or_is_inexact_is_left_to_run() {
        assert_eq!(fold("1 // 0"), Ok(None));
        assert_eq!(fold("1 << -1"), Ok(None));
        assert_eq!(fold("1.5 + 2"), Ok(None));
        assert_eq!(fold("0 ** -1"), Ok(None));
        assert_eq!(fold("2 ** -1"), Ok(Some(Constant::Float(0.5))));
        assert_eq!(fold("2 ** -1070"), Ok(None));
        assert_eq!(fold("-1.5"), Ok(Some(Constant::Float(-1.5))));
    }
}
