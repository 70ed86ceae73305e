//! Tuples and the attributes of values: indexing, slicing, taking apart.

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp, Op};

use super::origin::Origin;
use super::{Emitter, Val};
use crate::host::Object;
use crate::session::Entity;
use crate::suggest;

/// How many values, and things made of values, a thing may be made of, at every depth together. Far beyond real programs;
/// a tuple, a `zip` or what a function captures that doubles in each line or each call would take all memory.
const MAX_SIZE: usize = 2000;

impl Emitter<'_, '_> {
    /// `(parts…)`.
    pub(super) fn tuple(&mut self, parts: Vec<Val>, span: Span) -> Option<Val> {
        self.check_size("a tuple", &parts, span)?;
        let ty = Type::tuple(parts.iter().map(|part| part.ty.clone()));
        Some(self.aggregate(ty, parts))
    }

    /// Reports `what` if the parts that it is made of are too many.
    pub(super) fn check_size(&mut self, what: &str, parts: &[Val], span: Span) -> Option<()> {
        let size: usize = parts.iter().map(|part| size(&part.ty)).sum();
        if size <= MAX_SIZE {
            return Some(());
        }
        let error = self
            .unsupported("tuple-too-large", span, format!("{what} of {size} values is too large to compile"))
            .with_text(format!("at most {MAX_SIZE}, those of nested tuples included"))
            .with_help("every element of a tuple is a value of its own in compiled code; use a loop that needs no tuple");
        self.report(error)
    }

    /// `container[index]`.
    pub(super) fn index(&mut self, container: &Val, index: &Val, span: Span) -> Option<Val> {
        let index = &self.present(index);
        match (&container.ty, &index.ty) {
            (Type::Tuple(_) | Type::Range(_), Type::Int(_) | Type::Bool) => {}
            (Type::Tuple(_) | Type::Range(_), other) => {
                let name = self.type_name(other);
                let error = self.typing("index-type", span, format!("an index is an integer, not {name}"));
                let help = "convert it: `t[int(i)]`";
                return self.report_on(error.with_help(help), &[index]);
            }
            (other, _) => {
                let name = self.type_name(other);
                let error = self.typing("not-indexable", span, format!("{name} cannot be indexed"));
                let help = "tuples and ranges can; arrays are not supported yet";
                let error = error.with_text(format!("indexes {name}")).with_help(help);
                return self.report_on(error, &[container]);
            }
        }
        if let Type::Range(_) = container.ty {
            let len = self.len_of(container, span)?;
            let index = self.checked_index(index, &len, "range object index out of range")?;
            return self.range_element(container, &index);
        }
        let count = container.ty.fields().len();
        if let Some(known) = index.known_int() {
            let position = if known < 0 { known + count as i128 } else { known };
            if (0..count as i128).contains(&position) {
                return Some(self.field(container, position as usize));
            }
            let error = self
                .typing("index-range", span, format!("index {known} is out of range of a tuple of {count}"))
                .with_text(format!("this tuple has {count} elements"))
                .with_help(format!(
                    "indices go from 0 to {}, or from -{count} to -1",
                    count.saturating_sub(1)
                ));
            return self.report_on(error, &[container]);
        }
        if count == 0 {
            let error = self.typing("index-range", span, "an empty tuple has nothing to index");
            return self.report(error);
        }
        let Some((element, _)) = Self::uniform(&container.ty) else {
            let name = self.type_name(&container.ty);
            let error = self
                .typing("index-not-constant", span, format!("{name} needs a constant index"))
                .with_text("its elements have different types")
                .with_help("index it with a literal, or make all its elements of one type, `(1.0, 2.5)`");
            return self.report_on(error, &[container, index]);
        };
        let len = self.i64(count as i128);
        let index = self.checked_index(index, &len, "tuple index out of range")?;
        Some(self.bind(element, Op::Element { tuple: container.id, index: index.id }))
    }

