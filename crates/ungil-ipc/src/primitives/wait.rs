//! How everybody waits: looks for a moment, sleeps on a futex that processes share, and looks after the dead now and then.

use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

/// For how long a waiter sleeps before it looks whether those that it waits for still live. Asking takes some ten microseconds. Between what a person
/// notices and what costs.
pub(crate) const NAP: Duration = Duration::from_millis(50);
/// How long a waiter looks before it sleeps: longer than it takes to wake a process.
const LOOK_FOR: Duration = Duration::from_micros(100);
/// How often a wait goes on that a wake-up ended for nothing, before its caller looks after signals: a hostile process may change a word without end.
const MOST_IN_VAIN: u32 = 1000;

/// What a waiter sleeps on.
#[derive(Clone, Copy)]
pub(crate) struct Futex<'a> {
    /// It changes before those that sleep are woken.
    pub(crate) word: &'a AtomicU32,
    /// How many threads may sleep, for those that would rather not wake in vain; more, if some were killed. It is counted up before the kernel looks at the word, and
    /// looked at after the word has changed, both `SeqCst`: so either that one sees the sleeper, or the kernel sees the change.
    pub(crate) n_asleep: Option<&'a AtomicU32>,
}

impl<'a> Futex<'a> {
    /// A word whose own bits say whether somebody sleeps.
    pub(crate) fn of(word: &'a AtomicU32) -> Self {
        Self { word, n_asleep: None }
    }

    /// Wakes up to `n` threads, of any process, if any may sleep.
    #[inline]
    pub(crate) fn wake(self, n: u32) {
        if self.n_asleep.is_none_or(|n_asleep| n_asleep.load(Ordering::SeqCst) != 0) {
            wake(self.word, n);
        }
    }

    /// Sleeps while the word is `seen`, and at most for `nap`. Ready also if it was another number already, or for no reason.
    fn sleep_while(self, seen: u32, nap: Duration) -> WaitResult {
        if let Some(n_asleep) = self.n_asleep {
            n_asleep.fetch_add(1, Ordering::SeqCst);
        }
        let ended = sleep_while(self.word, seen, nap);
        if let Some(n_asleep) = self.n_asleep {
            // Relaxed: one too many costs a call for nothing.
            n_asleep.fetch_sub(1, Ordering::Relaxed);
        }
        ended
    }
}

/// What an attempt comes to that has not got what it wants.
pub(crate) enum Pause {
    /// Sleep while the word is that.
    While(u32),
    /// The wait is over.
    Over(WaitResult),
}

/// Waits until `attempt` succeeds.
///
/// `looks_well` says, cheaply, whether it might. It is made again whenever the futex's word has changed; `heal` comes after each nap and at the deadline, and takes from the
/// dead what they had.
///
/// # Errors
///
/// As [`WaitResult`] says; interrupted now and then without a signal, on the thread that signals come to: one may have come just before it slept.
pub(crate) fn until<R>(
    futex: Futex<'_>,
    patience: &Patience,
    deadline: Deadline,
    looks_well: impl Fn() -> bool,
    mut attempt: impl FnMut() -> Result<R, Pause>,
    mut heal: impl FnMut() -> Option<R>,
) -> Result<R, WaitResult> {
    let looked = patience.look_before_sleep(LOOK_FOR, || looks_well().then_some(()), deadline);
    let must_check_at = looked.map_or_else(|until| until, |()| deadline);
    for _ in 0..MOST_IN_VAIN {
        let seen = match attempt() {
            Ok(result) => return Ok(result),
            Err(Pause::Over(ended)) => return Err(ended),
            Err(Pause::While(seen)) => seen,
        };
        let now = Instant::now();
        if deadline.is_some_and(|at| at <= now) {
            return heal().ok_or(WaitResult::TimedOut);
        }
        let nap = must_check_at.map_or(NAP, |at| at.saturating_duration_since(now).min(NAP));
        match futex.sleep_while(seen, nap) {
            WaitResult::Ready => {}
            WaitResult::Interrupted => return Err(WaitResult::Interrupted),
            WaitResult::TimedOut => {
                if let Some(result) = heal() {
                    return Ok(result);
                }
                let is_over = deadline.is_some_and(|at| at <= Instant::now());
                if !is_over && (must_check_at != deadline || is_main_thread()) {
                    return Err(WaitResult::Interrupted);
                }
            }
        }
    }
    Err(WaitResult::Interrupted)
}

fn sleep_while(word: &AtomicU32, seen: u32, nap: Duration) -> WaitResult {
    let nap =
        libc::timespec { tv_sec: nap.as_secs() as libc::time_t, tv_nsec: nap.subsec_nanos() as libc::c_long };
    // SAFETY: the word is a live, aligned `u32`, and the timeout outlives the call. The futex is not private: other processes wake it.
    let status =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, ptr::from_ref(&nap)) };
    if status == 0 {
        return WaitResult::Ready;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => WaitResult::TimedOut,
        Some(libc::EINTR) => WaitResult::Interrupted,
        // EAGAIN: the word was another number already.
        _ => WaitResult::Ready,
    }
}

/// Wakes up to `n` threads, of any process, that sleep on the word.
pub(crate) fn wake(word: &AtomicU32, n: u32) {
    let n = libc::c_int::try_from(n).unwrap_or(libc::c_int::MAX);
    // SAFETY: the kernel uses the address of a live word only to find who sleeps on it.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, n);
    }
}

/// The half of a word that a futex can be: the one with the low bits.
pub(crate) fn low_half(word: &AtomicU64) -> &AtomicU32 {
    let at = word.as_ptr().cast::<AtomicU32>();
    let at = if cfg!(target_endian = "little") {
        at
    } else {
        // SAFETY: the second half of the same word.
        unsafe { at.add(1) }
    };
    // SAFETY: within a live word, aligned to four bytes; it is given to the kernel alone, which compares it.
    unsafe { &*at }
}

fn is_main_thread() -> bool {
    // SAFETY: has no conditions.
    let thread = unsafe { libc::gettid() };
    u32::try_from(thread) == Ok(process::id())
}
