//! How often a loop has to poll, estimated from the length of its turns.
//!
//! A *unit* is about the time of one simple instruction. A loop runs at most [`BUDGET`] units between two polls, so that
//! one which does not last that long need not poll at all; what contains a loop of unknown length polls every turn.
//! So, whatever is nested in what, the time between two polls is bounded by a few budgets, well below the 100 ms in
//! which an interrupt must be obeyed.

use rustc_hash::FxHashMap;
use ungil_ir::ir::{self, BinaryOp, Block, Const, FuncId, Intrinsic, Module, Op, StmtKind, ValueId};

/// Units between two polls: guessed at 0.3 ms of plain arithmetic, 3 ms if the estimate is ten times too low.
const BUDGET: u64 = 1 << 20;
/// Turns between two polls at most: enough that what a loop does before and after its turns does not show, even where LLVM
/// leaves nothing of them.
const MAX_STRIP: u64 = 1 << 16;
/// Below that many turns, counting them costs more than polling each.
const MIN_STRIP: u64 = 16;

/// Units that are handed out together: some 20 times what handing them out costs.
const GRAIN: u64 = 1 << 10;
/// Turns that are handed out together at most: 16 vectors of 512 bits.
const MAX_GRAIN: u64 = 128;

/// Units of a short turn at most.
const SHORT: u64 = 24;

/// Units of a piece of code; none if there is no bound.
type Cost = Option<u64>;

/// What is known of the functions of a module.
pub(super) struct Costs {
    /// Of one call, indexed as the functions.
    functions: Vec<Cost>,
    /// The integer constants of each function.
    constants: Vec<FxHashMap<ValueId, i128>>,
}

/// When a loop polls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polls {
    /// It is over before it would have to.
    Never,
    /// After each turn.
    EachTurn,
    /// After each strip of that many turns.
    EachStrip(u64),
}

impl Costs {
    pub(super) fn of(module: &Module) -> Self {
        let constants = module.functions.iter().map(|function| constants(&function.body)).collect();
        let mut costs = Self { functions: vec![None; module.functions.len()], constants };
        let mut seen = vec![false; module.functions.len()];
        for index in 0..module.functions.len() {
            costs.visit(module, FuncId(index as u32), &mut seen);
        }
        costs
    }

    /// When a loop of function `id` polls; `len` is known for a `For`.
    pub(super) fn polls(&self, id: FuncId, len: Option<ValueId>, body: &Block) -> Polls {
        let Some(turn) = self.block(id, body) else { return Polls::EachTurn };
        let n_turns = len.and_then(|len| self.constant(id, len));
        if n_turns.is_some_and(|n_turns| n_turns.saturating_mul(turn) <= BUDGET) {
            return Polls::Never;
        }
        match (BUDGET / turn.max(1)).min(MAX_STRIP) {
            0..MIN_STRIP => Polls::EachTurn,
            strip => Polls::EachStrip(strip),
        }
    }

    /// Whether a turn of function `id` takes no longer than to call a function of two or three instructions and use its answer.
    pub(super) fn is_short(&self, id: FuncId, body: &Block) -> bool {
        self.block(id, body).is_some_and(|turn| turn <= SHORT)
    }

    /// How many turns of a parallel loop of function `id` are handed out together: as many as outweigh the handing out.
    ///
    /// Depends on the code alone, so that the same loop is cut in the same way every time.
    pub(super) fn grain(&self, id: FuncId, body: &Block) -> u64 {
        self.block(id, body).map_or(1, |turn| (GRAIN / turn.max(1)).clamp(1, MAX_GRAIN).next_power_of_two())
    }

    /// Computes the cost of a function after those of its callees; one that is reached again has no bound.
    fn visit(&mut self, module: &Module, id: FuncId, seen: &mut [bool]) {
        let index = id.0 as usize;
        if std::mem::replace(&mut seen[index], true) {
            return;
        }
        let body = &module.function(id).body;
        ir::walk(body, &mut |stmt| {
            if let StmtKind::Let(_, Op::Call { func, .. }) = &stmt.kind {
                self.visit(module, *func, seen);
            }
        });
        self.functions[index] = self.block(id, body);
    }

    fn block(&self, id: FuncId, block: &Block) -> Cost {
        block.iter().try_fold(0_u64, |sum, stmt| {
            let cost = match &stmt.kind {
                StmtKind::Let(_, op) => self.op(op)?,
                StmtKind::If { then, otherwise, .. } => {
                    1 + self.block(id, then)?.max(self.block(id, otherwise)?)
                }
                StmtKind::Block { body, .. } => self.block(id, body)?,
                StmtKind::For(looped) if looped.parallel.is_none() => {
                    let n_turns = self.constant(id, looped.len)?;
                    n_turns.saturating_mul(self.block(id, &looped.body)?)
                }
                StmtKind::Loop { .. } | StmtKind::For(_) => return None,
                StmtKind::Set(..) | StmtKind::Break(_) | StmtKind::Continue(_) => 0,
                StmtKind::Return(_) | StmtKind::Raise(_) => 1,
            };
            Some(sum.saturating_add(cost))
        })
    }

    fn op(&self, op: &Op) -> Cost {
        Some(match op {
            Op::Const(_) | Op::Get(_) | Op::Field(..) | Op::Aggregate(_) => 0,
            Op::Binary(BinaryOp::Div | BinaryOp::Quot | BinaryOp::Rem, ..)
            | Op::Intrinsic(Intrinsic::Sqrt | Intrinsic::NearSqrt, _) => 10,
            Op::Libm(..) => 50,
            Op::Call { func, .. } => self.functions[func.0 as usize]?.saturating_add(5),
            // The host may take its time.
            Op::Print(..) => return None,
            _ => 1,
        })
    }

    /// An integer constant of that function, as a number of turns.
    fn constant(&self, id: FuncId, value: ValueId) -> Option<u64> {
        self.constants[id.0 as usize].get(&value).map(|turns| u64::try_from(*turns).unwrap_or(0))
    }
}

fn constants(body: &Block) -> FxHashMap<ValueId, i128> {
    let mut found = FxHashMap::default();
    ir::walk(body, &mut |stmt| {
        if let StmtKind::Let(value, Op::Const(Const::Int(constant))) = &stmt.kind {
            found.insert(*value, *constant);
        }
    });
    found
}