    /// An index from 0, after `IndexError` has been raised for one outside `-len..len`.
    fn checked_index(&mut self, index: &Val, len: &Val, message: &str) -> Option<Val> {
        let index = self.convert(index, &Type::INT64)?;
        let zero = self.i64(0);
        let negative = self.cmp(CompareOp::Lt, &index, &zero);
        let from_end = self.op2(Machine::Add, &index, len);
        let index = self.choose(&negative, &from_end, &index);
        let low = self.cmp(CompareOp::Lt, &index, &zero);
        let high = self.cmp(CompareOp::Ge, &index, len);
        let outside = self.op2(Machine::Or, &low, &high);
        self.raise_if(&outside, "IndexError", message);
        Some(index)
    }

    /// `tuple[start:stop:step]` with constants.
    pub(super) fn slice(&mut self, container: &Val, bounds: [Option<&Val>; 3], span: Span) -> Option<Val> {
        let Type::Tuple(parts) = &container.ty else {
            let name = self.type_name(&container.ty);
            let error = self.typing("not-indexable", span, format!("{name} cannot be sliced"));
            return self.report_on(
                error.with_help("slices apply to tuples; arrays are not supported yet"),
                &[container],
            );
        };
        let mut known = [None; 3];
        for (bound, known) in bounds.iter().zip(&mut known) {
            if let Some(bound) = bound
                && bound.ty != Type::None
            {
                let Some(value) = bound.known_int() else {
                    let error = self.typing(
                        "index-not-constant",
                        span,
                        "the bounds of a tuple's slice must be literals",
                    );
                    let help =
                        "the length of a tuple is part of its type: loop over the indices that are wanted";
                    return self.report_on(error.with_help(help), &[bound]);
                };
                *known = Some(value);
            }
        }
        let step = known[2].unwrap_or(1);
        if step == 0 {
            let error = self.typing("slice-step", span, "the step of a slice cannot be zero");
            return self.report(error);
        }
        let indices = slice_indices(parts.len() as i128, known[0], known[1], step);
        let ty = Type::tuple(indices.iter().map(|index| parts[*index].clone()));
        let parts = indices.iter().map(|index| self.field(container, *index)).collect();
        Some(self.aggregate(ty, parts))
    }

    /// One of `count` names on the left of an assignment.
    pub(super) fn unpack(&mut self, value: &Val, index: u32, count: u32, span: Span) -> Option<Val> {
        let Type::Tuple(parts) = &value.ty else {
            let name = self.type_name(&value.ty);
            if index > 0 {
                return None;
            }
            let place = self.unpacked(value, span);
            let error = self
                .typing("not-unpackable", place, format!("{name} cannot be taken apart"))
                .with_text(format!("this is {name}, not a tuple"))
                .with_help(format!("assign a tuple of {count}, or use one name"));
            return self.report_on(error, &[value]);
        };
        if parts.len() != count as usize {
            if index > 0 {
                return None;
            }
            let error = self
                .typing(
                    "unpack-count",
                    self.unpacked(value, span),
                    format!("a tuple of {} is taken apart into {count} names", parts.len()),
                )
                .with_text(self.type_name(&value.ty))
                .with_help("write as many names as the tuple has elements, or take a slice of it");
            return self.report_on(error, &[value]);
        }
        Some(self.field(value, index as usize))
    }

    /// What to point at where a value is taken apart: the value, if it was computed there.
    fn unpacked(&self, value: &Val, target: Span) -> Span {
        let Origin::Expr(source) = value.origin else { return target };
        let place = self.hir.values[source.0 as usize].span;
        let file = &self.hir.file;
        if file.line(place.start) == file.line(target.start) { place } else { target }
    }

