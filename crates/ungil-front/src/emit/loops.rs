//! `for` over ranges, tuples and what is made of them, and `prange`.
//!
//! Everything that can be iterated has a length and an element at each index, so every `for` is one counted loop.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{self, BinaryOp as Machine, CompareOp, Op, StmtKind as Ir};
use ungil_ir::{FloatTy, IntTy, Type};

use super::origin::{Finding, Origin};
use super::{Emitter, Val};
use crate::hir;
use crate::prange::{self, ReduceOp, Role};
use crate::session::Key;

impl Emitter<'_, '_> {
    /// Emits a loop.
    pub(super) fn for_loop(&mut self, each: &hir::For, span: Span) -> Option<()> {
        let iterable = self.val(each.iterable);
        let len = iterable.as_ref().and_then(|iterable| self.len_of(iterable, each.place));
        let parallel = if each.prange && self.options.parallel { self.parallel(each) } else { None };
        let index = self.fresh(Type::INT64, &"".into());
        let (body, ()) = self.nested(|this| {
            if let Some(iterable) = &iterable {
                let index =
                    Val { ty: Type::INT64, id: index, known: None, parts: None, origin: Origin::Unknown };
                let element = this.element_of(iterable, &index, each.place);
                let element = element.and_then(|element| this.named(each.element, element, each.place));
                let origin = Origin::Expr(each.element);
                this.vals[each.element.0 as usize] = element.map(|element| Val { origin, ..element });
            }
            this.stmts(&each.body);
        });
        let label = ir::Label(each.label.0);
        let len = len?.id;
        self.span = span;
        self.push(Ir::For(ir::ForLoop { label, index, len, body, parallel }));
        Some(())
    }

    /// `len(iterable)`, an `int64`.
    pub(super) fn len_of(&mut self, iterable: &Val, span: Span) -> Option<Val> {
        match &iterable.ty {
            Type::Tuple(parts) => Some(self.i64(parts.len() as i128)),
            Type::Range(_) => self.range_len(iterable),
            Type::Enumerate(_) | Type::Reversed(_) => {
                let inner = self.field(iterable, 0);
                self.len_of(&inner, span)
            }
            Type::Zip(parts) => {
                let mut shortest: Option<Val> = None;
                for index in 0..parts.len() {
                    let part = self.field(iterable, index);
                    let len = self.len_of(&part, span)?;
                    shortest = Some(match shortest {
                        None => len,
                        Some(shortest) => {
                            let less = self.cmp(CompareOp::Lt, &len, &shortest);
                            self.choose(&less, &len, &shortest)
                        }
                    });
                }
                Some(shortest.unwrap_or_else(|| self.i64(0)))
            }
            other => {
                let name = self.type_name(other);
                let error = self
                    .typing("not-iterable", span, format!("{name} cannot be iterated"))
                    .with_text(format!("goes through {name}"))
                    .with_help(if other.is_number() {
                        "to count up to a number, write `range(n)`"
                    } else {
                        "iterate a `range`, a tuple, or `enumerate`, `zip` or `reversed` of these"
                    });
                self.report_on(error, &[iterable])
            }
        }
    }

    /// The element at an index known to be within the length.
    fn element_of(&mut self, iterable: &Val, index: &Val, span: Span) -> Option<Val> {
        match &iterable.ty {
            Type::Tuple(parts) if parts.is_empty() => None,
            Type::Tuple(_) => {
                let Some((element, _)) = Self::uniform(&iterable.ty) else {
                    let name = self.type_name(&iterable.ty);
                    let error = self
                        .typing("not-iterable", span, format!("{name} cannot be iterated"))
                        .with_text("its elements have different types")
                        .with_help("make them of one type, `(1.0, 2.5)`, or take it apart: `a, b = t`");
                    return self.report_on(error, &[iterable]);
                };
                Some(self.bind(element, Op::Element { tuple: iterable.id, index: index.id }))
            }
            Type::Range(_) => self.range_element(iterable, index),
            Type::Enumerate(_) => {
                let (inner, start) = (self.field(iterable, 0), self.field(iterable, 1));
                let element = self.element_of(&inner, index, span)?;
                let position = self.integer_sum(&start, index);
                let ty = Type::tuple([position.ty.clone(), element.ty.clone()]);
                Some(self.aggregate(ty, vec![position, element]))
            }
            Type::Zip(parts) => {
                let mut elements = Vec::new();
                for position in 0..parts.len() {
                    let part = self.field(iterable, position);
                    elements.push(self.element_of(&part, index, span)?);
                }
                let ty = Type::tuple(elements.iter().map(|element| element.ty.clone()));
                Some(self.aggregate(ty, elements))
            }
            Type::Reversed(_) => {
                let inner = self.field(iterable, 0);
                let len = self.len_of(&inner, span)?;
                let one = self.i64(1);
                let last = self.op2(Machine::Sub, &len, &one);
                let index = self.op2(Machine::Sub, &last, index);
                self.element_of(&inner, &index, span)
            }
            // `len_of` has said so already.
            _ => None,
        }
    }

