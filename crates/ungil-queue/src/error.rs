//! How operations on a queue end, other than well.

use thiserror::Error;

/// Why an item was not taken. [`PutError`] carries the item besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// There is no room, or was none until the deadline.
    Full,
    /// The queue has been shut down.
    ShutDown,
    /// The contents went elsewhere ([`crate::Queue::retire`]).
    Retired,
    /// Another thread has the store out, to compare items.
    Busy,
    /// This very thread has the store out: a comparison of items came back to their queue.
    Reentrant,
    /// A signal arrived while waiting.
    Interrupted,
    /// A comparison failed; the queue is as it was before.
    Compare(E),
}

/// An item was not put; here it is.
#[derive(Debug)]
pub struct PutError<T, E> {
    /// The item.
    pub item: T,
    /// Why.
    pub why: Refused<E>,
}

/// Why there is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError<E> {
    /// There is none, or was none until the deadline.
    Empty,
    /// There is none, and will be none: the queue has been shut down.
    ShutDown,
    /// The contents went elsewhere ([`crate::Queue::retire`]).
    Retired,
    /// Another thread has the store out, to compare items.
    Busy,
    /// This very thread has the store out: a comparison of items came back to their queue.
    Reentrant,
    /// A signal arrived while waiting.
    Interrupted,
    /// A comparison failed; the queue is as it was before.
    Compare(E),
}

/// A task was said to be done that had never been put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("task_done() called too many times")]
pub struct TooManyDone;
