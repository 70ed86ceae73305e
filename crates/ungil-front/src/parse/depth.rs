//! How deep a syntax tree nests.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Expr, ModModule, Pattern, Stmt};

use super::DEPTH_LIMIT;

/// Whether a tree nests deeper than [`DEPTH_LIMIT`].
pub(super) fn is_too_deep(module: &ModModule) -> bool {
    let mut meter = DepthMeter { depth: 0, exceeded: false };
    meter.visit_body(&module.body);
    meter.exceeded
}

/// Finds out whether a tree nests deeper than the limit, without going deeper itself.
struct DepthMeter {
    depth: u32,
    exceeded: bool,
}

impl DepthMeter {
    fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.exceeded {
            return;
        }
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            self.exceeded = true;
        } else {
            walk(self);
        }
        self.depth -= 1;
    }
}

impl<'a> Visitor<'a> for DepthMeter {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.deeper(|meter| walk_stmt(meter, stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.deeper(|meter| walk_expr(meter, expr));
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.deeper(|meter| walk_pattern(meter, pattern));
    }
}
