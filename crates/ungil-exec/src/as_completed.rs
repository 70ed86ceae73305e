//! [`as_completed`]: several futures in the order of their ends.

use std::collections::VecDeque;

use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult};

use crate::future::Future;
use crate::group::Group;
use crate::prim::Arc;

/// Gives several futures, each when it is done; made by [`as_completed`].
#[derive(Debug)]
pub struct AsCompleted<T, E> {
    group: Arc<Group>,
    /// By their numbers; one that has been given is gone, and with it its result.
    futures: Vec<Option<Future<T, E>>>,
    /// Numbers of those that are done and have not been given.
    ready: VecDeque<usize>,
    n_left: usize,
    deadline: Deadline,
}

/// Gives each of `futures` when it is done, the first first.
///
/// It ends with an error if the deadline passes or a signal arrives before all are done; a further call of `next` then waits again.
///
/// ```
/// use ungil_exec::{Submit, ThreadPool, as_completed};
///
/// let pool = ThreadPool::new(2);
/// let futures = [1, 2, 3].map(|n| pool.submit(move || Ok::<_, String>(n)).unwrap());
/// let sum: i32 = as_completed(futures, None).map(|future| future.unwrap().result(None).unwrap()).sum();
/// assert_eq!(sum, 6);
/// ```
pub fn as_completed<T, E>(
    futures: impl IntoIterator<Item = Future<T, E>>,
    deadline: Deadline,
) -> AsCompleted<T, E> {
    let group = Arc::new(Group::new());
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    let ready = (0..futures.len())
        .filter(|&index| futures[index].as_ref().is_some_and(|it| it.watch(&group, index).is_some()));
    AsCompleted { ready: ready.collect(), n_left: futures.len(), group, futures, deadline }
}

impl<T, E> Iterator for AsCompleted<T, E> {
    type Item = Result<Future<T, E>, WaitResult>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.n_left == 0 {
            return None;
        }
        if self.ready.is_empty() {
            if let Err(ended) = self.group.wait(&mut Ticket::default(), self.deadline) {
                return Some(Err(ended));
            }
            self.ready = self.group.take();
        }
        let future = self.ready.pop_front().and_then(|index| self.futures[index].take())?;
        self.n_left -= 1;
        Some(Ok(future))
    }
}

impl<T, E> Drop for AsCompleted<T, E> {
    fn drop(&mut self) {
        self.futures.iter().flatten().for_each(|future| future.unwatch(&self.group));
    }
}
