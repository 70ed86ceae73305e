//! Who waits for whom: a cycle of threads, each of which waits for a lock that the next one holds.
//!
//! A thread that is about to wait without a deadline has that [`recorded`]; a thread that need not wait never comes here. A cycle
//! comes into being when its last thread begins to wait, for a thread that acquires a lock has stopped waiting for it. So
//! whoever records looks for a cycle through itself ([`Recorded::cycle`]), and no thread has to watch.
//!
//! A plain lock may be released by a thread that is in no cycle, and a holder is written a moment after the lock was
//! acquired. So a cycle that was seen is only suspected: who wants to act on it waits a while and looks whether it is
//! still the same ([`Cycle::is_same`]), wait for wait.

use std::collections::BTreeMap;
use std::mem;
use std::ptr::NonNull;

use crate::gate::{AfterFork, Gate};
use crate::thread::{ThreadId, current_thread};

/// A lock that knows who holds it.
pub trait Held: Sync {
    /// The thread that holds it, if any.
    fn holder(&self) -> Option<ThreadId>;
}

/// A wait that is on record.
#[derive(Debug)]
pub struct Recorded {
    thread: ThreadId,
    /// What this wait hides: one of the same thread that has not ended.
    outer: Option<Entry>,
}

/// One thread of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub thread: ThreadId,
    /// For what: the number that was given to [`recorded`].
    pub lock: usize,
    /// Which of all the waits it is.
    number: u64,
}

/// Threads of which each waits for a lock that the next one holds, and the last for one that the first holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(Vec<Wait>);

/// Calls `wait`, which waits for `lock` without a deadline, and has the wait on record meanwhile. `name` is the caller's
/// name for the lock.
///
/// A thread waits for one thing at a time: a wait within a wait (in a signal handler, say) hides the outer one.
///
/// ```
/// use ungil_sync::Lock;
/// use ungil_sync::wait_graph::recorded;
///
/// let lock = Lock::new();
/// assert!(lock.try_acquire());
/// // To wait for it now would be to wait for ever.
/// let cycle = recorded(&lock, 1, |wait| wait.cycle(|_| {}));
/// assert_eq!(cycle.unwrap().waits()[0].lock, 1);
/// ```
pub fn recorded<R>(lock: &dyn Held, name: usize, wait: impl FnOnce(&Recorded) -> R) -> R {
    let thread = current_thread();
    // SAFETY: only the lifetime of the reference is taken away. The entry is read only in the registry, inside the gate, and
    // has left it when this function returns or unwinds (`Recorded` is dropped; `wait` is lent it and cannot keep it), while
    // `lock` is still borrowed. A wait within this one takes the entry out and puts it back before it ends itself.
    let lock = unsafe { mem::transmute::<NonNull<dyn Held + '_>, NonNull<dyn Held>>(NonNull::from(lock)) };
    let mut registry = REGISTRY.enter();
    registry.n_waits += 1;
    let number = registry.n_waits;
    let outer = registry.waits.insert(thread, Entry { wait: Wait { thread, lock: name, number }, lock });
    drop(registry);
    wait(&Recorded { thread, outer })
}

impl Recorded {
    /// The cycle that this wait closes; `seen` is called for each of its waits while none of them can end its record, so that
    /// what they name is alive. It must neither wait nor come back here.
    pub fn cycle(&self, mut seen: impl FnMut(&Wait)) -> Option<Cycle> {
        let registry = REGISTRY.enter();
        let cycle = registry.cycle(self.thread)?;
        cycle.0.iter().for_each(&mut seen);
        Some(cycle)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let mut registry = REGISTRY.enter();
        match self.outer.take() {
            None => registry.waits.remove(&self.thread),
            Some(outer) => registry.waits.insert(self.thread, outer),
        };
    }
}

impl Cycle {
    /// The waits, from the thread that looked on.
    pub fn waits(&self) -> &[Wait] {
        &self.0
    }

    /// Whether `later` is made of the same waits: none of the threads has got on meanwhile.
    pub fn is_same(&self, later: &Self) -> bool {
        self == later
    }
}

/// Whether a thread is on record as waiting.
pub fn is_waiting(thread: ThreadId) -> bool {
    REGISTRY.enter().waits.contains_key(&thread)
}

/// Made at compile time: what is made at first use might be forked in the middle of that.
#[cfg(not(ungil_loom))]
static REGISTRY: Gate<Registry> = Gate::new(Registry { waits: BTreeMap::new(), n_waits: 0 });

#[cfg(ungil_loom)]
loom::lazy_static! {
    static ref REGISTRY: Gate<Registry> = Gate::new(Registry { waits: BTreeMap::new(), n_waits: 0 });
}

#[derive(Debug)]
struct Registry {
    waits: BTreeMap<ThreadId, Entry>,
    /// How many waits there have been.
    n_waits: u64,
}

#[derive(Debug)]
struct Entry {
    wait: Wait,
    lock: NonNull<dyn Held>,
}

// SAFETY: the pointer leads to a `Sync` lock, which any thread may ask; see `recorded` for how long.
unsafe impl Send for Entry {}

impl AfterFork for Registry {
    fn after_fork(&mut self, _is_torn: bool) {
        // The waits are those of threads that are not in this process.
        mem::forget(mem::take(&mut self.waits));
    }
}

impl Registry {
    /// The cycle that leads from `first` back to it.
    fn cycle(&self, first: ThreadId) -> Option<Cycle> {
        let mut waits = Vec::new();
        let mut thread = first;
        // A chain that runs into a cycle without `first` never comes back; no chain of different threads is longer than this.
        while waits.len() < self.waits.len() {
            let entry = self.waits.get(&thread)?;
            waits.push(entry.wait);
            // SAFETY: the entry is there, so `recorded` has not returned and the lock is borrowed.
            thread = unsafe { entry.lock.as_ref() }.holder()?;
            if thread == first {
                return Some(Cycle(waits));
            }
        }
        None
    }
}
