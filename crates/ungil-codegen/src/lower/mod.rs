//! From the typed IR to LLVM's.
//!
//! Reading order: this file declares the functions of a unit and its entry; `function` lowers a body's statements,
//! `calls` calls and their failures, `loops` the loops and their polls, `index` an index that becomes a float,
//! `speculate` what loops do about rare cases, `ahead` what they compute before they run, `parallel` the parallel loops, `ops` and `casts` operations; `types` and
//! `memory` say how values look in registers and in memory; `runtime` names what the runtime offers; `cost` decides how
//! often a loop polls; `captures` what a parallel body needs from outside; `metadata` marks loops.
//!
//! Conventions of the code that is made:
//!
//! - Each function of the IR is `fastcc T @name(ptr ctx, args…)`, or `fastcc {i32, T}` if it may raise: status 0 and the
//!   result, or status 1 while the context holds the exception.
//! - A type without representation is `{}`; LLVM drops such values.
//! - The entry is `i32 @ungil_entry(ptr ctx, ptr args, ptr ret)`, the only name that the object exports. It is called
//!   `@ungil_brief_entry` instead once the passes have shown that no call of it runs long (see `long`).

mod ahead;
mod calls;
mod captures;
mod casts;
mod cost;
mod function;
mod index;
mod loops;
mod memory;
mod metadata;
mod ops;
mod parallel;
mod runtime;
mod speculate;
mod types;

use std::cell::Cell;
use std::ffi::CStr;

use inkwell::AddressSpace;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::context::Context;
use inkwell::module::{Linkage, Module};
use inkwell::targets::TargetMachine;
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum};
use inkwell::values::{BasicMetadataValueEnum, FunctionValue};
use ungil_ir::effects::{self, Effects};
use ungil_ir::ir;
use ungil_ir::layout::struct_layout;

use crate::{Error, target};
use cost::Costs;
use function::{Body, Exit};
use runtime::Runtime;
use speculate::Guards;

pub(crate) use runtime::{PARALLEL_FOR, POLL};

/// The name of an entry that may run long.
pub(crate) const ENTRY: &CStr = c"ungil_entry";
/// The name of an entry that is over soon.
pub(crate) const BRIEF_ENTRY: &CStr = c"ungil_brief_entry";

/// LLVM's number for its own calling convention, which returns structs in registers.
const FASTCC: u32 = 8;

/// What a module is lowered for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be run.
    Code,
    /// To be explained: its loops are marked (see `explain`).
    Explanation,
}

/// How loops are lowered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loops {
    /// To be run: they poll, and the parallel ones run on all threads.
    Run,
    /// To be taken away: they do neither. Such code may be run only if the passes leave no loop and no recursion of it.
    Bare,
}

/// The entry of a unit that has been lowered.
pub(crate) fn entry<'c>(llvm: &Module<'c>) -> FunctionValue<'c> {
    llvm.get_function(&ENTRY.to_string_lossy()).expect("every unit defines it")
}

/// Gives the entry of a unit the name of one that is over soon.
pub(crate) fn name_brief(llvm: &Module<'_>) {
    entry(llvm).as_global_value().set_name(&BRIEF_ENTRY.to_string_lossy());
}

/// The name of a function of the IR.
pub(crate) fn symbol(function: &ir::Function, id: ir::FuncId) -> String {
    format!("{}.{}", function.name, id.0)
}

/// Lowers `module` for the machine.
pub(crate) fn module<'c>(
    context: &'c Context,
    module: &ir::Module,
    machine: &TargetMachine,
    purpose: Purpose,
    loops: Loops,
) -> Result<Module<'c>, Error> {
    if cfg!(debug_assertions) {
        ungil_ir::verify::verify(module).map_err(|violations| Error::Malformed(violations.join("\n")))?;
    }
    let entry = module.entry.ok_or_else(|| Error::Malformed("there is no entry".into()))?;
    let llvm = context.create_module("ungil");
    llvm.set_triple(&machine.get_triple());
    llvm.set_data_layout(&machine.get_target_data().get_data_layout());
    let effects = effects::effects(module);
    let guards = Guards::of(module, &effects);
    let mut unit = Unit {
        context,
        ir: module,
        purpose,
        loops,
        effects,
        guards,
        costs: Costs::of(module),
        functions: Vec::new(),
        speculative: Vec::new(),
        runtime: Runtime::default(),
        n_outlined: Cell::new(0),
        llvm,
    };
    let ids = || (0..module.functions.len() as u32).map(ir::FuncId);
    unit.functions = ids().map(|id| unit.declare(id, Form::Plain)).collect();
    unit.speculative =
        ids().map(|id| unit.guards.function(id).then(|| unit.declare(id, Form::Speculative))).collect();
    for id in ids() {
        Body::lower(&unit, id, Form::Plain)?;
        if unit.guards.function(id) {
            Body::lower(&unit, id, Form::Speculative)?;
        }
    }
    unit.define_entry(entry)?;
    Ok(unit.llvm)
}

/// The two forms that a function may have (see `speculate`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is written.
    Plain,
    /// As if its guards were never true, noting at its last parameter whether one was.
    Speculative,
}

