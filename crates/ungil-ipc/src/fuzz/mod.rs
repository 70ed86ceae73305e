//! Hostile peers: whatever another process writes into what it shares with this one, this one neither crashes, nor hangs, nor reaches out of the memory.
//!
//! Each test is a fuzz target: it tries seeds, each of which is a case. In one half of them a peer and a victim take turns, so that a seed does the same
//! again; in the other the peer is a thread that writes while the victim works. What may come out is any error and any bytes; not a panic, a signal, more bytes than were
//! asked for, or a wait without end. Memory ends with pages that nobody may touch (`memory.rs`), so that what leads out of it is a signal.
//!
//! The seeds are tried by a process of its own, which is this program with one test: so a crash costs no more than that process, and tells its seed.
//! `make fuzz-ipc` tries more of them, `make fuzz-ipc-asan` with a checked heap, too.
//!
//! Reading order: `peer` is who writes; the targets are a file each.

mod arenas;
mod channels;
mod links;
pub(crate) mod peer;
mod primitives;
mod queues;
mod rings;

use std::env;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use peer::Numbers;

/// How many seeds a target tries, and the first of them.
const CASES: &str = "UNGIL_FUZZ_CASES";
const FIRST: &str = "UNGIL_FUZZ_FIRST";
/// Set in the process that tries them.
const INSIDE: &str = "UNGIL_FUZZ_INSIDE";
/// What that process writes before each.
const SEED: &str = "seed ";

/// What an ordinary run tries.
const FEW: u64 = 150;

/// After so many seconds a case hangs: far more than one takes on a busy machine, under a sanitizer.
const HANGS: u32 = 120;

/// Tries `case` with many seeds. `target` is the test's own name, within this module.
///
/// # Panics
///
/// A case panics, is ended by a signal or hangs: the text tells its seed, and how to try it again.
fn run(target: &str, mut case: impl FnMut(&mut Numbers)) {
    if is_inside() {
        return inside(|seed| case(&mut Numbers::new(seed)));
    }
    if let Err(failure) = outside(target, number(FIRST).unwrap_or(1), number(CASES).unwrap_or(FEW)) {
        panic!("{failure}");
    }
}

fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Tries the seeds that it is told to.
fn inside(mut case: impl FnMut(u64)) {
    let first = number(FIRST).expect("told");
    for seed in first..first + number(CASES).expect("told") {
        // At once, and not where the test's output is collected.
        writeln!(std::io::stdout(), "{SEED}{seed}").expect("somebody reads it");
        // SAFETY: the call has no requirement.
        unsafe { libc::alarm(HANGS) };
        case(seed);
    }
}

/// Has another process try them; what became of the one that failed.
fn outside(target: &str, first: u64, cases: u64) -> Result<(), String> {
    let inside = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", &format!("fuzz::{target}"), "--nocapture", "--test-threads=1"])
        .envs([(INSIDE, "1".to_owned()), (FIRST, first.to_string()), (CASES, cases.to_string())])
        .output()
        .expect("this program starts");
    let (out, err) = (String::from_utf8_lossy(&inside.stdout), String::from_utf8_lossy(&inside.stderr));
    // Behind what the test's harness writes to the same line.
    let seed = out.lines().rev().find_map(|line| line.rsplit_once(SEED));
    let seed: u64 = seed.expect("a target has its test's name").1.parse().expect("a number");
    if inside.status.success() && seed == first + cases - 1 {
        return Ok(());
    }
    let how = match inside.status.signal() {
        Some(libc::SIGALRM) => "hangs".to_owned(),
        Some(signal) => format!("was ended by signal {signal}"),
        None => "failed".to_owned(),
    };
    Err(format!("{target}: seed {seed} {how}; again: make fuzz-ipc TARGET={target} FIRST={seed} N=1\n{err}"))
}

fn number(name: &str) -> Option<u64> {
    Some(env::var(name).ok()?.parse().unwrap_or_else(|error| panic!("{name} is not a number: {error}")))
}

#[test]
fn a_seed_that_fails_is_told() {
    if is_inside() {
        return inside(|seed| {
            assert_ne!(seed, 7);
            if seed == 3 {
                // SAFETY: the call has no requirement.
                unsafe { libc::raise(libc::SIGKILL) };
            }
        });
    }
    let told = |first| outside("a_seed_that_fails_is_told", first, 4);
    assert!(told(1).is_err_and(|told| told.contains("seed 3 was ended by signal 9;")));
    assert!(told(5).is_err_and(|told| told.contains("seed 7 failed;") && told.contains("panicked")));
    assert_eq!(told(8), Ok(()));
}
