//! Python's futures and executors, without Python: `concurrent.futures` between threads.
//!
//! An executor ([`Executor`], [`Submit`]) is given work and answers with a [`Future`], which says how far the work is and what came of it. A
//! [`ThreadPool`] is one that runs work on threads of its own.
//!
//! Reading order: `state` names the states of a future; `completion` is what a future and its worker share, with all the rules; `future`
//! is the handle that a Rust program holds; `group` waits for several of them at once, `wait` and `as_completed` are how it is used. `backlog` holds tasks
//! that wait for a worker; `pool` says which worker gets which task, and when there have to be more workers, whoever makes them; `executor` is the
//! contract, `thread_pool` the pool with threads of the system.
//!
//! Invariants:
//!
//! - The state of a future only ever goes forward, and every change is made inside its gate, by one thread: of a result and a cancellation that
//!   race, one wins, and the other is told.
//! - No foreign code (a callback, a task, a drop) runs inside a gate.
//! - A task is in exactly one place: with the caller, in the backlog, or with a worker. What a pool refuses, it gives back.
//! - Nothing waits for a pool that has no worker: tasks that are never to run are handed out, to be cancelled or failed.
//!
//! ```
//! use ungil_exec::{Submit, ThreadPool};
//!
//! let pool = ThreadPool::new(4);
//! let future = pool.submit(|| Ok::<_, String>(6 * 7)).unwrap();
//! assert_eq!(future.result(None), Ok(42));
//! ```

mod as_completed;
pub mod backlog;
pub mod completion;
mod executor;
mod future;
mod group;
#[cfg(all(test, ungil_loom))]
mod models;

pub mod pool;
mod prim;
mod state;
mod thread_pool;
mod wait;

pub use as_completed::{AsCompleted, as_completed};
pub use executor::{Executor, Rejected, Shutdown, Submit, Work};
pub use future::{Failure, Future, InvalidState};
pub use group::{Ending, Group};
pub use state::State;
pub use thread_pool::ThreadPool;
pub use ungil_sync::{Deadline, WaitResult, deadline_in};
pub use wait::{Done, Until, wait};