    /// The number of elements, at most `2**63 - 1`: `(stop - start - 1) / step + 1` in unsigned arithmetic.
    fn range_len(&mut self, range: &Val) -> Option<Val> {
        let (start, stop, step) = (self.field(range, 0), self.field(range, 1), self.field(range, 2));
        let zero = self.zero(&step.ty);
        if !step.known_nonzero() {
            let bad = self.cmp(CompareOp::Eq, &step, &zero);
            self.raise_if(&bad, "ValueError", "range() arg 3 must not be zero");
        }
        let up = match (step.known_int(), &step.ty) {
            (Some(known), _) => self.bool(known > 0),
            _ => self.cmp(CompareOp::Gt, &step, &zero),
        };
        let (low, high, stride) = match up.known_bool() {
            Some(true) => (start, stop, step),
            Some(false) => {
                let stride = self.unary(ir::UnaryOp::Neg, &step);
                (stop, start, stride)
            }
            None => {
                let back = self.unary(ir::UnaryOp::Neg, &step);
                let low = self.choose(&up, &start, &stop);
                let high = self.choose(&up, &stop, &start);
                let stride = self.choose(&up, &step, &back);
                (low, high, stride)
            }
        };
        let nonempty = self.cmp(CompareOp::Gt, &high, &low);
        let distance = self.op2(Machine::Sub, &high, &low);
        let distance = self.convert(&distance, &Type::UINT64)?;
        let len = if stride.known_int() == Some(1) || range_is_unit(range) {
            distance
        } else {
            let stride = self.convert(&stride, &Type::UINT64)?;
            let one = self.int(IntTy::U64, 1);
            let before = self.op2(Machine::Sub, &distance, &one);
            let turns = self.op2(Machine::Quot, &before, &stride);
            self.op2(Machine::Add, &turns, &one)
        };
        let most = self.int(IntTy::U64, IntTy::I64.max());
        let beyond = self.cmp(CompareOp::Gt, &len, &most);
        if self.is_exact() {
            let beyond = self.op2(Machine::And, &beyond, &nonempty);
            self.hand_back_if(&beyond, "a range is longer than 64 bits count");
        }
        let len = self.choose(&beyond, &most, &len);
        let len = self.convert(&len, &Type::INT64)?;
        let none = self.i64(0);
        Some(self.choose(&nonempty, &len, &none))
    }

    /// `start + index * step`.
    pub(super) fn range_element(&mut self, range: &Val, index: &Val) -> Option<Val> {
        let (start, step) = (self.field(range, 0), self.field(range, 2));
        let index = self.convert(index, &start.ty)?;
        let offset = if step.known_int() == Some(1) { index } else { self.op2(Machine::Mul, &index, &step) };
        Some(if start.known_int() == Some(0) { offset } else { self.op2(Machine::Add, &start, &offset) })
    }

