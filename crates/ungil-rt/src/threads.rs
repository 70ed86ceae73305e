//! How many threads a parallel loop may use: a process-wide maximum, and a number of each thread's own below it.
//!
//! The maximum is `UNGIL_NUM_THREADS`, else what the machine grants this process (affinity and control groups counted),
//! and never more than a loop has chunks. Each thread that calls from outside has its own number, the maximum at first; helpers have their caller's.

use std::cell::Cell;
use std::env;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::chunk::MAX_CHUNKS;

/// The variable of the environment that sets the maximum.
pub const VARIABLE: &str = "UNGIL_NUM_THREADS";

/// The most threads that a loop can use: one a chunk.
pub const MOST_THREADS: u32 = MAX_CHUNKS as u32;

/// Why a number of threads was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// A number outside of 1 to the maximum.
    #[error("the number of threads must be between 1 and {max}")]
    OutOfRange {
        /// The largest number allowed.
        max: u32,
    },
    /// The environment's value is not an integer from 1 to [`MOST_THREADS`].
    #[error("`{VARIABLE}` must be an integer from 1 to {MOST_THREADS}, not `{value}`")]
    Variable {
        /// What the environment says.
        value: String,
    },
}

/// The number of threads that parallel loops called from this thread use.
///
/// # Examples
///
/// ```
/// use ungil_rt::threads;
/// let n_before = threads::get_num_threads();
/// threads::set_num_threads(1)?;
/// assert_eq!(threads::get_num_threads(), 1);
/// threads::set_num_threads(n_before.into())?;
/// assert!(threads::set_num_threads(0).is_err());
/// # Ok::<(), threads::Error>(())
/// ```
#[inline]
pub fn get_num_threads() -> u32 {
    match WANTED.get() {
        0 => default_max(),
        wanted => wanted,
    }
}

/// Sets the number of threads that parallel loops called from this thread use from now on.
///
/// # Errors
///
/// [`Error::OutOfRange`] when `n_threads` is below 1 or above [`max_threads`].
pub fn set_num_threads(n_threads: i64) -> Result<(), Error> {
    let max = default_max();
    match u32::try_from(n_threads) {
        Ok(wanted) if (1..=max).contains(&wanted) => {
            WANTED.set(wanted);
            Ok(())
        }
        _ => Err(Error::OutOfRange { max }),
    }
}

/// The largest number of threads that may be asked for.
///
/// # Errors
///
/// [`Error::Variable`] when the environment asks for something that is not an integer from 1 to [`MOST_THREADS`]. A host
/// reports it when it starts; parallel loops take what the machine grants until then.
pub fn max_threads() -> Result<u32, Error> {
    // Relaxed: the number is all there is, and whoever computes it computes the same.
    match MAX.load(Ordering::Relaxed) {
        0 => {
            let max = max_from(env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned()))?;
            MAX.store(max, Ordering::Relaxed);
            Ok(max)
        }
        max => Ok(max),
    }
}

/// Calls `f` with `n_threads` as this thread's number, which may pass the maximum, and restores the number after it.
///
/// For helpers, and for measuring and testing: more threads than processors only cost time. A number outside of 1 to
/// [`MOST_THREADS`] counts as the nearest within.
pub fn with_num_threads<R>(n_threads: u32, f: impl FnOnce() -> R) -> R {
    struct Restore(u32);
    impl Drop for Restore {
        fn drop(&mut self) {
            WANTED.set(self.0);
        }
    }
    let _restore = Restore(WANTED.replace(n_threads.clamp(1, MOST_THREADS)));
    f()
}

thread_local! {
    /// 0 = not set: the maximum.
    static WANTED: Cell<u32> = const { Cell::new(0) };
}

/// 0 = not known yet. Not a `OnceLock`: a fork while one is filled would leave it locked in the child.
static MAX: AtomicU32 = AtomicU32::new(0);

fn default_max() -> u32 {
    max_threads().unwrap_or_else(|_| available())
}

fn max_from(variable: Option<String>) -> Result<u32, Error> {
    match variable {
        None => Ok(available()),
        Some(value) => match value.trim().parse() {
            Ok(max @ 1..=MOST_THREADS) => Ok(max),
            _ => Err(Error::Variable { value }),
        },
    }
}

fn available() -> u32 {
    let granted = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u32::try_from(granted).map_or(MOST_THREADS, |granted| granted.min(MOST_THREADS))
}

/// [`get_num_threads`] for generated code.
pub(crate) extern "C" fn ungil_rt_get_num_threads() -> i64 {
    get_num_threads().into()
}

/// [`set_num_threads`] for generated code: 0 = done; 1 = refused, and generated code raises `ValueError`.
pub(crate) extern "C" fn ungil_rt_set_num_threads(n_threads: i64) -> i32 {
    i32::from(set_num_threads(n_threads).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_sets_the_maximum_or_is_refused() {
        assert_eq!(max_from(Some("3".into())), Ok(3));
        assert_eq!(max_from(Some(" 12 ".into())), Ok(12));
        assert_eq!(max_from(None), Ok(available()));
        for value in ["0", "-1", "", "two", "1.5", "257", "99999999999999999999999"] {
            assert_eq!(max_from(Some(value.into())), Err(Error::Variable { value: value.into() }));
        }
    }

    #[test]
    fn the_number_is_each_threads_own_and_between_one_and_the_maximum() {
        let max = max_threads().expect("the environment is not set in tests");
        for wrong in [0, -1, i64::MIN, i64::from(max) + 1, i64::MAX] {
            let error = set_num_threads(wrong).expect_err("out of range");
            assert_eq!(error.to_string(), format!("the number of threads must be between 1 and {max}"));
            assert_eq!(ungil_rt_set_num_threads(wrong), 1);
        }
        assert_eq!(ungil_rt_set_num_threads(1), 0);
        assert_eq!(ungil_rt_get_num_threads(), 1);
        let elsewhere = thread::spawn(get_num_threads).join().expect("no panic");
        assert_eq!(elsewhere, max);
    }

    #[test]
    fn a_scoped_number_is_restored() {
        let before = get_num_threads();
        let within = with_num_threads(7, get_num_threads);
        assert_eq!(within, 7);
        assert_eq!(get_num_threads(), before);
    }
}
