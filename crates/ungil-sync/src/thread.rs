//! Who a thread is.

use std::num::NonZeroU64;

/// A thread of this process, by the number that `threading.get_ident` gives it. A number is used again after its thread's end.
pub type ThreadId = NonZeroU64;

/// The calling thread.
#[cfg(not(ungil_loom))]
#[inline]
pub fn current_thread() -> ThreadId {
    // SAFETY: has no conditions.
    let id = unsafe { libc::pthread_self() };
    // The address of the thread's own data, where a thread is known by one; never 0 in any case.
    NonZeroU64::new(id as u64).unwrap_or(NonZeroU64::MAX)
}

/// The calling thread, in a model.
#[cfg(ungil_loom)]
pub fn current_thread() -> ThreadId {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);
    loom::thread_local! {
        static ID: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    ID.with(|id| NonZeroU64::new(*id)).unwrap_or(NonZeroU64::MAX)
}

/// For as long as it lives, some threads do not run on the core that the calling thread had when it was made, but on others of theirs.
///
/// A thread that is woken comes to run on a core that is idle; but not on virtual machines (measured on two cores of KVM, Linux 6.18): where the idle core sleeps,
/// the thread stays in the queue of the core that has woken it, and the two take turns, until one of the next ticks balances the load: 4 ms and more. (Linux seems to
/// take the sleeping core for one that the host has given to somebody else.) Whoever is about to compute for less than that, beside threads that it has woken, keeps
/// them off its core. Each takes 2 us, and 50 if it has to be moved. What others do to a thread's set of cores meanwhile is undone.
#[derive(Debug)]
pub struct Elsewhere {
    #[cfg(all(target_os = "linux", not(ungil_loom)))]
    before: Vec<(i32, libc::cpu_set_t)>,
}

#[cfg(all(target_os = "linux", not(ungil_loom)))]
impl Elsewhere {
    /// Keeps threads of this process off this core; they are given by their numbers as the system counts. One that is no more, or has no other core, is left alone.
    pub fn new(native_ids: impl IntoIterator<Item = i32>) -> Self {
        // SAFETY: has no conditions.
        let here = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(usize::MAX);
        let before = native_ids.into_iter().filter_map(|id| Some((id, Self::keep_off(id, here)?))).collect();
        Self { before }
    }

    /// Takes a core out of a thread's set, and returns the set as it was; none if there is nothing to take or to keep.
    fn keep_off(native_id: i32, core: usize) -> Option<libc::cpu_set_t> {
        // SAFETY: a set of cores is an array of bits, of which none is set.
        let mut all: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: writes at most that many bytes to a set of that size.
        let found = unsafe { libc::sched_getaffinity(native_id, size_of_val(&all), &raw mut all) };
        // SAFETY: the core is within the set.
        if found != 0 || core >= 8 * size_of_val(&all) || !unsafe { libc::CPU_ISSET(core, &all) } {
            return None;
        }
        let mut others = all;
        // SAFETY: as above.
        unsafe { libc::CPU_CLR(core, &mut others) };
        // SAFETY: reads the set.
        let has_others = unsafe { libc::CPU_COUNT(&others) } > 0;
        (has_others && set_cores(native_id, &others)).then_some(all)
    }
}

#[cfg(all(target_os = "linux", not(ungil_loom)))]
impl Drop for Elsewhere {
    fn drop(&mut self) {
        for (native_id, before) in &self.before {
            set_cores(*native_id, before);
        }
    }
}

#[cfg(all(target_os = "linux", not(ungil_loom)))]
fn set_cores(native_id: i32, cores: &libc::cpu_set_t) -> bool {
    // SAFETY: reads that many bytes of a set of that size.
    unsafe { libc::sched_setaffinity(native_id, size_of_val(cores), cores) == 0 }
}

#[cfg(not(all(target_os = "linux", not(ungil_loom))))]
impl Elsewhere {
    /// Leaves it to the system.
    pub fn new(_native_ids: impl IntoIterator<Item = i32>) -> Self {
        Self {}
    }
}

#[cfg(all(test, target_os = "linux", not(ungil_loom)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn cores() -> Vec<usize> {
        // SAFETY: a set of cores is an array of bits, of which none is set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: writes at most that many bytes to the calling thread's set.
        assert_eq!(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) }, 0);
        // SAFETY: the numbers are within the set.
        (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
    }

    #[test]
    fn threads_are_kept_off_this_core_and_then_may_run_there_again() {
        let (tell, told) = mpsc::channel();
        let (ask, asked) = mpsc::channel::<()>();
        let other = thread::spawn(move || {
            // SAFETY: has no conditions.
            let native_id = unsafe { libc::gettid() };
            loop {
                tell.send((native_id, cores())).unwrap();
                if asked.recv().is_err() {
                    return;
                }
            }
        });
        let (native_id, before) = told.recv().unwrap();
        for _ in 0..100 {
            let elsewhere = Elsewhere::new([native_id, -1]);
            ask.send(()).unwrap();
            let meanwhile = told.recv().unwrap().1;
            assert_eq!(meanwhile.len(), before.len().max(2) - 1);
            drop(elsewhere);
        }
        ask.send(()).unwrap();
        assert_eq!(told.recv().unwrap().1, before);
        drop(ask);
        other.join().unwrap();
    }
}
