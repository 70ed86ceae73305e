//! [`wait`]: waits until enough of several futures are done.

use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult};

use crate::future::Future;
use crate::group::{Ending, Group};
use crate::prim::Arc;

/// How many of several futures are enough; the names of `concurrent.futures`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// One, however it ended.
    FirstCompleted,
    /// One that has failed, or all.
    FirstException,
    /// All.
    AllCompleted,
}

/// Which of several futures were done when a wait ended.
#[derive(Debug)]
pub struct Done<T, E> {
    /// Those that were, in no order.
    pub done: Vec<Future<T, E>>,
    /// The others.
    pub not_done: Vec<Future<T, E>>,
}

/// Waits until enough of `futures` are done, or the deadline passes; says which were.
///
/// A cancelled future counts once its worker has found it so.
///
/// # Errors
///
/// [`WaitResult::Interrupted`].
///
/// ```
/// use ungil_exec::{Submit, ThreadPool, Until, wait};
///
/// let pool = ThreadPool::new(2);
/// let futures = [1, 2, 3].map(|n| pool.submit(move || Ok::<_, String>(n)).unwrap());
/// let waited = wait(futures, Until::AllCompleted, None).unwrap();
/// assert_eq!((waited.done.len(), waited.not_done.len()), (3, 0));
/// ```
pub fn wait<T, E>(
    futures: impl IntoIterator<Item = Future<T, E>>,
    until: Until,
    deadline: Deadline,
) -> Result<Done<T, E>, WaitResult> {
    let group = Arc::new(Group::new());
    let futures: Vec<_> = futures.into_iter().collect();
    let mut is_done = vec![false; futures.len()];
    let mut has_failed = false;
    for (index, future) in futures.iter().enumerate() {
        if let Some(ending) = future.watch(&group, index) {
            is_done[index] = true;
            has_failed |= ending == Ending::Raised;
        }
    }
    let n_open = is_done.iter().filter(|is_done| !**is_done).count();
    let is_enough = match until {
        Until::FirstCompleted => n_open < futures.len(),
        Until::FirstException => has_failed || n_open == 0,
        Until::AllCompleted => n_open == 0,
    };
    let mut ended = Ok(());
    if !is_enough {
        let n_needed = if until == Until::FirstCompleted { n_open.min(1) } else { n_open };
        group.need(n_needed, until == Until::FirstException);
        ended = group.wait(&mut Ticket::default(), deadline);
    }
    for future in &futures {
        future.unwatch(&group);
    }
    if ended == Err(WaitResult::Interrupted) {
        return Err(WaitResult::Interrupted);
    }
    for index in group.take() {
        is_done[index] = true;
    }
    let (mut done, mut not_done) = (Vec::new(), Vec::new());
    for (future, is_done) in futures.into_iter().zip(is_done) {
        if is_done { done.push(future) } else { not_done.push(future) }
    }
    Ok(Done { done, not_done })
}
