//! Whether a pickle names something of a module: by its opcodes, since any text in it may be the module's name.
//!
//! The opcodes are those of `pickletools`; the memo is followed, nothing is made. What is no pickle of protocol 5 or earlier names everything: it is for the
//! caller to be careful.

use std::collections::HashSet;

use pyo3::prelude::*;

/// Whether the pickle `data` has, for its reader, an attribute of the module `module` to look up.
#[pyfunction(name = "_pickle_names")]
pub(crate) fn pickle_names(data: &[u8], module: &str) -> bool {
    Reader { rest: data, module: module.as_bytes(), texts: [false; 2], memo: HashSet::new(), n_memoized: 0 }
        .names()
        .unwrap_or(true)
}

struct Reader<'a> {
    rest: &'a [u8],
    module: &'a [u8],
    /// Whether the last but one, and the last, that was put on the stack is the module's name. What looks an attribute up comes right after the two texts that say which.
    texts: [bool; 2],
    /// Where in the memo the module's name is.
    memo: HashSet<u32>,
    n_memoized: u32,
}

impl<'a> Reader<'a> {
    /// None for what is no pickle.
    fn names(&mut self) -> Option<bool> {
        loop {
            match self.take(1)?[0] {
                b'.' => return Some(false),
                // STACK_GLOBAL
                0x93 if self.texts[0] => return Some(true),
                // GLOBAL, INST: a line each for the module and the name.
                b'c' | b'i' => {
                    let is_it = self.line()? == self.module;
                    self.line()?;
                    if is_it {
                        return Some(true);
                    }
                    self.push(false);
                }
                // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
                0x8c => self.text(1)?,
                b'X' => self.text(4)?,
                0x8d => self.text(8)?,
                // MEMOIZE, and BINPUT and LONG_BINPUT, which say where.
                0x94 => self.memoize(self.n_memoized),
                b'q' => {
                    let index = self.number(1)?;
                    self.memoize(index);
                }
                b'r' => {
                    let index = self.number(4)?;
                    self.memoize(index);
                }
                // BINGET, LONG_BINGET
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                // Other texts and bytes.
                b'C' | b'U' | 0x8a => self.skip_counted(1)?,
                b'B' | b'T' | 0x8b => self.skip_counted(4)?,
                0x8e | 0x96 => self.skip_counted(8)?,
                // The same in lines: UNICODE, PUT, GET.
                b'V' => {
                    let is_it = self.line()? == self.module;
                    self.push(is_it);
                }
                b'p' => {
                    let index = self.decimal()?;
                    self.memoize(index);
                }
                b'g' => {
                    let index = self.decimal()?;
                    self.push(self.memo.contains(&index));
                }
                // Other lines.
                b'F' | b'I' | b'L' | b'P' | b'S' => {
                    self.line()?;
                    self.push(false);
                }
                // What is told of the pickle itself: PROTO, FRAME.
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                // Numbers, and what `copyreg` knows by a number.
                b'K' | 0x82 => self.skip(1)?,
                b'M' | 0x83 => self.skip(2)?,
                b'J' | 0x84 => self.skip(4)?,
                b'G' => self.skip(8)?,
                // Without arguments.
                b'('
                | b'0'
                | b'1'
                | b'2'
                | b'N'
                | b'R'
                | b'Q'
                | b'a'
                | b'b'
                | b'd'
                | b'}'
                | b'e'
                | b'l'
                | b']'
                | b'o'
                | b's'
                | b't'
                | b')'
                | b'u'
                | 0x81
                | 0x85..=0x89
                | 0x8f..=0x93
                | 0x97
                | 0x98 => {
                    self.push(false);
                }
                _ => return None,
            }
        }
    }

    fn push(&mut self, is_it: bool) {
        self.texts = [self.texts[1], is_it];
    }

    fn text(&mut self, size: usize) -> Option<()> {
        let is_it = self.counted(size)? == self.module;
        self.push(is_it);
        Some(())
    }

    fn memoize(&mut self, index: u32) {
        self.n_memoized += 1;
        if self.texts[1] {
            self.memo.insert(index);
        } else if !self.memo.is_empty() {
            self.memo.remove(&index);
        }
    }

    fn recall(&mut self, size: usize) -> Option<()> {
        let index = self.number(size)?;
        self.push(self.memo.contains(&index));
        Some(())
    }

    fn skip(&mut self, size: usize) -> Option<()> {
        self.take(size)?;
        self.push(false);
        Some(())
    }

    fn skip_counted(&mut self, size: usize) -> Option<()> {
        self.counted(size)?;
        self.push(false);
        Some(())
    }

    /// What follows its own length, a number of `size` bytes.
    fn counted(&mut self, size: usize) -> Option<&'a [u8]> {
        let bytes = self.take(size)?;
        let length = bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        self.take(usize::try_from(length).ok()?)
    }

    fn number(&mut self, size: usize) -> Option<u32> {
        Some(self.take(size)?.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn decimal(&mut self) -> Option<u32> {
        str::from_utf8(self.line()?).ok()?.parse().ok()
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        Some(&self.take(end + 1)?[..end])
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}
