//! Any text at all: the front end gives code or diagnostics, never a panic, soon and in bounded memory.
//!
//! [`judge`] says what that means; [`texts`] makes the texts.

mod judge;
mod texts;

use proptest::prelude::*;

use crate::judge::judge;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soup_of_tokens(text in texts::soup()) {
        judge(text)?;
    }

    #[test]
    fn real_programs_broken_off_and_altered(text in texts::broken()) {
        judge(text)?;
    }

    #[test]
    fn unusual_characters(text in texts::unusual()) {
        judge(text)?;
    }

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        judge(String::from_utf8_lossy(&bytes).into_owned())?;
    }
}

proptest! {
    // A text is large here.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn deep_nesting_and_long_lines(text in texts::large()) {
        judge(text)?;
    }
}
