//! What the compiler has to say to the user, as data, and its one renderer.
//!
//! A [`Diagnostic`] points into [`SourceFile`]s by byte ranges; the headline stands alone, the labels say what is where,
//! the help says what to write instead. Nothing else in the project formats errors of compilation.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A range of bytes in a [`SourceFile`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A file of source text.
#[derive(PartialEq, Eq, Debug)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// A file of that name (as the user knows it) and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1))
            .collect();
        Self { name: name.into(), text, line_starts }
    }

    /// The file's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line, from 1, on which `offset` lies.
    pub fn line(&self, offset: u32) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }

    /// The offset at which `line`, from 1, begins, if there is such a line.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts.get((line as usize).checked_sub(1)?).copied()
    }

    /// The text of a span; empty if it lies outside.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}

/// Which of Python's exceptions a diagnostic becomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The types do not fit: `TypingError`.
    Typing,
    /// The language of compiled functions lacks it: `UnsupportedError`.
    Unsupported,
    /// The source is not Python: `SyntaxError`.
    Syntax,
}

/// A remark on a place in the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The place.
    pub span: Span,
    /// What to say there; may be empty for the primary label.
    pub text: String,
}

/// One error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Short stable name, `"unsupported-statement"`.
    pub id: &'static str,
    /// Which exception it becomes.
    pub kind: Kind,
    /// One sentence that stands alone.
    pub headline: String,
    /// The place at fault.
    pub primary: Label,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// Further facts, a sentence each.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic with a headline and a place; the rest is added by the `with_` methods.
    pub fn new(
        id: &'static str,
        kind: Kind,
        headline: impl Into<String>,
        file: &Arc<SourceFile>,
        span: Span,
    ) -> Self {
        Self {
            id,
            kind,
            headline: headline.into(),
            primary: Label { file: Arc::clone(file), span, text: String::new() },
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Says something at the primary place.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn with_label(mut self, file: &Arc<SourceFile>, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { file: Arc::clone(file), span, text: text.into() });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// How to render.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colours, for a terminal.
    Colour,
}

/// The text of diagnostics, one after the other, without a final newline.
///
/// ```
/// use std::sync::Arc;
/// use ungil_ir::diagnostic::{Diagnostic, Kind, SourceFile, Span, Style, render};
/// let file = Arc::new(SourceFile::new("a.py", "def f(x):\n    return x.y\n"));
/// let error = Diagnostic::new("no-attribute", Kind::Typing, "a float has no attribute `y`", &file, Span::new(21, 24));
/// assert!(render(&[error], Style::Plain).contains("--> a.py:2:12"));
/// ```
pub fn render(diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    let texts: Vec<String> = diagnostics.iter().map(|diagnostic| render_one(diagnostic, &renderer)).collect();
    texts.join("\n\n")
}

fn render_one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let mut group = Group::with_title(Level::ERROR.primary_title(&diagnostic.headline).id(diagnostic.id));
    let mut files: Vec<&Arc<SourceFile>> = vec![&diagnostic.primary.file];
    for label in &diagnostic.secondary {
        if !files.iter().any(|file| Arc::ptr_eq(file, &label.file)) {
            files.push(&label.file);
        }
    }
    for file in files {
        let mut snippet = Snippet::source(file.text()).path(&**file.name());
        let primary = std::iter::once((AnnotationKind::Primary, &diagnostic.primary));
        let secondary = diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label));
        for (kind, label) in primary.chain(secondary).filter(|(_, label)| Arc::ptr_eq(file, &label.file)) {
            let mut annotation = kind.span(label.span.range());
            if !label.text.is_empty() {
                annotation = annotation.label(&label.text);
            }
            snippet = snippet.annotation(annotation);
        }
        group = group.element(snippet);
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(std::slice::from_ref(self), Style::Plain))
    }
}
