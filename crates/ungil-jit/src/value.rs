//! [`Value`]: what goes into compiled code and comes out of it, and its bytes by [`ungil_ir::layout`].

use ungil_ir::layout::{layout, struct_layout};
use ungil_ir::{FloatTy, IntTy, Type};

/// An argument or a result.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An integer of any type.
    Int(i128),
    /// A float of any type.
    Float(f64),
    /// A complex number of any type.
    Complex(f64, f64),
    /// A tuple.
    Tuple(Vec<Value>),
}

/// Why a value cannot be passed or returned.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ValueError {
    /// The wrong number of arguments.
    #[error("the function takes {expected} arguments, and {given} were given")]
    Count {
        /// How many it takes.
        expected: usize,
        /// How many there were.
        given: usize,
    },
    /// A value of another type than the parameter's.
    #[error("`{value:?}` is no value of type `{ty}`")]
    Type {
        /// The value.
        value: Value,
        /// The parameter's type.
        ty: Type,
    },
    /// A type that has no [`Value`].
    #[error("a value of type `{0}` cannot leave compiled code")]
    Opaque(Type),
}

/// Writes `value` as a `ty` at the start of `bytes`.
pub(crate) fn write(value: &Value, ty: &Type, bytes: &mut [u8]) -> Result<(), ValueError> {
    let mut put = |part: &[u8]| bytes[..part.len()].copy_from_slice(part);
    match (value, ty) {
        (Value::None, Type::None) => {}
        (Value::Bool(value), Type::Bool) => put(&[u8::from(*value)]),
        (Value::Int(value), Type::Int(int)) if fits(*int, *value) => {
            put(&value.to_le_bytes()[..int.bytes()]);
        }
        (Value::Float(value), Type::Float(float)) => put(float_bytes(*value, *float).as_slice()),
        (Value::Complex(real, imag), Type::Complex(float)) => {
            put(&[float_bytes(*real, *float), float_bytes(*imag, *float)].concat());
        }
        (Value::Tuple(values), Type::Tuple(types)) if values.len() == types.len() => {
            let (_, offsets) = struct_layout(types);
            for ((value, ty), offset) in values.iter().zip(types.iter()).zip(offsets) {
                write(value, ty, &mut bytes[offset..])?;
            }
        }
        (Value::None, Type::Optional(_)) => put(&[0]),
        (value, Type::Optional(inner)) => {
            put(&[1]);
            let (_, offsets) = struct_layout(&ty.fields());
            write(value, inner, &mut bytes[offsets[1]..])?;
        }
        _ => return Err(ValueError::Type { value: value.clone(), ty: ty.clone() }),
    }
    Ok(())
}

fn fits(int: IntTy, value: i128) -> bool {
    (int.min()..=int.max()).contains(&value)
}

/// Fails for a type that [`read`] cannot read.
pub(crate) fn check_readable(ty: &Type) -> Result<(), ValueError> {
    match ty {
        Type::None | Type::Bool | Type::Int(_) | Type::Float(_) | Type::Complex(_) | Type::Number => Ok(()),
        Type::Tuple(parts) => parts.iter().try_for_each(check_readable),
        Type::Optional(inner) => check_readable(inner),
        _ => Err(ValueError::Opaque(ty.clone())),
    }
}

/// Reads the `ty`, a readable one, at the start of `bytes`.
pub(crate) fn read(ty: &Type, bytes: &[u8]) -> Value {
    match ty {
        Type::Bool => Value::Bool(bytes[0] != 0),
        Type::Int(int) => Value::Int(read_int(*int, bytes)),
        Type::Float(float) => Value::Float(read_float(*float, bytes)),
        Type::Complex(float) => {
            Value::Complex(read_float(*float, bytes), read_float(*float, &bytes[float.bytes()..]))
        }
        Type::Tuple(types) => {
            let (_, offsets) = struct_layout(types);
            Value::Tuple(types.iter().zip(offsets).map(|(ty, offset)| read(ty, &bytes[offset..])).collect())
        }
        Type::Optional(inner) if bytes[0] != 0 => read(inner, &bytes[layout(inner).align..]),
        Type::Number => {
            let parts = ty.fields();
            let (_, offsets) = struct_layout(&parts);
            let which = if bytes[0] != 0 { 1 } else { 2 };
            read(&parts[which], &bytes[offsets[which]..])
        }
        _ => Value::None,
    }
}

/// The memory of a buffer, as bytes.
pub(crate) fn bytes_mut(buffer: &mut [u128]) -> &mut [u8] {
    // SAFETY: every byte of a `u128` is initialised, any byte pattern is one, and a `u8` needs no alignment.
    unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), size_of_val(buffer)) }
}

fn float_bytes(value: f64, float: FloatTy) -> Vec<u8> {
    match float {
        FloatTy::F32 => (value as f32).to_ne_bytes().to_vec(),
        FloatTy::F64 => value.to_ne_bytes().to_vec(),
    }
}

fn read_int(int: IntTy, bytes: &[u8]) -> i128 {
    let mut wide = [0; 16];
    wide[..int.bytes()].copy_from_slice(&bytes[..int.bytes()]);
    int.wrap(i128::from_le_bytes(wide))
}

fn read_float(float: FloatTy, bytes: &[u8]) -> f64 {
    match float {
        FloatTy::F32 => f32::from_ne_bytes(first(bytes)).into(),
        FloatTy::F64 => f64::from_ne_bytes(first(bytes)),
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("a buffer holds its type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pair = |a, b| Type::tuple([a, b]);
        let cases = [
            (Value::None, Type::None),
            (Value::Bool(true), Type::Bool),
            (Value::Int(-128), Type::int(8)),
            (Value::Int(u64::MAX.into()), Type::UINT64),
            (Value::Float(0.5), Type::FLOAT32),
            (Value::Float(-0.1), Type::FLOAT64),
            (Value::Complex(1.5, -2.0), Type::COMPLEX64),
            (Value::Complex(0.1, 0.2), Type::COMPLEX128),
            (Value::None, Type::Optional(Type::INT64.into())),
            (Value::Int(7), Type::Optional(Type::int(16).into())),
            (
                Value::Tuple(vec![Value::Bool(false), Value::Tuple(vec![Value::Int(9), Value::Float(2.0)])]),
                pair(Type::Bool, pair(Type::uint(8), Type::FLOAT64)),
            ),
        ];
        for (value, ty) in cases {
            let mut buffer = vec![u128::MAX; 4];
            write(&value, &ty, bytes_mut(&mut buffer)).expect("a value of the type");
            assert_eq!(read(&ty, bytes_mut(&mut buffer)), value, "{ty}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let cases = [
            (Value::Int(128), Type::int(8)),
            (Value::Int(-1), Type::UINT64),
            (Value::Int(1), Type::FLOAT64),
            (Value::Tuple(vec![]), Type::tuple([Type::Bool])),
        ];
        for (value, ty) in cases {
            let mut buffer = vec![0; 4];
            let error = write(&value, &ty, bytes_mut(&mut buffer)).expect_err("refused");
            assert_eq!(error, ValueError::Type { value, ty });
        }
    }
}
