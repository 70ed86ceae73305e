//! `print` in compiled code.

use std::sync::Arc;

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{self, Op};

use super::builtins::Keywords;
use super::{Emitter, Val};
use crate::host::Constant;

impl Emitter<'_, '_> {
    /// `print(*args, sep=…, end=…)`.
    pub(super) fn print(&mut self, args: &[Val], keywords: &Keywords, span: Span) -> Option<Val> {
        let mut texts: [Arc<str>; 2] = [" ".into(), "\n".into()];
        for (name, val) in keywords {
            let slot = match &**name {
                "sep" => 0,
                "end" => 1,
                _ => {
                    let error = self
                        .unsupported(
                            "print-file",
                            span,
                            format!("`print` takes no `{name}=` in compiled code"),
                        )
                        .with_help("print in Python");
                    return self.report(error);
                }
            };
            match &val.known {
                Some(Constant::Str(text)) => texts[slot] = Arc::clone(text),
                Some(Constant::None) => {}
                _ => {
                    let error = self.typing(
                        "arguments",
                        span,
                        format!("`{name}=` of `print` must be a literal string"),
                    );
                    let error = error.with_help("write the text here: `sep=\", \"`");
                    return self.report_on(error, &[val]);
                }
            }
        }
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        for arg in args {
            match (&arg.known, &arg.ty) {
                (Some(Constant::Str(text)), _) => parts.push(ir::PrintPart::Text(Arc::clone(text))),
                (_, ty) if is_printable(ty) => {
                    parts.push(ir::PrintPart::Value(ty.clone()));
                    values.push(arg.id);
                }
                (_, ty) => {
                    let name = self.type_name(ty);
                    let error = self
                        .unsupported("print-value", span, format!("compiled code cannot print {name}"))
                        .with_help("print numbers, bools, `None`, literal strings, and tuples of numbers");
                    return self.report(error);
                }
            }
        }
        let [sep, end] = texts;
        let id = self.session.print(ir::Print { parts, sep, end });
        self.bind(Type::None, Op::Print(id, values));
        Some(self.none())
    }
}

fn is_printable(ty: &Type) -> bool {
    match ty {
        Type::None | Type::Range(_) => true,
        Type::Tuple(parts) => parts.iter().all(is_printable),
        Type::Optional(inner) => is_printable(inner),
        other => other.is_number(),
    }
}