/// What the lowering of a module shares.
struct Unit<'c, 'm> {
    context: &'c Context,
    llvm: Module<'c>,
    ir: &'m ir::Module,
    purpose: Purpose,
    loops: Loops,
    effects: Vec<Effects>,
    costs: Costs,
    guards: Guards,
    /// Indexed as the IR's.
    functions: Vec<FunctionValue<'c>>,
    /// The second form of those that have one.
    speculative: Vec<Option<FunctionValue<'c>>>,
    runtime: Runtime<'c>,
    /// How many parallel bodies have been named.
    n_outlined: Cell<u32>,
}

impl<'c> Unit<'c, '_> {
    /// Declares a form of a function of the IR.
    fn declare(&self, id: ir::FuncId, form: Form) -> FunctionValue<'c> {
        let function = self.ir.function(id);
        let effects = self.effects[id.0 as usize];
        let params: Vec<BasicMetadataTypeEnum> = std::iter::once(self.ptr().into())
            .chain(function.params.iter().map(|param| self.ty(function.value_type(*param)).into()))
            .chain((form == Form::Speculative).then(|| self.ptr().into()))
            .collect();
        let ty = self.result_type(function, effects).fn_type(&params, false);
        let suffix = if form == Form::Speculative { ".speculative" } else { "" };
        let name = symbol(function, id) + suffix;
        let llvm = self.llvm.add_function(&name, ty, Some(Linkage::Internal));
        llvm.set_call_conventions(FASTCC);
        self.describe(llvm, function.options.fastmath);
        match function.options.inline {
            ir::Inline::Never => self.attribute(llvm, AttributeLoc::Function, "noinline"),
            // Nothing but the entry calls the function that it enters, unless that is recursive: what is inlined at once
            // is simplified once.
            inline if !effects.recursive && (inline == ir::Inline::Always || self.ir.entry == Some(id)) => {
                self.attribute(llvm, AttributeLoc::Function, "alwaysinline");
            }
            ir::Inline::Always | ir::Inline::Auto => {}
        }
        self.attribute(llvm, AttributeLoc::Param(0), "noalias");
        llvm
    }

    /// What a function returns: its result, with the status if it may raise.
    fn result_type(&self, function: &ir::Function, effects: Effects) -> BasicTypeEnum<'c> {
        let ret = self.ty(&function.ret);
        if effects.raises {
            self.context.struct_type(&[self.context.i32_type().into(), ret], false).into()
        } else {
            ret
        }
    }

    /// Says of a function with a body what holds for all of them.
    fn describe(&self, llvm: FunctionValue<'c>, fastmath: ir::FastMath) {
        let text = |key, value| {
            llvm.add_attribute(AttributeLoc::Function, self.context.create_string_attribute(key, value));
        };
        for (key, value) in target::function_attributes() {
            text(key, value);
        }
        // Some passes look at these and not at the instructions' flags; an inlined function keeps what both have.
        for (allowed, key) in [
            (fastmath.nnan, "no-nans-fp-math"),
            (fastmath.ninf, "no-infs-fp-math"),
            (fastmath.nsz, "no-signed-zeros-fp-math"),
        ] {
            if allowed {
                text(key, "true");
            }
        }
        self.attribute(llvm, AttributeLoc::Function, "nounwind");
        self.attribute(llvm, AttributeLoc::Param(0), "nonnull");
        self.attribute(llvm, AttributeLoc::Param(0), "noundef");
    }

    fn attribute(&self, llvm: FunctionValue<'c>, place: AttributeLoc, name: &str) {
        let kind = Attribute::get_named_enum_kind_id(name);
        debug_assert_ne!(kind, 0, "LLVM knows no attribute {name}");
        llvm.add_attribute(place, self.context.create_enum_attribute(kind, 0));
    }

    /// Defines the entry, which reads the arguments, calls `id` and writes the result.
    fn define_entry(&self, id: ir::FuncId) -> Result<(), Error> {
        let function = self.ir.function(id);
        let params = [self.ptr().into(); 3];
        let ty = self.context.i32_type().fn_type(&params, false);
        let llvm = self.llvm.add_function(&ENTRY.to_string_lossy(), ty, Some(Linkage::External));
        self.describe(llvm, function.options.fastmath);
        for place in [0, 1, 2].map(AttributeLoc::Param) {
            self.attribute(llvm, place, "noalias");
        }
        let mut body = Body::new(self, id, llvm, Exit::Bare);
        let [args_at, ret_at] =
            [1, 2].map(|n| llvm.get_nth_param(n).expect("it has three").into_pointer_value());
        let types: Vec<_> = function.params.iter().map(|param| function.value_type(*param).clone()).collect();
        let mut args: Vec<BasicMetadataValueEnum> = Vec::new();
        for (ty, offset) in types.iter().zip(struct_layout(&types).1) {
            args.push(body.load(args_at, offset, ty)?.into());
        }
        let result = body.call(id, &args, None)?;
        body.store(ret_at, 0, &function.ret, result)?;
        body.leave_with_success()?;
        body.finish()
    }

    fn ptr(&self) -> inkwell::types::PointerType<'c> {
        self.context.ptr_type(AddressSpace::default())
    }
}
