//! From a [`Definition`] to the syntax tree of the function that it names.
//!
//! The whole file is parsed, so that every span is an offset in the user's file; parsed files are remembered. A file that
//! is not Python as a whole (a notebook cell with magics, a file edited since) does not matter as long as no error lies
//! in the function: the parser recovers from the others. Trees deeper than [`DEPTH_LIMIT`] are refused, because every
//! later walk of a tree is recursive.

mod depth;
mod find;

use std::sync::{Arc, Mutex, Weak};

use ruff_python_ast::{ExprLambda, ModModule, PySourceType, Stmt, StmtFunctionDef};
use ruff_python_parser::{ParseError, parse_unchecked_source};
use ruff_text_size::{TextRange, TextSize};
use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::{SourceFile, Span};

use crate::host::Definition;
use depth::is_too_deep;
use find::{check_flavour, search};

/// How deep syntax trees may nest.
pub const DEPTH_LIMIT: u32 = 500;

/// Stack that walking and dropping a tree of [`DEPTH_LIMIT`] may take, with a wide margin.
const STACK: usize = 4 << 20;

/// How many files are remembered.
const REMEMBERED: usize = 32;

/// Text before a function that is parsed alone: makes its indentation legal.
const OPENING: &str = "if 1:\n";

/// The syntax tree of one function.
#[derive(Clone, Debug)]
pub struct Parsed {
    node: Node,
    shift: Shift,
}

/// A `def` or a `lambda`.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// `def name(…): …`
    Def(Box<StmtFunctionDef>),
    /// `lambda …: …`
    Lambda(Box<ExprLambda>),
}

/// How to get from offsets in the parsed text to offsets in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shift {
    start: u32,
    opening: u32,
}

impl Parsed {
    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) const fn shift(&self) -> Shift {
        self.shift
    }
}

impl Shift {
    /// The span in the file.
    pub(crate) fn span(self, range: TextRange) -> Span {
        Span::new(self.offset(range.start()), self.offset(range.end()))
    }

    fn offset(self, at: TextSize) -> u32 {
        (at.to_u32() + self.start).saturating_sub(self.opening)
    }
}

/// Finds the function of `definition` in its file.
///
/// # Errors
///
/// The function is not where the definition says, is not Python, nests too deeply, or is a coroutine or generator.
#[expect(
    clippy::result_large_err,
    reason = "it fails once for a compilation, and callers keep what they get"
)]
pub fn function(definition: &Definition) -> Result<Parsed, Diagnostic> {
    // No code of the host runs on the other stack: interpreters may check that they are on the one they know.
    stacker::maybe_grow(STACK, 2 * STACK, || find(definition)).map_err(|diagnostic| *diagnostic)
}

fn find(definition: &Definition) -> Result<Parsed, Rejected> {
    let file = &definition.file;
    let start = file.line_start(definition.line).unwrap_or_default();
    let tree = tree_of(file, Span::new(start, start))?;
    let found = match search(&tree, definition) {
        Ok(found) => found,
        Err(first) => {
            let alone =
                alone(definition).ok_or(()).and_then(|tree| search(&tree, definition).map_err(|_| ()));
            alone.map_err(|()| first)?
        }
    };
    check_flavour(&found, definition)?;
    Ok(found)
}

/// A diagnostic on its way out.
type Rejected = Box<Diagnostic>;

/// A parsed text.
pub(crate) struct Tree {
    module: ModModule,
    errors: Vec<ParseError>,
    shift: Shift,
}

impl Tree {
    /// The statements of the module.
    pub(crate) fn body(&self) -> &[Stmt] {
        &self.module.body
    }
}

/// Parses a whole module, of which nothing may be wrong.
///
/// # Errors
///
/// Every syntax error.
pub(crate) fn module(file: &Arc<SourceFile>) -> Result<Arc<Tree>, Vec<Diagnostic>> {
    let tree = stacker::maybe_grow(STACK, 2 * STACK, || tree_of(file, Span::default()))
        .map_err(|error| vec![*error])?;
    if tree.errors.is_empty() {
        return Ok(tree);
    }
    Err(tree.errors.iter().map(|error| syntax(&tree, file, error)).collect())
}

static PARSED: Mutex<Vec<(Weak<SourceFile>, Arc<Tree>)>> = Mutex::new(Vec::new());

/// The tree of a whole file, remembered; `place` is what to point at if it is too deep.
fn tree_of(file: &Arc<SourceFile>, place: Span) -> Result<Arc<Tree>, Rejected> {
    // Never waits: in a forked child the lock may be held by a thread that no longer exists.
    if let Ok(parsed) = PARSED.try_lock()
        && let Some((_, tree)) =
            parsed.iter().find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(file)))
    {
        return Ok(Arc::clone(tree));
    }
    let tree = Arc::new(parse(file.text(), Shift::default()).ok_or_else(|| Box::new(too_deep(file, place)))?);
    if let Ok(mut parsed) = PARSED.try_lock() {
        parsed.retain(|(known, _)| known.strong_count() > 0);
        if parsed.len() >= REMEMBERED {
            parsed.remove(0);
        }
        parsed.push((Arc::downgrade(file), Arc::clone(&tree)));
    }
    Ok(tree)
}

/// The tree of the text from the definition's line on, for files whose beginning leads the parser astray.
fn alone(definition: &Definition) -> Option<Arc<Tree>> {
    let start = definition.file.line_start(definition.line)?;
    let text = definition.file.text().get(start as usize..)?;
    let indented = text.starts_with([' ', '\t']);
    let opening = if indented { OPENING } else { "" };
    let shift = Shift { start, opening: opening.len() as u32 };
    parse(&format!("{opening}{text}"), shift).map(Arc::new)
}

/// Parses, unless the tree is too deep.
fn parse(text: &str, shift: Shift) -> Option<Tree> {
    if u32::try_from(text.len()).is_err() {
        return None;
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let errors = parsed.errors().to_vec();
    let module = parsed.into_syntax();
    if is_too_deep(&module) {
        // Dropping it would recurse as deep as the tree; leaking a tree that nobody writes by hand is the lesser evil.
        std::mem::forget(module);
        return None;
    }
    Some(Tree { module, errors, shift })
}

pub(crate) fn too_deep(file: &Arc<SourceFile>, span: Span) -> Diagnostic {
    Diagnostic::new(
        "nests-too-deeply",
        Kind::Unsupported,
        "the source nests too deeply to be compiled",
        file,
        span,
    )
    .with_help("split the expression, or move inner blocks into functions of their own")
}

fn syntax(tree: &Tree, file: &Arc<SourceFile>, error: &ParseError) -> Diagnostic {
    let mut message = error.error.to_string();
    if let Some(first) = message.get(..1).map(str::to_lowercase) {
        message.replace_range(..1, &first);
    }
    let span = tree.shift.span(error.location);
    Diagnostic::new("syntax-error", Kind::Syntax, format!("not Python: {message}"), file, span)
}
