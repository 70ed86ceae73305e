//! [`Who`]: a process, as the words of a primitive name it, and whether it still lives.
//!
//! | bits | hold |
//! |---|---|
//! | 0 | nothing of this: a flag of the word's owner |
//! | 1..=22 | the process's number, never 0; Linux has none above 2**22 |
//! | 23..=63 | when it started, in ticks of the system's clock since its boot |
//!
//! Numbers are used again; number and start together are not. All of it is one word, so that taking something and saying who has it is one atomic.

use std::ffi::{CStr, CString};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The bit of a word that is not the process's.
pub(crate) const FLAG: u64 = 1;

const PID_SHIFT: u32 = 1;
const PID_BITS: u32 = 22;
const PID_MASK: u64 = (1 << PID_BITS) - 1;
const START_SHIFT: u32 = PID_SHIFT + PID_BITS;

/// For how long, in milliseconds, a process that was alive is taken to be so by those that do not wait: asking takes some microseconds.
const FRESH: u64 = 20;

/// A process.
///
/// ```
/// use ungil_ipc::primitives::Who;
///
/// assert_eq!(Who::me().pid(), std::process::id());
/// assert!(!Who::me().is_dead());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who(u64);

/// This process; 0 if it has not been asked for. Relaxed everywhere: all who write it write the same, but for the child's handler, which runs before the
/// child has a second thread.
static ME: AtomicU64 = AtomicU64::new(0);
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

impl Who {
    /// This process.
    #[inline]
    pub fn me() -> Self {
        match ME.load(Ordering::Relaxed) {
            0 => Self::found(),
            me => Self(me),
        }
    }

    #[cold]
    fn found() -> Self {
        let pid = process::id();
        let start = stat_of(c"/proc/self/stat").map_or(0, |stat| stat.start);
        let me = Self((start << START_SHIFT) | (u64::from(pid) & PID_MASK) << PID_SHIFT);
        if !IS_REGISTERED.load(Ordering::Relaxed) {
            // SAFETY: the handler only stores to an atomic, which a child may do between fork and exec.
            let status = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
            IS_REGISTERED.store(status == 0, Ordering::Relaxed);
        }
        if IS_REGISTERED.load(Ordering::Relaxed) {
            ME.store(me.0, Ordering::Relaxed);
        }
        me
    }

    /// The process that a word names; none if it names none.
    #[inline]
    pub(crate) fn of_word(word: u64) -> Option<Self> {
        let who = Self(word & !FLAG);
        (who.pid() != 0).then_some(who)
    }

    /// As a word names it, without the flag.
    #[inline]
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// Its number.
    #[inline]
    pub fn pid(self) -> u32 {
        (self.0 >> PID_SHIFT & PID_MASK) as u32
    }

    /// Whether it has ended. Where that cannot be learnt, as of a process that hides from this one, it has not.
    pub fn is_dead(self) -> bool {
        if self == Self::me() {
            return false;
        }
        let pid = self.pid();
        // SAFETY: without a signal the call only asks; the number is positive and so names one process.
        let status = unsafe { libc::kill(pid as libc::pid_t, 0) };
        if status < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
            return true;
        }
        let Ok(path) = CString::new(format!("/proc/{pid}/stat")) else { return false };
        let (Some(stat), start) = (stat_of(&path), self.0 >> START_SHIFT) else { return false };
        // A process that could not read its own start says 0.
        stat.has_ended || start != 0 && stat.start != start
    }

    /// The same for those that ask again and again: a process that was alive a moment ago is.
    pub(crate) fn has_been_dead(self) -> bool {
        /// Which process was alive last, and when. Two words that may not fit together, which costs a moment.
        static ALIVE: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
        let now = milliseconds();
        let [who, at] = &ALIVE;
        if who.load(Ordering::Relaxed) == self.0 && now.wrapping_sub(at.load(Ordering::Relaxed)) < FRESH {
            return false;
        }
        let is_dead = self.is_dead();
        if !is_dead {
            who.store(self.0, Ordering::Relaxed);
            at.store(now, Ordering::Relaxed);
        }
        is_dead
    }
}

extern "C" fn forget() {
    ME.store(0, Ordering::Relaxed);
}

/// A clock that all processes share, and that is cheap to read.
pub(crate) fn milliseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours to write.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// What the system says of a process.
struct Stat {
    start: u64,
    has_ended: bool,
}

/// Reads `/proc/…/stat`; none if that cannot be read, or is not as `proc(5)` says.
fn stat_of(path: &CStr) -> Option<Stat> {
    let mut text = [0_u8; 1024];
    // SAFETY: the path is a C string.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    // SAFETY: the array has so many bytes.
    let n = unsafe { libc::read(file, text.as_mut_ptr().cast(), text.len()) };
    // SAFETY: a descriptor of our own, made just now.
    unsafe { libc::close(file) };
    let text = text.get(..usize::try_from(n).ok()?)?;
    // The name of the program is in parentheses, and may have any of its own; what follows has none.
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = std::str::from_utf8(&text[after_name..]).ok()?.split_ascii_whitespace().collect();
    let n_threads: u64 = fields.get(17)?.parse().ok()?;
    Some(Stat {
        start: fields.get(19)?.parse().ok()?,
        // While other threads run, the first one is a zombie after its end, and the process goes on.
        has_ended: matches!(*fields.first()?, "Z" | "X") && n_threads <= 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_dead_from_its_end_on_waited_for_or_not() {
        let mut ready = [0; 2];
        // SAFETY: the array has room for two descriptors.
        assert_eq!(unsafe { libc::pipe2(ready.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        // SAFETY: the child writes who it is, and waits to be killed.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let me = Who::me().word();
            // SAFETY: eight bytes, which are ours.
            unsafe { libc::write(ready[1], (&raw const me).cast(), 8) };
            // SAFETY: the calls have no requirement.
            unsafe { libc::alarm(60) };
            loop {
                // SAFETY: as above.
                unsafe { libc::pause() };
            }
        }
        let mut word = 0_u64;
        // SAFETY: eight bytes, which are ours.
        assert_eq!(unsafe { libc::read(ready[0], (&raw mut word).cast(), 8) }, 8);
        let child = Who::of_word(word).expect("a process");
        assert_eq!(child.pid(), pid as u32);
        assert!(child != Who::me() && !child.is_dead() && !child.has_been_dead());
        assert!(Who(child.0 ^ 1 << START_SHIFT).is_dead(), "another one of that number");
        // SAFETY: our child, which has not been waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        while !child.is_dead() {
            std::thread::yield_now();
        }
        // SAFETY: as above; nobody wants its status.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        assert!(child.is_dead());
    }

    #[test]
    fn a_word_without_a_number_names_nobody() {
        assert_eq!(Who::of_word(0), None);
        assert_eq!(Who::of_word(!(PID_MASK << PID_SHIFT)), None);
        assert_eq!(Who::of_word(Who::me().word() | FLAG), Some(Who::me()));
    }
}
