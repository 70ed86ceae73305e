//! Python's synchronisation primitives, without Python: locks, semaphores, conditions, events and barriers.
//!
//! They have `threading`'s names and its meaning, not those of `std::sync`: a [`Lock`] guards no data and may be released by any
//! thread, a wait has a deadline and may be interrupted by a signal ([`WaitResult`]), and each primitive can say who holds it
//! and who waits ([`Statistics`]).
//!
//! Reading order: `park` puts a thread to sleep; `gate` guards the few words that the slow paths share; `waiters` is a queue
//! of sleeping threads, and [`patience`] says whether they look around before they sleep; `permits` is what locks and
//! semaphores are made of; the primitives stand on these, one a file; [`wait_graph`] knows which thread waits for which lock;
//! `prim` is the seam through which a model checker (loom) sees atomics and threads; `fork` tells a child from its parent.
//!
//! Invariants of all of them:
//!
//! - An operation that need not wait is one atomic: no allocation, no clock.
//! - Nothing is called back, allocated for the user or dropped for the user while a gate is held, and no gate is held
//!   across a wait. So a signal handler, a finaliser or a collector may use any primitive at any time.
//! - A permit that was handed to a waiter which gives up at that moment is kept by it (the wait ends as ready) or passed on.
//! - After a fork the child finds every primitive usable: what the parent's other threads were doing is forgotten, what
//!   they held stays held.
//!
//! ```
//! use std::time::Duration;
//! use ungil_sync::{Lock, WaitResult, deadline_in};
//!
//! let lock = Lock::new();
//! assert!(lock.try_acquire());
//! assert_eq!(lock.acquire(deadline_in(Duration::from_millis(1))), WaitResult::TimedOut);
//! lock.release().unwrap();
//! ```

pub mod barrier;
mod condition;
mod event;
mod fork;
mod gate;
mod lock;
#[cfg(all(test, ungil_loom))]
mod models;
mod park;
pub mod patience;
mod permits;
mod prim;
mod rlock;
mod semaphore;
mod statistics;
mod thread;
pub mod wait_graph;
pub mod waiters;

pub use barrier::{Arrival, Barrier, BrokenBarrier};
pub use condition::{Condition, Waiting};
pub use event::Event;
pub use gate::{AfterFork, Gate, GateGuard};
pub use lock::{Lock, NotLocked};
pub use park::{Deadline, WaitResult, deadline_in};
pub use rlock::{NotOwned, RLock, Saved};
pub use semaphore::{BoundedSemaphore, ReleasedTooOften, Semaphore};
pub use statistics::Statistics;
pub use thread::{Elsewhere, ThreadId, current_thread};
