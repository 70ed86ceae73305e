//! The types of the language, with numba's names.
//!
//! A [`Type`] is a cheap value: it is cloned and compared freely (shared parts are behind [`Arc`]). Every value that
//! compiled code handles has one. A compile-time object (a function, a module, a string) is a type too, with no
//! representation at run time but what a closure captured: a call through it is resolved while compiling, and a
//! function that takes one as an argument is specialised for it.

use std::fmt;
use std::sync::Arc;

/// An integer type: its width and whether it has a sign.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct IntTy {
    /// Width in bits: 8, 16, 32 or 64.
    pub bits: u8,
    /// Two's complement if true, else modulo `2**bits`.
    pub signed: bool,
}

impl IntTy {
    /// `int64`, the type of Python's `int` in compiled code.
    pub const I64: Self = Self { bits: 64, signed: true };
    /// `uint64`.
    pub const U64: Self = Self { bits: 64, signed: false };

    /// Size in bytes.
    pub const fn bytes(self) -> usize {
        self.bits as usize / 8
    }

    /// The least value.
    pub const fn min(self) -> i128 {
        if self.signed { -(1_i128 << (self.bits - 1)) } else { 0 }
    }

    /// The greatest value.
    pub const fn max(self) -> i128 {
        if self.signed { (1_i128 << (self.bits - 1)) - 1 } else { (1_i128 << self.bits) - 1 }
    }

    /// `value` modulo `2**bits`, as this type reads the bits.
    ///
    /// ```
    /// use ungil_ir::IntTy;
    /// assert_eq!(IntTy { bits: 8, signed: true }.wrap(200), -56);
    /// ```
    pub const fn wrap(self, value: i128) -> i128 {
        let low = value & ((1_i128 << self.bits) - 1);
        if low > self.max() { low - (1_i128 << self.bits) } else { low }
    }
}

impl fmt::Display for IntTy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}int{}", if self.signed { "" } else { "u" }, self.bits)
    }
}

/// A binary floating-point type of IEEE 754.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum FloatTy {
    /// binary32.
    F32,
    /// binary64, Python's `float`.
    F64,
}

impl FloatTy {
    /// Size in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// The identity of a compile-time object; what it stands for is the front end's to know.
///
/// Ids are unique for the life of the process and are never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ObjectId(pub u64);

/// A type of the language.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// The type of `None`; no representation.
    None,
    /// `True` or `False`.
    Bool,
    /// A fixed-width integer.
    Int(IntTy),
    /// A floating-point number.
    Float(FloatTy),
    /// A complex number with two components of the given type; lies in memory as `(real, imag)`.
    Complex(FloatTy),
    /// A tuple; lies in memory as a C struct of its elements.
    Tuple(Arc<[Type]>),
    /// A value or `None`; lies in memory as `(present: bool, value)`.
    Optional(Arc<Type>),
    /// An `int64` or a `float64`, and only a run tells which; lies in memory as `(is_int: bool, int64, float64)`. What
    /// two ways into a join make where Python's meaning is asked for, which keeps the two apart.
    Number,
    /// A `range`; lies in memory as `(start, stop, step)`.
    Range(IntTy),
    /// `enumerate(iterable, start)`; lies in memory as `(iterable, start: int64)`.
    Enumerate(Arc<Type>),
    /// `zip(iterables…)`; lies in memory as a struct of them.
    Zip(Arc<[Type]>),
    /// `reversed(sequence)`; lies in memory as a struct of the one.
    Reversed(Arc<Type>),
    /// A compile-time object, with the types of what it captured (a closure's free variables).
    Object(ObjectId, Arc<[Type]>),
}

impl Type {
    /// `int64`.
    pub const INT64: Self = Self::Int(IntTy::I64);
    /// `uint64`.
    pub const UINT64: Self = Self::Int(IntTy::U64);
    /// `float32`.
    pub const FLOAT32: Self = Self::Float(FloatTy::F32);
    /// `float64`.
    pub const FLOAT64: Self = Self::Float(FloatTy::F64);
    /// `complex64`.
    pub const COMPLEX64: Self = Self::Complex(FloatTy::F32);
    /// `complex128`.
    pub const COMPLEX128: Self = Self::Complex(FloatTy::F64);

    /// A signed integer type of 8, 16, 32 or 64 bits.
    pub const fn int(bits: u8) -> Self {
        Self::Int(IntTy { bits, signed: true })
    }

    /// An unsigned integer type of 8, 16, 32 or 64 bits.
    pub const fn uint(bits: u8) -> Self {
        Self::Int(IntTy { bits, signed: false })
    }

