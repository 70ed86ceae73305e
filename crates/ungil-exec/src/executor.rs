//! [`Executor`] and [`Submit`]: the contract of what does work elsewhere.

use std::fmt;

use thiserror::Error;

use crate::future::Future;

/// Work that may be done elsewhere: a closure for threads; what can be sent, for processes.
pub trait Work {
    /// What it results in.
    type Output;
    /// What it fails with.
    type Error;
}

impl<F, T, E> Work for F
where
    F: FnOnce() -> Result<T, E>,
{
    type Output = T;
    type Error = E;
}

/// Does work elsewhere: on threads, in processes, on other machines.
pub trait Executor {
    /// Takes no further work; what was taken is done, unless it is to be cancelled.
    fn shutdown(&self, how: Shutdown);
}

/// An executor that does work of the kind `W`.
pub trait Submit<W: Work>: Executor {
    /// Has `work` done, after what was submitted before; the future says how far it is.
    ///
    /// # Errors
    ///
    /// The work, if the executor takes none.
    fn submit(&self, work: W) -> Result<Future<W::Output, W::Error>, Rejected<W>>;
}

/// How an executor is shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Returns only when all work is done and nothing of the executor is left.
    pub wait: bool,
    /// Cancels the work that nobody has begun.
    pub cancel_futures: bool,
}

/// Work that an executor did not take: it was shut down.
#[derive(Error)]
#[error("the executor was shut down and takes no further work")]
pub struct Rejected<W>(pub W);

impl<W> fmt::Debug for Rejected<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejected").finish_non_exhaustive()
    }
}
