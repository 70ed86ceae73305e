//! [`ThreadPool`]: an executor with threads of its own.

use std::fmt;
use std::thread;

use ungil_sync::waiters::Ticket;

use crate::executor::{Executor, Rejected, Shutdown, Submit};
use crate::future::Future;
use crate::pool::{Demand, Next, Pool, Refusal};
use crate::prim::Arc;

/// Threads that do work, and are used again; more are started while there is more work than threads, up to a number.
///
/// Dropping it takes no further work; what was taken is done, and then the threads end.
///
/// ```
/// use ungil_exec::{Failure, Submit, ThreadPool};
///
/// let pool = ThreadPool::new(2);
/// let future = pool.submit(|| "seven".parse::<i32>().map_err(|error| error.to_string())).unwrap();
/// assert!(matches!(future.result(None), Err(Failure::Failed(_))));
/// ```
pub struct ThreadPool {
    pool: Arc<Pool<Box<dyn Task>>>,
}

/// Work with its future.
trait Task: Send {
    fn run(self: Box<Self>);
    fn cancel(&self);
}

struct Job<F, T, E> {
    work: F,
    future: Future<T, E>,
}

impl<F, T, E> Task for Job<F, T, E>
where
    F: FnOnce() -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    fn run(self: Box<Self>) {
        let Self { work, future } = *self;
        future.run(work);
    }

    fn cancel(&self) {
        self.future.cancel();
        // As its worker would find it.
        let _ = self.future.begin();
    }
}

impl ThreadPool {
    /// A pool of at most so many threads, none of which is started yet; at least one.
    pub fn new(max_workers: usize) -> Self {
        Self { pool: Arc::new(Pool::new(max_workers, 0)) }
    }

    /// The number of threads.
    pub fn n_threads(&self) -> usize {
        self.pool.census().n_workers
    }
}

impl<F, T, E> Submit<F> for ThreadPool
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn submit(&self, work: F) -> Result<Future<T, E>, Rejected<F>> {
        if self.pool.is_shut_down() {
            return Err(Rejected(work));
        }
        let future = Future::new();
        let task = Box::new(Job { work, future: future.clone() });
        match self.pool.submit(task, 0) {
            Ok(Demand::None) => {}
            Ok(Demand::Worker(number)) => start(&self.pool, number),
            // Shut down since.
            Err((task, Refusal::ShutDown | Refusal::Full)) => task.cancel(),
        }
        Ok(future)
    }
}

impl Executor for ThreadPool {
    fn shutdown(&self, how: Shutdown) {
        self.pool.shutdown();
        if how.cancel_futures {
            self.pool.drain().iter().for_each(|task| task.cancel());
        }
        if how.wait {
            // Interrupted by a signal whose handler has run.
            while self.pool.join(&mut Ticket::default(), None).is_err() {}
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.pool.shutdown();
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("census", &self.pool.census()).finish()
    }
}

/// Starts a worker. If the system has no thread for it and there is no other, the tasks are cancelled.
fn start(pool: &Arc<Pool<Box<dyn Task>>>, number: usize) {
    let own = Arc::clone(pool);
    let started = thread::Builder::new().name(format!("ThreadPool-{number}")).spawn(move || work(&own));
    if started.is_err() {
        pool.lose(false).iter().for_each(|task| task.cancel());
    }
}

fn work(pool: &Pool<Box<dyn Task>>) {
    let mut was_called = true;
    loop {
        match pool.next(was_called) {
            Next::Task(task) => {
                was_called = false;
                task.run();
            }
            Next::Wait(place) => was_called = pool.wait(&place),
            Next::Leave => return,
        }
    }
}