    /// What a parallel loop hands back; emits what must stand before it.
    fn parallel(&mut self, each: &hir::For) -> Option<ir::Parallel> {
        let function = std::sync::Arc::clone(&self.hir);
        let roles = match prange::classify(&function, each) {
            Ok(roles) => roles,
            Err(errors) => {
                self.findings.extend(errors.into_iter().map(Finding::from));
                return None;
            }
        };
        let mut parallel = ir::Parallel::default();
        for (var, role) in roles {
            match role {
                Role::Last => {
                    parallel.last.push(ir::VarId(var.0));
                    let heads = each.carried.iter().filter(|carried| carried.var == var);
                    self.dropped.extend(heads.map(|carried| carried.head));
                }
                Role::Reduction(op) => {
                    let Some(ty) = self.session.get(self.id).var_types[var.0 as usize].clone() else {
                        continue;
                    };
                    let Some(identity) = self.identity_of(op, &ty) else {
                        let name = std::sync::Arc::clone(&self.hir.vars[var.0 as usize].name);
                        let place = self.hir.values[each.element.0 as usize].span;
                        let type_name = self.type_name(&ty);
                        let error = self
                            .typing(
                                "prange-reduction",
                                place,
                                format!(
                                    "`{name}` of type {type_name} cannot be accumulated by `{}` in a `prange` loop",
                                    op.name()
                                ),
                            )
                            .with_help(match op {
                                ReduceOp::And | ReduceOp::Or => {
                                    format!("make `{name}` a bool before the loop, or use `range`")
                                }
                                _ => "accumulate numbers, or use `range`".to_owned(),
                            });
                        return self.report(error);
                    };
                    let combine = self.combine(op, &ty)?;
                    parallel.reductions.push(ir::Reduction {
                        var: ir::VarId(var.0),
                        identity: identity.id,
                        combine,
                    });
                }
            }
        }
        Some(parallel)
    }

    /// The function that joins two partial results of type `ty`.
    fn combine(&mut self, op: ReduceOp, ty: &Type) -> Option<ir::FuncId> {
        let object = self.session.combiner(op);
        let key =
            Key { object, captures: [].into(), params: vec![ty.clone(), ty.clone()], options: self.options };
        match self.session.code(object, self.code.owner, true) {
            Ok(code) => self.session.instance(key, &code, Some((self.id, self.span))).ok(),
            Err(errors) => {
                self.findings.extend(errors.into_iter().map(Finding::from));
                None
            }
        }
    }

    /// The value that an operation joins without effect.
    fn identity_of(&mut self, op: ReduceOp, ty: &Type) -> Option<Val> {
        Some(match (op, ty) {
            (ReduceOp::And, Type::Bool) => self.bool(true),
            (ReduceOp::Or | ReduceOp::BitOr | ReduceOp::BitXor, Type::Bool) => self.bool(false),
            (ReduceOp::BitAnd, Type::Bool) => self.bool(true),
            (ReduceOp::Max(_), Type::Bool) => self.bool(false),
            (ReduceOp::Min(_), Type::Bool) => self.bool(true),
            (ReduceOp::Add | ReduceOp::BitOr | ReduceOp::BitXor, Type::Int(int)) => self.int(*int, 0),
            (ReduceOp::Mul, Type::Int(int)) => self.int(*int, 1),
            (ReduceOp::BitAnd, Type::Int(int)) => self.int(*int, -1),
            (ReduceOp::Min(_), Type::Int(int)) => self.int(*int, (*int).max()),
            (ReduceOp::Max(_), Type::Int(int)) => self.int(*int, (*int).min()),
            // Adding +0.0 would turn -0.0 into 0.0.
            (ReduceOp::Add, Type::Float(_)) => self.float(ty, -0.0),
            (ReduceOp::Mul, Type::Float(_)) => self.float(ty, 1.0),
            (ReduceOp::Min(_), Type::Float(part)) => self.float(ty, self.greatest(*part)),
            (ReduceOp::Max(_), Type::Float(part)) => self.float(ty, -self.greatest(*part)),
            (ReduceOp::Add, Type::Complex(part)) => self.complex_constant(*part, -0.0, -0.0),
            (ReduceOp::Mul, Type::Complex(part)) => self.complex_constant(*part, 1.0, 0.0),
            _ => return None,
        })
    }

    /// What no float is greater than. Where the code may assume that there are no infinities, one must not bring any.
    const fn greatest(&self, part: FloatTy) -> f64 {
        match part {
            _ if !self.options.fastmath.ninf => f64::INFINITY,
            FloatTy::F32 => f32::MAX as f64,
            FloatTy::F64 => f64::MAX,
        }
    }

    fn complex_constant(&mut self, part: FloatTy, real: f64, imag: f64) -> Val {
        let float = Type::Float(part);
        let parts = vec![self.float(&float, real), self.float(&float, imag)];
        self.aggregate(Type::Complex(part), parts)
    }
}

/// Whether the step is known to be 1 or -1, so that the distance is the length.
fn range_is_unit(range: &Val) -> bool {
    range.parts.as_ref().and_then(|parts| parts[2].known_int()).is_some_and(|step| step.abs() == 1)
}
