//! [`Future`]: the handle of work that an executor does.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;
use ungil_sync::patience::Patience;
use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult};

use crate::completion::{Cancellation, Completion, Monitor, Refused, Told};
use crate::group::{Ending, Group};
use crate::prim::Arc;
use crate::state::State;

/// What is called at the end of a future, by the thread that makes the end.
type Callback<T, E> = Box<dyn FnOnce(&Future<T, E>) + Send>;

/// Work that an executor does, and what came of it: a result, or an error of type `E`.
///
/// A handle may be cloned and sent; all clones are the same future. Dropping them does not stop the work.
///
/// ```
/// use ungil_exec::{Future, State};
///
/// let future = Future::<i32, String>::new();
/// assert!(future.begin().unwrap());
/// future.finish(Ok(1)).unwrap();
/// assert_eq!((future.state(), future.result(None)), (State::Finished, Ok(1)));
/// ```
pub struct Future<T, E>(Arc<Shared<T, E>>);

struct Shared<T, E> {
    completion: Completion<T, Failure<E>, Callback<T, E>>,
    patience: Patience,
}

/// Why a future gives no result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure<E> {
    /// The work has failed.
    #[error("the work has failed: {0}")]
    Failed(E),
    /// The work has panicked, with this message.
    #[error("the work has panicked: {0}")]
    Panicked(String),
    /// The future was cancelled.
    #[error("the future was cancelled")]
    Cancelled,
    /// The future was not done in time.
    #[error("the future was not done in time")]
    TimedOut,
    /// A signal has interrupted the wait.
    #[error("a signal has interrupted the wait")]
    Interrupted,
}

/// The future has come too far for what was asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a future that is {} cannot be begun or finished", .0.name())]
pub struct InvalidState(pub State);

impl<T, E> Future<T, E> {
    /// A future whose work nobody has begun; for authors of executors.
    pub fn new() -> Self {
        Self(Arc::new(Shared { completion: Completion::new(), patience: Patience::new() }))
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.0.completion.state()
    }

    /// Whether it has come to its end.
    pub fn is_done(&self) -> bool {
        self.state().is_done()
    }

    /// Cancels it, if nobody has begun the work; whether it is cancelled now.
    pub fn cancel(&self) -> bool {
        match self.0.completion.cancel(Monitor::NotHeld) {
            Ok(Cancellation::Made(told)) => {
                self.tell(told);
                true
            }
            Ok(Cancellation::AlreadyMade) => true,
            Ok(Cancellation::TooLate) => false,
            Err(refused) => unmonitored(refused),
        }
    }

    /// Waits for its end until the deadline.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait(&self, deadline: Deadline) -> Result<(), WaitResult> {
        if self.is_done() {
            return Ok(());
        }
        self.0.completion.wait(&mut Ticket::default(), &self.0.patience, deadline)
    }

    /// Waits for its end until the deadline, and looks at what came of it.
    ///
    /// # Errors
    ///
    /// Why there is no result. `look` has then not been called.
    pub fn with_result<R>(&self, deadline: Deadline, look: impl FnOnce(&T) -> R) -> Result<R, Failure<E>>
    where
        E: Clone,
    {
        match self.wait(deadline) {
            Ok(()) => {}
            Err(WaitResult::Interrupted) => return Err(Failure::Interrupted),
            Err(_) => return Err(Failure::TimedOut),
        }
        let seen = self.0.completion.outcome(|outcome| outcome.as_ref().map(look).map_err(Clone::clone));
        seen.unwrap_or(Err(Failure::Cancelled))
    }

    /// Waits for its end until the deadline, and returns the result.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn result(&self, deadline: Deadline) -> Result<T, Failure<E>>
    where
        T: Clone,
        E: Clone,
    {
        self.with_result(deadline, T::clone)
    }

    /// Calls `callback` at its end, on the thread that makes the end; at once, if it has come already. Callbacks are called in the order in which
    /// they were added, and one that panics keeps no other from being called.
    pub fn on_done(&self, callback: impl FnOnce(&Self) + Send + 'static) {
        if let Err(callback) = self.0.completion.add_callback(Box::new(callback)) {
            callback(self);
        }
    }

    /// The worker begins; whether it is to do the work, or to leave it since the future was cancelled. For authors of executors.
    ///
    /// # Errors
    ///
    /// It was begun before.
    pub fn begin(&self) -> Result<bool, InvalidState> {
        match self.0.completion.begin(Monitor::NotHeld) {
            Ok((is_wanted, told)) => {
                self.tell(told);
                Ok(is_wanted)
            }
            Err(Refused::State(state)) => Err(InvalidState(state)),
            Err(Refused::Monitored) => unmonitored(Refused::Monitored),
        }
    }

    /// The work is over. For authors of executors.
    ///
    /// # Errors
    ///
    /// It was cancelled, or finished before; the outcome is dropped.
    pub fn finish(&self, outcome: Result<T, Failure<E>>) -> Result<(), InvalidState> {
        match self.0.completion.finish(outcome, Monitor::NotHeld) {
            Ok(told) => {
                self.tell(told);
                Ok(())
            }
            Err((_, Refused::State(state))) => Err(InvalidState(state)),
            Err((_, Refused::Monitored)) => unmonitored(Refused::Monitored),
        }
    }

    /// Does `work`, unless the future was cancelled, and finishes with what comes of it.
    pub(crate) fn run(&self, work: impl FnOnce() -> Result<T, E>) {
        if self.begin() != Ok(true) {
            return;
        }
        let outcome = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(Failure::Failed(error)),
            Err(panic) => Err(Failure::Panicked(message(&*panic))),
        };
        // It runs, so nobody else can have ended it but another `finish`, which then counts.
        let _ = self.finish(outcome);
    }

    /// How it ended, if it has; or else `group` is told, under that number.
    pub(crate) fn watch(&self, group: &Arc<Group>, index: usize) -> Option<Ending> {
        self.0.completion.watch(group, index)
    }

    /// No longer tells `group`.
    pub(crate) fn unwatch(&self, group: &Arc<Group>) {
        self.0.completion.unwatch(group);
    }

    fn tell(&self, told: Told<Callback<T, E>>) {
        for callback in told.wake() {
            // The hook of panics has reported it; the others are called.
            let _ = catch_unwind(AssertUnwindSafe(|| callback(self)));
        }
    }
}

impl<T, E> Clone for Future<T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, E> Default for Future<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> fmt::Debug for Future<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future").field("state", &self.state()).finish_non_exhaustive()
    }
}

fn unmonitored(refused: Refused) -> ! {
    unreachable!("{refused:?}: futures of Rust have no monitor")
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
