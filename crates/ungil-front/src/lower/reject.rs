//! What the language lacks, and what to write instead.

use ruff_python_ast::{
    Decorator, Expr as PyExpr, Keyword, Parameter, Stmt as PyStmt, StmtGlobal, StmtNonlocal,
};
use ruff_text_size::{Ranged, TextRange};
use ungil_ir::Span;
use ungil_ir::diagnostic::{Diagnostic, Kind};

use super::Lower;
use crate::suggest;

impl Lower<'_> {
    pub(super) fn reject_stmt(&mut self, stmt: &PyStmt) {
        let (what, help) = match stmt {
            PyStmt::ClassDef(_) => {
                ("`class`", "define the class outside; compiled code works on numbers and tuples")
            }
            PyStmt::With(_) => ("`with`", "enter the context in the caller, around the call"),
            PyStmt::Try(_) => {
                ("`try`", "test for the condition with `if`, or catch the exception in the caller")
            }
            PyStmt::Match(_) => ("`match`", "write `if` and `elif`"),
            PyStmt::Import(_) | PyStmt::ImportFrom(_) => {
                ("`import`", "import at the top of the module; compiled code sees its globals")
            }
            PyStmt::Global(_) => {
                ("`global`", "return the new value and assign it in the caller; globals are constants")
            }
            PyStmt::Nonlocal(_) => {
                ("`nonlocal`", "return the new value and assign it outside; captured names are constants")
            }
            PyStmt::TypeAlias(_) => ("`type`", "define the alias at the top of the module"),
            PyStmt::For(_) => ("`async for`", "write a plain `for`"),
            PyStmt::FunctionDef(_) => ("`async def`", "write a plain `def`"),
            _ => ("this statement", "move it out of the compiled function"),
        };
        let range = head(stmt);
        self.unsupported("unsupported-statement", what, help, range);
        if let PyStmt::Global(StmtGlobal { names, .. }) | PyStmt::Nonlocal(StmtNonlocal { names, .. }) = stmt
        {
            // What becomes of them is told already.
            for name in names {
                let value = self.error(range);
                self.bind(name.as_str(), value);
            }
        }
    }

    pub(super) fn reject_expr(&mut self, expr: &PyExpr) {
        const LISTS: &str = "use a tuple if the length is fixed, or compute the result in a loop";
        let (what, help) = match expr {
            PyExpr::List(_) => ("a list", LISTS),
            PyExpr::ListComp(_) => ("a list comprehension", LISTS),
            PyExpr::Set(_) | PyExpr::SetComp(_) => ("a set", "use a tuple, or compare the values one by one"),
            PyExpr::Dict(_) | PyExpr::DictComp(_) => {
                ("a dict", "use a tuple, or one parameter for each entry")
            }
            PyExpr::Generator(_) => {
                ("a generator expression", "write a `for` loop that accumulates the result")
            }
            PyExpr::Await(_) => ("`await`", "await in the caller, and pass the result"),
            PyExpr::Yield(_) | PyExpr::YieldFrom(_) => ("`yield`", "return the result at once"),
            PyExpr::FString(_) | PyExpr::TString(_) => {
                ("a formatted string", "print the parts with `print(a, b)`, or format in the caller")
            }
            PyExpr::BytesLiteral(_) => ("a bytes literal", "pass the numbers that it stands for"),
            PyExpr::EllipsisLiteral(_) => ("`...`", "use `None` or a number as the marker"),
            PyExpr::Starred(_) => ("`*` here", "unpack into a tuple or an argument list"),
            PyExpr::Slice(_) => {
                ("a slice here", "slice one dimension at a time; arrays are not supported yet")
            }
            _ => ("this expression", "compute it outside of the compiled function"),
        };
        self.unsupported("unsupported-expression", what, help, expr.range());
    }

    pub(super) fn reject_target(&mut self, target: &PyExpr) {
        let (what, help) = match target {
            PyExpr::Subscript(_) => (
                "assignment to an element",
                "arrays are not supported yet, and tuples do not change: build a new tuple",
            ),
            PyExpr::Attribute(_) => {
                ("assignment to an attribute", "return the new value and assign it in the caller")
            }
            PyExpr::Starred(_) => ("a starred target", "name each element, or take a slice of the tuple"),
            PyExpr::Tuple(_) | PyExpr::List(_) => ("an empty target", "drop the assignment"),
            _ => ("this target", "assign to a name or a tuple of names"),
        };
        self.unsupported("unsupported-target", what, help, target.range());
    }

    pub(super) fn reject_delete(&mut self, target: &PyExpr) {
        let help = "only names can be deleted; build a new tuple without the element";
        self.unsupported("unsupported-target", "deletion of an element or attribute", help, target.range());
    }

    pub(super) fn reject_kwargs(&mut self, parameter: &Parameter) {
        let help = "name the keyword arguments: `*, option=0`";
        self.unsupported("unsupported-parameter", "a `**` parameter", help, parameter.range);
    }

    pub(super) fn reject_keyword_unpacking(&mut self, keyword: &Keyword) {
        let help = "write the keyword arguments out: `f(a=a, b=b)`";
        self.unsupported("unsupported-expression", "a `**` argument", help, keyword.range);
    }

    pub(super) fn reject_default(&mut self, default: &PyExpr) {
        let help = "give the default as a number or a global, or pass the argument at each call";
        let what = "a default that is not constant, of a nested function,";
        self.unsupported("unsupported-parameter", what, help, default.range());
    }

    pub(super) fn reject_decorator(&mut self, decorator: &Decorator) {
        let help = "define the function at the top of the module, or call the decorator's work by hand";
        self.unsupported("unsupported-statement", "a decorator on a nested function", help, decorator.range);
    }

    pub(super) fn reject_bare_raise(&mut self, span: Span) {
        let help = "name the exception: `raise ValueError(\"…\")`";
        self.unsupported_at("unsupported-statement", "`raise` without an exception", help, span);
    }

    pub(super) fn reject_cause(&mut self, cause: &PyExpr) {
        let help = "leave the cause out, or write `from None`";
        self.unsupported("unsupported-statement", "a computed cause of an exception", help, cause.range());
    }

    pub(super) fn reject_exception_argument(&mut self, range: TextRange) {
        let help = "pass constants by position: `raise ValueError(\"out of range\", 3)`";
        self.unsupported("unsupported-statement", "such an argument of an exception", help, range);
    }

    pub(super) fn reject_large_int(&mut self, span: Span) {
        let help = "write it as a float, or keep it within 64 bits";
        self.unsupported_at("integer-too-large", "an integer of more than 64 bits", help, span);
    }

    pub(super) fn reject_unknown_name(&mut self, name: &str, span: Span) {
        let message = format!("name `{name}` is not defined");
        let outside = self.unit.host.names(self.unit.function);
        let known = self.names.iter().map(|name| &**name).chain(outside.iter().map(|name| &**name));
        let help = match suggest::nearest(name, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "globals are looked up when the function is compiled: define it before the first call"
                .to_owned(),
        };
        self.report(
            Diagnostic::new("undefined-name", Kind::Typing, message, self.unit.file, span).with_help(help),
        );
    }

    pub(super) fn reject_outside_loop(&mut self, word: &str, span: Span) {
        let message = format!("`{word}` outside of a loop");
        self.report(Diagnostic::new("syntax-error", Kind::Syntax, message, self.unit.file, span));
    }

    fn unsupported(&mut self, id: &'static str, what: &str, help: &str, range: TextRange) {
        self.unsupported_at(id, what, help, self.span(range));
    }

    fn unsupported_at(&mut self, id: &'static str, what: &str, help: &str, span: Span) {
        let message = format!("{what} cannot be compiled");
        self.report(Diagnostic::new(id, Kind::Unsupported, message, self.unit.file, span).with_help(help));
    }
}

/// The part of a statement worth pointing at: not its whole body.
fn head(stmt: &PyStmt) -> TextRange {
    match stmt {
        PyStmt::ClassDef(class) => class.name.range,
        PyStmt::FunctionDef(def) => def.name.range,
        PyStmt::With(with) => with.items.first().map_or(with.range, Ranged::range),
        PyStmt::Match(matching) => matching.subject.range(),
        PyStmt::For(each) => TextRange::new(each.range.start(), each.iter.end()),
        PyStmt::Try(attempt) => TextRange::at(attempt.range.start(), 3.into()),
        _ => stmt.range(),
    }
}
