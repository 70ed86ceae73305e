//! Python's queues, without Python: `queue.Queue`, `LifoQueue` and `PriorityQueue` between threads.
//!
//! [`Queue`] is one algorithm over a [`Store`], which says which item comes out next: [`Fifo`], [`Lifo`] or [`Heap`]. It can be
//! bounded, counts unfinished tasks, and can be shut down. Waiting is `ungil-sync`'s: with a deadline, and interruptible.
//!
//! Reading order: `store` and `heap` hold items; `state` is what the gate of a queue guards, with its invariants; `put`, `get`,
//! `tasks` and `shutdown` are the operations, `out` how they let foreign code run. `error` says how they end.
//!
//! Invariants:
//!
//! - An item is in exactly one place: with the caller, in the store, or handed to a waiting getter. Every operation that
//!   fails gives its item back in the error.
//! - No foreign code (a comparison, a drop, a waker) runs inside the gate. A heap is compared there as far as that is plain
//!   (see [`Priority::plainly_before`]); where it is not, on a store that has been taken out.
//! - Getters are served in the order in which they came, and so are putters.
//!
//! ```
//! use ungil_queue::Queue;
//!
//! let queue: Queue<&str> = Queue::new(0);
//! queue.put("task", None).unwrap();
//! assert_eq!(queue.get(None).unwrap(), "task");
//! queue.task_done().unwrap();
//! let _ = queue.join(None);
//! ```

mod error;
mod get;
mod heap;
mod out;
mod put;
mod queue;
mod shutdown;
mod state;
mod store;
mod tasks;

pub use error::{GetError, PutError, Refused, TooManyDone};
pub use get::PendingGet;
pub use heap::{Heap, Priority};
pub use put::{PendingPut, Room};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use shutdown::Contents;
pub use store::{Fifo, Foreign, Lifo, Store};
pub use ungil_sync::waiters::Ticket;
pub use ungil_sync::{Deadline, WaitResult};
