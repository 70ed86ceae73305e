//! One LLVM function and the statements that it runs.
//!
//! A [`Body`] is positioned where the next instruction goes. Its first block holds nothing but stack slots: LLVM turns
//! those into registers only there. A statement list that ends in a jump leaves the builder behind that jump; whoever
//! lowered the list is told, and builds nothing there.

use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValue, BasicValueEnum, FastMathFlags, FloatValue, FunctionValue, PointerValue};
use rustc_hash::FxHashMap;
use ungil_ir::ir::{self, FastMath, FuncId, Intrinsic, Label, Op, Stmt, StmtKind, ValueId, VarId};

use super::ahead::Answers;
use super::{Form, Loops, Unit};
use crate::Error;

/// A function in the making.
pub(super) struct Body<'u, 'c, 'm> {
    pub(super) unit: &'u Unit<'c, 'm>,
    /// The function of the IR whose code this is, wholly or in part.
    pub(super) id: FuncId,
    pub(super) function: &'u ir::Function,
    pub(super) builder: Builder<'c>,
    pub(super) targets: Vec<Target<'c>>,
    /// Where to note that a guard was true, in a first run (see `speculate`).
    pub(super) speculating: Option<PointerValue<'c>>,
    /// Whether what is lowered runs seldom: its calls stay calls.
    pub(super) is_rare: bool,
    /// The conditions of guards, met so far.
    pub(super) guards: Vec<ValueId>,
    /// The indices of the loops around that are floats already (see `index`).
    pub(super) float_indices: FxHashMap<ValueId, FloatValue<'c>>,
    /// The calls that have been answered for all turns of the strip that is lowered (see `ahead`).
    pub(super) answers: Vec<Answers<'c>>,
    pub(super) values: Vec<Option<BasicValueEnum<'c>>>,
    llvm: FunctionValue<'c>,
    exit: Exit,
    slots: BasicBlock<'c>,
    start: BasicBlock<'c>,
    /// Where the function fails; made when first needed.
    failure: Option<BasicBlock<'c>>,
    /// Where it returns with a status; made when first needed.
    epilogue: Option<Epilogue<'c>>,
    vars: Vec<Option<PointerValue<'c>>>,
    fastmath: FastMathFlags,
}

/// How a function returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// With its result.
    Plain,
    /// With a status and its result.
    Status,
    /// With a status alone: entries and parallel bodies.
    Bare,
}

/// The end of a function that returns a status and a result.
#[derive(Clone, Copy)]
struct Epilogue<'c> {
    block: BasicBlock<'c>,
    status: PointerValue<'c>,
    result: PointerValue<'c>,
}

/// A block or loop that can be left.
pub(super) struct Target<'c> {
    pub(super) label: Label,
    pub(super) on_break: BasicBlock<'c>,
    /// None for a `Block`.
    pub(super) on_continue: Option<BasicBlock<'c>>,
    /// Whether any `Break` leaves it.
    pub(super) broken: bool,
}

/// Whether control reaches the end of what was lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Falls {
    Through,
    Never,
}

impl<'u, 'c, 'm> Body<'u, 'c, 'm> {
    /// Lowers a form of a whole function of the IR.
    pub(super) fn lower(unit: &'u Unit<'c, 'm>, id: FuncId, form: Form) -> Result<(), Error> {
        let index = id.0 as usize;
        let effects = unit.effects[index];
        let exit = if effects.raises { Exit::Status } else { Exit::Plain };
        let llvm = match form {
            Form::Plain => unit.functions[index],
            Form::Speculative => unit.speculative[index].expect("declared for what guards"),
        };
        let mut body = Self::new(unit, id, llvm, exit);
        if form == Form::Speculative {
            body.speculating = Some(body.param(body.function.params.len() as u32 + 1));
        }
        for (param, value) in body.function.params.iter().zip(body.llvm.get_param_iter().skip(1)) {
            body.bind(*param, value);
        }
        if effects.recursive {
            body.check_stack()?;
            body.poll()?;
        }
        if body.block(&body.function.body)? == Falls::Through {
            return Err(Error::Malformed(format!("`{}` ends without a return", body.function.name)));
        }
        body.finish()
    }

    /// An empty body for `llvm`.
    pub(super) fn new(unit: &'u Unit<'c, 'm>, id: FuncId, llvm: FunctionValue<'c>, exit: Exit) -> Self {
        let function = unit.ir.function(id);
        let slots = unit.context.append_basic_block(llvm, "slots");
        let start = unit.context.append_basic_block(llvm, "start");
        let builder = unit.context.create_builder();
        builder.position_at_end(start);
        Self {
            unit,
            id,
            function,
            builder,
            targets: Vec::new(),
            speculating: None,
            is_rare: false,
            guards: Vec::new(),
            float_indices: FxHashMap::default(),
            answers: Vec::new(),
            values: vec![None; function.values.len()],
            llvm,
            exit,
            slots,
            start,
            failure: None,
            epilogue: None,
            vars: vec![None; function.vars.len()],
            fastmath: flags(function.options.fastmath),
        }
    }