    /// A tuple type.
    pub fn tuple(elements: impl IntoIterator<Item = Self>) -> Self {
        Self::Tuple(elements.into_iter().collect())
    }

    /// An object that captured nothing.
    pub fn object(id: ObjectId) -> Self {
        Self::Object(id, Arc::from([]))
    }

    /// The scalar type that numba calls `name` (`"int64"`, `"float32"`, `"boolean"`, `"i8"`, …), if there is one.
    ///
    /// Takes numba's long names, its C names (`"intc"`, `"double"`, …) and its short ones (a letter and a size in
    /// bytes). C names have the widths of 64-bit Unix.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" | "void" => Self::None,
            "bool" | "boolean" | "bool_" | "b1" => Self::Bool,
            "int8" | "char" | "i1" => Self::int(8),
            "uint8" | "byte" | "uchar" | "u1" => Self::uint(8),
            "int16" | "short" | "i2" => Self::int(16),
            "uint16" | "ushort" | "u2" => Self::uint(16),
            "int32" | "intc" | "i4" => Self::int(32),
            "uint32" | "uintc" | "u4" => Self::uint(32),
            "int64" | "intp" | "int_" | "long_" | "longlong" | "ssize_t" | "i8" => Self::INT64,
            "uint64" | "uintp" | "uint" | "ulong" | "ulonglong" | "size_t" | "u8" => Self::UINT64,
            "float32" | "float_" | "f4" => Self::FLOAT32,
            "float64" | "double" | "f8" => Self::FLOAT64,
            "complex64" | "c8" => Self::COMPLEX64,
            "complex128" | "c16" => Self::COMPLEX128,
            _ => return None,
        })
    }

    /// Whether values are numbers of one type: a bool, an integer, a float or a complex.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Bool | Self::Int(_) | Self::Float(_) | Self::Complex(_))
    }

    /// Whether values have parts that [`crate::ir::Op::Field`] reads.
    pub const fn is_aggregate(&self) -> bool {
        !matches!(self, Self::None | Self::Bool | Self::Int(_) | Self::Float(_))
    }

    /// The types of the parts, in the order in which they lie in memory; empty for a scalar.
    pub fn fields(&self) -> Vec<Self> {
        match self {
            Self::None | Self::Bool | Self::Int(_) | Self::Float(_) => Vec::new(),
            Self::Complex(part) => vec![Self::Float(*part); 2],
            Self::Tuple(parts) | Self::Zip(parts) | Self::Object(_, parts) => parts.to_vec(),
            Self::Optional(inner) => vec![Self::Bool, (**inner).clone()],
            Self::Number => vec![Self::Bool, Self::INT64, Self::FLOAT64],
            Self::Range(int) => vec![Self::Int(*int); 3],
            Self::Enumerate(inner) => vec![(**inner).clone(), Self::INT64],
            Self::Reversed(inner) => vec![(**inner).clone()],
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self]| {
            parts.iter().enumerate().try_for_each(|(position, part)| {
                if position > 0 {
                    f.write_str(", ")?;
                }
                part.fmt(f)
            })
        };
        match self {
            Self::None => f.write_str("none"),
            Self::Bool => f.write_str("bool"),
            Self::Int(int) => int.fmt(f),
            Self::Float(float) => write!(f, "float{}", float.bytes() * 8),
            Self::Complex(part) => write!(f, "complex{}", part.bytes() * 16),
            Self::Tuple(parts) if parts.len() > 1 && parts.iter().all(|part| *part == parts[0]) => {
                write!(f, "UniTuple({} x {})", parts[0], parts.len())
            }
            Self::Tuple(parts) => {
                f.write_str("Tuple(")?;
                list(f, parts)?;
                f.write_str(")")
            }
            Self::Optional(inner) => write!(f, "OptionalType({inner})"),
            Self::Number => f.write_str("number"),
            Self::Range(int) => write!(f, "range_state_{int}"),
            Self::Enumerate(inner) => write!(f, "enumerate({inner})"),
            Self::Zip(parts) => {
                f.write_str("zip(")?;
                list(f, parts)?;
                f.write_str(")")
            }
            Self::Reversed(inner) => write!(f, "reversed({inner})"),
            Self::Object(id, captured) if captured.is_empty() => write!(f, "object#{}", id.0),
            Self::Object(id, captured) => {
                write!(f, "object#{}[", id.0)?;
                list(f, captured)?;
                f.write_str("]")
            }
        }
    }
}
