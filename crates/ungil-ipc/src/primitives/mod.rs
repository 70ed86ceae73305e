//! Locks, semaphores, conditions, events and barriers between processes, which outlive whoever held them.
//!
//! Their words lie in shared memory without a name. An operation that need not wait is one or two atomics; a wait is a futex that both processes share.
//!
//! Reading order: `segment` hands out places in shared memory; `who` says which process one is, and whether that one still lives; `wait` is how everybody
//! waits; `latch` is a lock that knows its holder; the primitives stand on these, one a file.
//!
//! # Death
//!
//! A process may be killed between any two instructions. So
//!
//! - what is held says who holds it, in the same atomic by which it is taken;
//! - nobody sleeps for longer than [`NAP`](wait::NAP) without a look at whether those that it depends on still live: a wake-up that the dead did not give
//!   costs so much and no more;
//! - what takes several steps is done behind a latch, in an order that whoever takes the latch from the dead can complete.
//!
//! Who gets something from the dead is told ([`Dead`]): what it guarded may be half changed.
//!
//! # Trust
//!
//! Any bits in the shared words are taken for some state. Loops run over tables of a length that this process knows, and waits end at their deadlines.

pub mod barrier;
pub mod condition;
pub mod event;
pub(crate) mod latch;
pub mod lock;
pub mod segment;
pub mod semaphore;
#[cfg(test)]
mod tests;
pub(crate) mod wait;
mod who;

pub use barrier::Barrier;
pub use condition::Waiters;
pub use event::Event;
pub use lock::{Lock, RLock};
pub use segment::Segment;
pub use semaphore::Semaphore;
pub use who::Who;

/// The process that held what was acquired, and that died with it in its hands.
pub type Dead = Who;