    /// `value.name`.
    pub(super) fn attribute(&mut self, value: &Val, name: &str, span: Span) -> Option<Val> {
        if self.is_exact() {
            self.check_attribute(value, name, span)?;
        }
        match (&value.ty, name) {
            (Type::Complex(_), "real") => return Some(self.field(value, 0)),
            (Type::Complex(_), "imag") => return Some(self.field(value, 1)),
            (Type::Int(_) | Type::Bool | Type::Float(_), "real") => return Some(value.clone()),
            (Type::Int(_) | Type::Bool | Type::Float(_), "imag") => return Some(self.zero(&value.ty)),
            (Type::Range(_), "start") => return Some(self.field(value, 0)),
            (Type::Range(_), "stop") => return Some(self.field(value, 1)),
            (Type::Range(_), "step") => return Some(self.field(value, 2)),
            (ty, "conjugate") if ty.is_number() => {
                let builtin = Object::Builtin("number.conjugate".into());
                let id = self.session.intern(builtin, self.code.owner);
                return Some(self.aggregate(Type::Object(id, [ty.clone()].into()), vec![value.clone()]));
            }
            (Type::Object(id, _), _) => {
                if let Some(object) = self.object_attribute(*id, name) {
                    return self.object(&object, span);
                }
            }
            _ => {}
        }
        let owner = self.type_name(&value.ty);
        let error = self
            .typing("no-attribute", span, format!("{owner} has no attribute `{name}` in compiled code"))
            .with_text(format!("an attribute of {owner}"))
            .with_help(self.missing_help(&value.ty, name));
        self.report_on(error, &[value])
    }

    /// What to do about a missing attribute, of a module by the names that it has.
    fn missing_help(&self, ty: &Type, name: &str) -> String {
        if let Type::Object(id, _) = ty
            && let Entity::Object(Object::Module { id, name: module }) = self.session.entity(*id)
        {
            let members = self.session.host(self.code.owner).members(id);
            let synonym = if &*module == "math" { suggest::math_synonym(name) } else { None };
            let meant = synonym.or_else(|| suggest::nearest(name, members.iter().map(|member| &**member)));
            return match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if &*module == "numpy" => {
                    "arrays are not supported yet; use `math` for one number".to_owned()
                }
                None => {
                    format!("compiled code knows the functions of `math`, and what `{module}` itself defines")
                }
            };
        }
        self.attribute_help(ty, name).to_owned()
    }
}

/// The values in a value of the type, each thing made of others counted as one more.
fn size(ty: &Type) -> usize {
    match ty {
        Type::Tuple(parts) | Type::Zip(parts) | Type::Object(_, parts) => {
            1 + parts.iter().map(size).sum::<usize>()
        }
        Type::Enumerate(inner) | Type::Reversed(inner) | Type::Optional(inner) => 1 + size(inner),
        _ => 1,
    }
}

/// The positions that Python's `slice(start, stop, step)` selects of `len`.
fn slice_indices(len: i128, start: Option<i128>, stop: Option<i128>, step: i128) -> Vec<usize> {
    let clamp = |bound: i128, low: i128, high: i128| {
        let bound = if bound < 0 { bound + len } else { bound };
        bound.clamp(low, high)
    };
    let mut picked = Vec::new();
    if step > 0 {
        let stop = stop.map_or(len, |stop| clamp(stop, 0, len));
        let mut at = start.map_or(0, |start| clamp(start, 0, len));
        while at < stop {
            picked.push(at as usize);
            at = at.saturating_add(step);
        }
    } else {
        let stop = stop.map_or(-1, |stop| clamp(stop, -1, len - 1));
        let mut at = start.map_or(len - 1, |start| clamp(start, -1, len - 1));
        while at > stop {
            picked.push(at as usize);
            at = at.saturating_add(step);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::slice_indices;

    #[test]
    fn slices_select_as_python_does() {
        assert_eq!(slice_indices(4, None, None, 1), [0, 1, 2, 3]);
        assert_eq!(slice_indices(4, Some(-3), Some(-1), 1), [1, 2]);
        assert_eq!(slice_indices(4, None, None, -2), [3, 1]);
        assert_eq!(slice_indices(4, Some(9), None, -1), [3, 2, 1, 0]);
        assert_eq!(slice_indices(4, Some(2), Some(1), 1), [0_usize; 0]);
        assert_eq!(slice_indices(0, None, None, -1), [0_usize; 0]);
    }
}
