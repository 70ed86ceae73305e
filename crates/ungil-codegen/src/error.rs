//! What can go wrong while compiling typed IR; never the user's fault.

use std::fmt;

use inkwell::builder::BuilderError;

/// Why a module could not be compiled or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module breaks a rule of [`ungil_ir::ir`].
    #[error("malformed typed IR: {0}")]
    Malformed(String),
    /// LLVM refused, at the stage named.
    #[error("LLVM could not {stage}: {message}")]
    Llvm {
        /// What it was to do.
        stage: &'static str,
        /// Its own words.
        message: String,
    },
}

impl Error {
    pub(crate) fn llvm(stage: &'static str, message: impl fmt::Display) -> Self {
        Self::Llvm { stage, message: message.to_string() }
    }
}

impl From<BuilderError> for Error {
    fn from(error: BuilderError) -> Self {
        Self::llvm("build an instruction", error)
    }
}
