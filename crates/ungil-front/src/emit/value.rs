//! A typed value of the IR, with what is known of it while compiling.

use std::rc::Rc;

use ungil_ir::{Type, ir};

use super::origin::Origin;
use crate::host::Constant;

/// A typed value.
#[derive(Clone, Debug)]
pub(crate) struct Val {
    /// Its type.
    pub(crate) ty: Type,
    /// The value that holds it.
    pub(crate) id: ir::ValueId,
    /// What it is, if that is known: `None`, a bool, an integer, a float or a string.
    pub(crate) known: Option<Constant>,
    /// Its fields, if it is an aggregate that was put together in sight.
    pub(crate) parts: Option<Rc<[Val]>>,
    /// What it comes from, for diagnostics.
    pub(crate) origin: Origin,
}

impl Val {
    /// The integer that it is, if that is known.
    pub(crate) fn known_int(&self) -> Option<i128> {
        match &self.known {
            Some(Constant::Int(value)) => Some(*value),
            Some(Constant::Bool(value)) => Some(i128::from(*value)),
            _ => None,
        }
    }

    /// The bool that it is, if that is known.
    pub(crate) fn known_bool(&self) -> Option<bool> {
        match &self.known {
            Some(Constant::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is certainly not zero.
    pub(crate) fn known_nonzero(&self) -> bool {
        match &self.known {
            Some(Constant::Int(value)) => *value != 0,
            Some(Constant::Bool(value)) => *value,
            Some(Constant::Float(value)) => *value != 0.0,
            _ => false,
        }
    }
}
