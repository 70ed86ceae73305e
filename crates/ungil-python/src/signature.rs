//! Signatures as text: `"float64(int32, float64)"`, `"f8(i4,f8)"`, `"(int32, int32)"`, `"UniTuple(float64, 2)(float64)"`.
//!
//! A small parser; the text is never evaluated. In the grammar, blanks may stand between any two words:
//!
//! ```text
//! signature = [type] "(" [type {"," type}] ")" | type
//! type      = name | "UniTuple(" type "," number ")" | ("Tuple(" | "Tuple((") [type {"," type}] (")" | "))")
//!           | "Optional(" type ")" | "optional(" type ")"
//! ```

use ungil_ir::Type;

/// The result's type, if it is given, and the arguments' types.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Parsed {
    /// The result's type; inferred if it is left out.
    pub(crate) ret: Option<Type>,
    /// The arguments' types.
    pub(crate) args: Vec<Type>,
}

/// Why a text is no signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ParseError {
    /// What is wrong.
    pub(crate) message: String,
    /// Where, in characters from 0.
    pub(crate) column: usize,
    /// Whether it is a type that is known but not implemented.
    pub(crate) is_unsupported: bool,
}

/// Reads a signature.
pub(crate) fn parse(text: &str) -> Result<Parsed, ParseError> {
    let mut parser = Parser { text, at: 0 };
    let ret = if parser.sees('(') { None } else { Some(parser.ty()?) };
    let args = parser.list('(', ')')?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.error("nothing may follow the signature"));
    }
    Ok(Parsed { ret, args })
}

struct Parser<'a> {
    text: &'a str,
    /// Offset of the next byte.
    at: usize,
}

impl Parser<'_> {
    fn ty(&mut self) -> Result<Type, ParseError> {
        self.blanks();
        let start = self.at;
        let name = self.name();
        let ty = match name {
            "" => return Err(self.error("a type's name is expected")),
            "UniTuple" => {
                self.expect('(')?;
                let element = self.ty()?;
                self.expect(',')?;
                let count = self.number()?;
                self.expect(')')?;
                Type::tuple(vec![element; count])
            }
            "Tuple" => {
                self.expect('(')?;
                if self.sees(')') {
                    self.expect(')')?;
                    Type::tuple([])
                } else if self.sees('(') || self.sees('[') {
                    let (open, close) = if self.sees('(') { ('(', ')') } else { ('[', ']') };
                    let parts = self.list(open, close)?;
                    self.expect(')')?;
                    Type::tuple(parts)
                } else {
                    let mut parts = vec![self.ty()?];
                    while self.sees(',') {
                        self.expect(',')?;
                        parts.push(self.ty()?);
                    }
                    self.expect(')')?;
                    Type::tuple(parts)
                }
            }
            "Optional" | "optional" => {
                self.expect('(')?;
                let inner = self.ty()?;
                self.expect(')')?;
                Type::Optional(inner.into())
            }
            _ => {
                if let Some(ty) = Type::from_name(name) {
                    ty
                } else {
                    let message = format!("`{name}` is no type of the language");
                    self.at = start;
                    return Err(self.error(message));
                }
            }
        };
        if self.sees('[') {
            return Err(ParseError {
                is_unsupported: true,
                ..self.error("arrays are not supported yet; supported are numbers, none and tuples of these")
            });
        }
        Ok(ty)
    }

    fn list(&mut self, open: char, close: char) -> Result<Vec<Type>, ParseError> {
        self.expect(open)?;
        let mut parts = Vec::new();
        while !self.sees(close) {
            parts.push(self.ty()?);
            if !self.sees(close) {
                self.expect(',')?;
            }
        }
        self.expect(close)?;
        Ok(parts)
    }

    fn name(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn number(&mut self) -> Result<usize, ParseError> {
        self.blanks();
        let start = self.at;
        self.name().parse().ok().filter(|count| *count <= MOST_ELEMENTS).ok_or_else(|| ParseError {
            message: format!("a number of elements, at most {MOST_ELEMENTS}, is expected"),
            column: start,
            is_unsupported: false,
        })
    }

    fn expect(&mut self, wanted: char) -> Result<(), ParseError> {
        if !self.sees(wanted) {
            return Err(self.error(format!("`{wanted}` is expected")));
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    /// Whether `c` is next, blanks apart.
    fn sees(&mut self, c: char) -> bool {
        self.blanks();
        self.text[self.at..].starts_with(c)
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        let column = self.text[..self.at].chars().count();
        ParseError { message: message.into(), column, is_unsupported: false }
    }
}

/// The longest tuple that a signature may ask for: a guess at what nobody misses, and far from what memory holds.
const MOST_ELEMENTS: usize = 1000;