    /// Completes the function; every block of it has its jump by then.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.builder.position_at_end(self.slots);
        self.builder.build_unconditional_branch(self.start)?;
        Ok(())
    }

    pub(super) fn block(&mut self, block: &'u ir::Block) -> Result<Falls, Error> {
        for stmt in block {
            if self.stmt(stmt)? == Falls::Never {
                return Ok(Falls::Never);
            }
        }
        Ok(Falls::Through)
    }

    pub(super) fn stmt(&mut self, stmt: &'u Stmt) -> Result<Falls, Error> {
        match &stmt.kind {
            StmtKind::Let(value, _) if self.is_answered(*value) => {}
            StmtKind::Let(value, op) => {
                if matches!(op, Op::Intrinsic(Intrinsic::Unlikely, _)) {
                    self.guards.push(*value);
                }
                let result = self.op(op, self.function.value_type(*value))?;
                self.bind(*value, result);
            }
            StmtKind::Set(var, value) => {
                let slot = self.var(*var)?;
                self.builder.build_store(slot, self.value(*value)?)?;
            }
            StmtKind::If { cond, then, otherwise } => return self.branch(*cond, then, otherwise),
            StmtKind::Block { label, body } => {
                let end = self.append("end");
                self.targets.push(Target { label: *label, on_break: end, on_continue: None, broken: false });
                if self.block(body)? == Falls::Through {
                    self.builder.build_unconditional_branch(end)?;
                    self.target(*label)?.broken = true;
                }
                return self.leave_target(end);
            }
            StmtKind::Loop { label, body } => return self.endless(*label, body),
            StmtKind::For(looped) => match &looped.parallel {
                Some(parallel) if self.unit.loops == Loops::Run => self.parallel(looped, parallel)?,
                _ => self.count(looped)?,
            },
            StmtKind::Break(label) => {
                let target = self.target(*label)?;
                target.broken = true;
                let end = target.on_break;
                self.builder.build_unconditional_branch(end)?;
                return Ok(Falls::Never);
            }
            StmtKind::Continue(label) => {
                let next = self.target(*label)?.on_continue;
                let next = next.ok_or_else(|| Error::Malformed(format!("{label:?} is no loop")))?;
                self.builder.build_unconditional_branch(next)?;
                return Ok(Falls::Never);
            }
            StmtKind::Return(value) => {
                let value = self.value(*value)?;
                self.leave_with(value)?;
                return Ok(Falls::Never);
            }
            StmtKind::Raise(id) => {
                self.raise(id.0)?;
                return Ok(Falls::Never);
            }
        }
        Ok(Falls::Through)
    }

    fn branch(
        &mut self,
        cond: ValueId,
        then: &'u ir::Block,
        otherwise: &'u ir::Block,
    ) -> Result<Falls, Error> {
        let is_guard = self.guards.contains(&cond);
        if is_guard && self.speculating.is_some() {
            // The condition is false in this run; what is left out here need not be found dead later.
            return self.block(otherwise);
        }
        let cond = self.value(cond)?.into_int_value();
        let [then_block, else_block, join] = ["then", "else", "join"].map(|name| self.append(name));
        self.builder.build_conditional_branch(cond, then_block, else_block)?;
        let mut falls = Falls::Never;
        let was_rare = self.is_rare;
        for (block, at, is_rare) in [(then, then_block, is_guard), (otherwise, else_block, false)] {
            self.builder.position_at_end(at);
            self.is_rare = was_rare || is_rare;
            let block_falls = self.block(block)?;
            self.is_rare = was_rare;
            if block_falls == Falls::Through {
                self.builder.build_unconditional_branch(join)?;
                falls = Falls::Through;
            }
        }
        self.resume(join, falls)
    }

    /// Takes the innermost target off and goes on behind it, if anything leaves it.
    pub(super) fn leave_target(&mut self, end: BasicBlock<'c>) -> Result<Falls, Error> {
        let target = self.targets.pop().expect("pushed by the caller");
        self.resume(end, if target.broken { Falls::Through } else { Falls::Never })
    }

    /// Goes on at `at` if control falls there, and closes it otherwise.
    fn resume(&mut self, at: BasicBlock<'c>, falls: Falls) -> Result<Falls, Error> {
        self.builder.position_at_end(at);
        if falls == Falls::Never {
            self.builder.build_unreachable()?;
        }
        Ok(falls)
    }

    fn target(&mut self, label: Label) -> Result<&mut Target<'c>, Error> {
        let found = self.targets.iter_mut().rev().find(|target| target.label == label);
        found.ok_or_else(|| Error::Malformed(format!("{label:?} is not around its use")))
    }

    /// The block that leaves with status 1.
    pub(super) fn failure(&mut self) -> Result<BasicBlock<'c>, Error> {
        if let Some(failure) = self.failure {
            return Ok(failure);
        }
        let failure = self.append("failure");
        let builder = self.unit.context.create_builder();
        builder.position_at_end(failure);
        let status = self.unit.context.i32_type().const_int(1, false);
        match self.exit {
            Exit::Plain => return Err(Error::Malformed(format!("`{}` must not raise", self.function.name))),
            Exit::Bare => builder.build_return(Some(&status))?,
            Exit::Status => {
                let epilogue = self.epilogue()?;
                builder.build_store(epilogue.status, status)?;
                builder.build_unconditional_branch(epilogue.block)?
            }
        };
        self.failure = Some(failure);
        Ok(failure)
    }

    /// Where a function that may raise returns. There is one such place, so that status and result stay two values all the
    /// way: what is inlined then leaves a choice of constants for the status, which LLVM follows through its test.
    fn epilogue(&mut self) -> Result<Epilogue<'c>, Error> {
        if let Some(epilogue) = self.epilogue {
            return Ok(epilogue);
        }
        let (i32_type, ret) = (self.unit.context.i32_type(), self.unit.ty(&self.function.ret));
        let epilogue = Epilogue {
            block: self.append("return"),
            status: self.slot(i32_type, "status")?,
            result: self.slot(ret, "result")?,
        };
        let builder = self.unit.context.create_builder();
        builder.position_at_end(epilogue.block);
        let status = builder.build_load(i32_type, epilogue.status, "")?;
        let result = builder.build_load(ret, epilogue.result, "")?;
        let both = self.unit.context.struct_type(&[i32_type.into(), ret], false).get_poison();
        let both = builder.build_insert_value(both, status, 0, "")?;
        let both = builder.build_insert_value(both, result, 1, "")?.into_struct_value();
        builder.build_return(Some(&both))?;
        self.epilogue = Some(epilogue);
        Ok(epilogue)
    }

    fn leave_with(&mut self, value: BasicValueEnum<'c>) -> Result<(), Error> {
        match self.exit {
            Exit::Plain => self.builder.build_return(Some(&value))?,
            Exit::Status => {
                let epilogue = self.epilogue()?;
                self.builder.build_store(epilogue.status, self.unit.context.i32_type().const_zero())?;
                self.builder.build_store(epilogue.result, value)?;
                self.builder.build_unconditional_branch(epilogue.block)?
            }
            Exit::Bare => return Err(Error::Malformed("a return out of a parallel loop".into())),
        };
        Ok(())
    }

    /// Leaves a function that returns a status alone.
    pub(super) fn leave_with_success(&self) -> Result<(), Error> {
        self.builder.build_return(Some(&self.unit.context.i32_type().const_zero()))?;
        Ok(())
    }

    /// The context that the function was given.
    pub(super) fn ctx(&self) -> PointerValue<'c> {
        self.param(0)
    }

    /// A parameter that is a pointer.
    pub(super) fn param(&self, index: u32) -> PointerValue<'c> {
        self.llvm.get_nth_param(index).expect("the caller declared it").into_pointer_value()
    }

    pub(super) fn bind(&mut self, id: ValueId, value: BasicValueEnum<'c>) {
        self.values[id.0 as usize] = Some(value);
    }

    pub(super) fn value(&self, id: ValueId) -> Result<BasicValueEnum<'c>, Error> {
        self.values[id.0 as usize]
            .ok_or_else(|| Error::Malformed(format!("%{} is not bound at its use", id.0)))
    }

    /// The slot of a variable.
    pub(super) fn var(&mut self, id: VarId) -> Result<PointerValue<'c>, Error> {
        if let Some(slot) = self.vars[id.0 as usize] {
            return Ok(slot);
        }
        let slot =
            self.slot(self.unit.ty(self.function.var_type(id)), &self.function.vars[id.0 as usize].name)?;
        self.vars[id.0 as usize] = Some(slot);
        Ok(slot)
    }

    /// A new stack slot, for the whole run of the function.
    pub(super) fn slot(
        &self,
        ty: impl Into<BasicTypeEnum<'c>>,
        name: &str,
    ) -> Result<PointerValue<'c>, Error> {
        let builder = self.unit.context.create_builder();
        builder.position_at_end(self.slots);
        Ok(builder.build_alloca(ty.into(), name)?)
    }

    pub(super) fn append(&self, name: &str) -> BasicBlock<'c> {
        self.unit.context.append_basic_block(self.llvm, name)
    }

    /// Gives the function's liberties to the instruction that computes `value`, if they mean something there.
    pub(super) fn fast<V: BasicValue<'c> + Copy>(&self, value: V) -> V {
        if !self.fastmath.is_empty()
            && let Some(instruction) = value.as_instruction_value()
        {
            // An instruction that knows no such flags refuses them, and none are needed.
            let _ = instruction.set_fast_math_flags(self.fastmath);
        }
        value
    }
}

fn flags(fastmath: FastMath) -> FastMathFlags {
    [
        (fastmath.nnan, FastMathFlags::NoNaNs),
        (fastmath.ninf, FastMathFlags::NoInfs),
        (fastmath.nsz, FastMathFlags::NoSignedZeros),
        (fastmath.arcp, FastMathFlags::AllowReciprocal),
        (fastmath.contract, FastMathFlags::AllowContract),
        (fastmath.afn, FastMathFlags::ApproxFunc),
        (fastmath.reassoc, FastMathFlags::AllowReassoc),
    ]
    .into_iter()
    .fold(FastMathFlags::empty(), |all, (allowed, flag)| if allowed { all | flag } else { all })
}
