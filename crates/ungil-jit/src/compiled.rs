//! [`Compiled`]: loaded code with the types, tables and effects that a caller needs.

use std::fmt;
use std::ptr;
use std::time::Duration;

use ungil_codegen::{Code, EntryFn, OptLevel, Timings};
use ungil_ir::ir::{self, FuncId};
use ungil_ir::layout::{Layout, layout, struct_layout};
use ungil_ir::{Type, ir::Module};
use ungil_rt::{Context, LongCall};

use crate::cache::CacheOutcome;
use crate::raised::{Raised, raised};
use crate::value::{self, Value, ValueError};

/// One function, compiled for the types of its parameters.
///
/// It may be called from any number of threads at once, and lives for as long as the code is needed.
pub struct Compiled {
    module: Module,
    entry: FuncId,
    params: Vec<Type>,
    args_layout: Layout,
    offsets: Vec<usize>,
    opt_level: OptLevel,
    front_duration: Duration,
    code: Code,
    cache_outcome: Option<CacheOutcome>,
}

impl Compiled {
    pub(crate) fn new(
        module: Module,
        front_duration: Duration,
        code: Code,
        opt_level: OptLevel,
        cache_outcome: Option<CacheOutcome>,
    ) -> Self {
        let entry = module.entry.expect("a module to be compiled has an entry");
        let function = module.function(entry);
        let params: Vec<Type> =
            function.params.iter().map(|param| function.value_type(*param).clone()).collect();
        let (args_layout, offsets) = struct_layout(&params);
        Self { module, entry, params, args_layout, offsets, opt_level, front_duration, code, cache_outcome }
    }

    /// The typed IR that it was made from.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The function itself, in [`Compiled::module`].
    pub fn function(&self) -> &ir::Function {
        self.module.function(self.entry)
    }

    /// Types of the parameters, in order.
    pub fn params(&self) -> &[Type] {
        &self.params
    }

    /// Type of the result.
    pub fn ret(&self) -> &Type {
        &self.function().ret
    }

    /// Size and alignment of the struct of the arguments.
    pub fn args_layout(&self) -> Layout {
        self.args_layout
    }

    /// Where each argument lies in that struct, in bytes.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Size and alignment of the result.
    pub fn ret_layout(&self) -> Layout {
        layout(self.ret())
    }

    /// Whether a call may run long: it must be made under a [`LongCall`], then, to be interruptible.
    ///
    /// The code itself says so: it may be over soon though the function has loops, when LLVM leaves none of them.
    pub fn is_long(&self) -> bool {
        self.code.is_long()
    }

    /// What the cache did; none if there was none to ask.
    pub fn cache_outcome(&self) -> Option<&CacheOutcome> {
        self.cache_outcome.as_ref()
    }

    /// How long the front end took, and each stage behind it.
    pub fn timings(&self) -> (Duration, Timings) {
        (self.front_duration, self.code.timings())
    }

    /// The machine code's entry, valid for as long as `self` is; [`Code::entry`] says what a call must hold to.
    pub fn entry(&self) -> EntryFn {
        self.code.entry()
    }

    /// LLVM's IR as text, before or after its passes.
    ///
    /// # Errors
    ///
    /// When the compiler is at fault.
    pub fn llvm(&self, optimised: bool) -> Result<String, ungil_codegen::Error> {
        ungil_codegen::emit_llvm(&self.module, &self.codegen_options(), optimised)
    }

    /// The assembly.
    ///
    /// # Errors
    ///
    /// When the compiler is at fault.
    pub fn assembly(&self) -> Result<String, ungil_codegen::Error> {
        ungil_codegen::emit_asm(&self.module, &self.codegen_options())
    }

    /// Calls the code with values, on this thread and, in its parallel loops, on those of the runtime's pool.
    ///
    /// # Errors
    ///
    /// What the function raised.
    ///
    /// # Panics
    ///
    /// If the number or a type of `args` differs from the parameters': [`Compiled::try_call`] reports that instead.
    pub fn call(&self, args: &[Value]) -> Result<Value, Raised> {
        self.try_call(args).expect("arguments of the parameters' types")
    }

    /// As [`Compiled::call`], with arguments checked.
    ///
    /// # Errors
    ///
    /// The outer for arguments that do not fit the parameters, the inner for what the function raised.
    ///
    /// # Panics
    ///
    /// If the code breaks its contract with the runtime: a fault of ours.
    pub fn try_call(&self, args: &[Value]) -> Result<Result<Value, Raised>, ValueError> {
        if args.len() != self.params.len() {
            return Err(ValueError::Count { expected: self.params.len(), given: args.len() });
        }
        let mut arguments = aligned(self.args_layout);
        let bytes = value::bytes_mut(&mut arguments);
        for ((arg, ty), offset) in args.iter().zip(&self.params).zip(&self.offsets) {
            value::write(arg, ty, &mut bytes[*offset..])?;
        }
        value::check_readable(self.ret())?;
        let mut result = aligned(self.ret_layout());
        let mut ctx = Context::new(ptr::null());
        let long_call = self.is_long().then(LongCall::enter);
        // SAFETY: the context lives through the call and belongs to it; both buffers have the sizes that the types
        // ask for and are aligned to 16, more than any type asks for; `self` keeps the code.
        let status =
            unsafe { self.entry()(&raw mut ctx, arguments.as_ptr().cast(), result.as_mut_ptr().cast()) };
        drop(long_call);
        if status == 0 {
            return Ok(Ok(value::read(self.ret(), value::bytes_mut(&mut result))));
        }
        let error = ctx.take_error().expect("code that returns 1 has reported an exception");
        Ok(Err(raised(&self.module, &error)))
    }

    /// What the runtime's ids of an exception and its sites stand for.
    pub fn raised(&self, error: &ungil_rt::Raised) -> Raised {
        raised(&self.module, error)
    }

    pub(crate) fn codegen_options(&self) -> ungil_codegen::Options {
        ungil_codegen::Options { opt_level: self.opt_level }
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("name", &self.function().name)
            .field("params", &self.params)
            .field("ret", self.ret())
            .finish_non_exhaustive()
    }
}

/// Zeroed memory for `layout`.
fn aligned(layout: Layout) -> Vec<u128> {
    const { assert!(align_of::<u128>() == 16) };
    vec![0; layout.size.div_ceil(size_of::<u128>())]
}
