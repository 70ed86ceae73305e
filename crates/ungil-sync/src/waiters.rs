//! [`WaitQueue`]: threads that wait for the same thing, in the order in which they came.
//!
//! The protocol of a wait. The waiter enters the gate of the primitive, sees that it must wait, pushes a [`Waiter`] of its own,
//! leaves the gate and parks. Whoever ends the wait pops it inside the gate, signals inside the gate, and wakes after leaving it.
//! A waiter that gives up enters the gate again and looks for itself: if it is still in the queue it takes itself out, and
//! nobody will ever signal it; if it is not, the signal is already there, and what came with it is the waiter's to keep or to pass on.
//! (Or the thread has forked between two waits, and this is the child, whose queues are empty: then there is neither.)
//!
//! A waiter that gives up only for a while, because a signal has interrupted it, comes back with its [`Ticket`]. Until then it is in
//! no queue, so it is handed nothing that it could lose, and holds up nobody, also not a handler that waits for the same thing.
//!
//! ```
//! use ungil_sync::waiters::{Signal, WaitQueue, Waiter, wake_all};
//! use ungil_sync::{Deadline, Gate, WaitResult};
//!
//! static QUEUE: Gate<WaitQueue> = Gate::new(WaitQueue::new());
//!
//! fn wait_for_a_call(deadline: Deadline) -> WaitResult {
//!     let waiter = Waiter::new();
//!     QUEUE.enter().push_back(&waiter);
//!     match waiter.park(deadline) {
//!         Err(ended) if QUEUE.enter().remove(&waiter) => ended,
//!         _ => WaitResult::Ready,
//!     }
//! }
//!
//! fn call() {
//!     let woken = QUEUE.enter().signal(usize::MAX, Signal::GRANTED);
//!     wake_all(woken);
//! }
//!
//! let waiter = std::thread::spawn(|| wait_for_a_call(None));
//! while !waiter.is_finished() {
//!     call();
//! }
//! assert_eq!(waiter.join().unwrap(), WaitResult::Ready);
//! ```

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;
use std::task::Waker;

use crate::gate::AfterFork;
use crate::park::{Deadline, Parker, WaitResult};
use crate::prim::{Arc, Mutex};

/// Why a wait was ended; primitives give the numbers their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u32);

impl Signal {
    /// What was waited for has been given to the waiter.
    pub const GRANTED: Self = Self(1);
    /// What was waited for may be there: the waiter looks again.
    pub const RETRY: Self = Self(2);
    /// The thing waited for is gone.
    pub const CLOSED: Self = Self(3);
}

/// One wait of one thread, through which it may be handed a `T`.
#[derive(Debug)]
pub struct Waiter<T = ()> {
    parker: Parker,
    /// Filled before the signal is stored, emptied after it was seen; so nobody ever waits for this mutex.
    handed: Mutex<Option<T>>,
    /// Called in place of waking a thread, if the wait is a task's and not a thread's. Then it is let go, with what it refers to,
    /// which may be the task and this very wait.
    waker: Option<Mutex<Option<Waker>>>,
}

impl<T> Waiter<T> {
    /// A wait of this thread that has not begun.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { parker: Parker::new(), handed: Mutex::new(None), waker: None })
    }

    /// A wait that has not begun, of a task that `waker` wakes, by whatever thread ends the wait, outside of the gate.
    pub fn of_task(waker: Waker) -> Arc<Self> {
        Arc::new(Self {
            parker: Parker::new(),
            handed: Mutex::new(None),
            waker: Some(Mutex::new(Some(waker))),
        })
    }

    /// Sleeps until signalled.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`] if that comes first: the waiter must then look for itself in
    /// the queue ([`WaitQueue::remove`]).
    pub fn park(&self, deadline: Deadline) -> Result<Signal, WaitResult> {
        self.parker.park(deadline).map(Signal)
    }

    /// The signal, if there is one.
    pub fn signal(&self) -> Option<Signal> {
        self.parker.signal().map(Signal)
    }

    /// What the waiter was handed.
    pub fn take(&self) -> Option<T> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes ready for another wait; for the waiting thread, while it is in no queue.
    pub fn reset(&self) {
        self.parker.reset();
    }
}

/// A waiter that has been signalled and may still sleep.
#[derive(Debug)]
#[must_use = "the waiter sleeps until it is woken"]
pub struct Woken<T = ()> {
    waiter: Arc<Waiter<T>>,
    is_asleep: bool,
}

impl<T> Woken<T> {
    fn signal(waiter: Arc<Waiter<T>>, signal: Signal) -> Self {
        let is_asleep = waiter.parker.store(signal.0);
        Self { waiter, is_asleep }
    }

    /// Wakes it; to be called outside of the gate.
    pub fn wake(self) {
        match &self.waiter.waker {
            Some(waker) => {
                let waker = waker.lock().unwrap_or_else(PoisonError::into_inner).take();
                // Outside of the mutex, for it may run anything.
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            None if self.is_asleep => self.waiter.parker.wake(),
            None => {}
        }
    }
}

/// Wakes all of `woken`.
pub fn wake_all<T>(woken: impl IntoIterator<Item = Woken<T>>) {
    woken.into_iter().for_each(Woken::wake);
}

/// Where a thread stands in a [`WaitQueue`], from the first time that it waits there. It may leave the queue, and come back to its place.
///
/// ```
/// use ungil_sync::waiters::{Signal, Ticket, WaitQueue, Waiter};
///
/// let mut queue = WaitQueue::<()>::new();
/// let (mut first, mut second) = (Ticket::default(), Ticket::default());
/// let (one, two) = (Waiter::new(), Waiter::new());
/// queue.push(&one, &mut first);
/// queue.push(&two, &mut second);
/// queue.remove(&one);
/// queue.push(&one, &mut first);
/// queue.signal_first(Signal::GRANTED).unwrap().wake();
/// assert_eq!(one.signal(), Some(Signal::GRANTED));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticket(Option<u64>);

/// Waiters in the order in which they came. To be kept inside a gate.
#[derive(Debug)]
pub struct WaitQueue<T = ()> {
    /// With their numbers, which grow from the first to the last.
    waiters: VecDeque<(u64, Arc<Waiter<T>>)>,
    /// The number of the next to come.
    next: u64,
}

impl<T> WaitQueue<T> {
    /// Nobody; allocates nothing.
    pub const fn new() -> Self {
        Self { waiters: VecDeque::new(), next: 0 }
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// The last to be served, which will not come back.
    pub fn push_back(&mut self, waiter: &Arc<Waiter<T>>) {
        self.push(waiter, &mut Ticket::default());
    }

    /// Puts `waiter` in the place that `ticket` says: the last, if it says none yet.
    pub fn push(&mut self, waiter: &Arc<Waiter<T>>, ticket: &mut Ticket) {
        let number = *ticket.0.get_or_insert(self.next);
        self.next = self.next.max(number + 1);
        let at = self.waiters.partition_point(|(other, _)| *other < number);
        self.waiters.insert(at, (number, Arc::clone(waiter)));
    }

    /// Signals who came first.
    pub fn signal_first(&mut self, signal: Signal) -> Option<Woken<T>> {
        self.waiters.pop_front().map(|(_, first)| Woken::signal(first, signal))
    }

    /// Signals those who came first, `n` of them or all.
    pub fn signal(&mut self, n: usize, signal: Signal) -> Vec<Woken<T>> {
        let first = self.waiters.drain(..n.min(self.waiters.len()));
        first.map(|(_, waiter)| Woken::signal(waiter, signal)).collect()
    }

    /// Hands `thing` to who came first, with [`Signal::GRANTED`]; gives it back if nobody waits.
    ///
    /// # Errors
    ///
    /// `thing`.
    pub fn hand_to_first(&mut self, thing: T) -> Result<Woken<T>, T> {
        let Some((_, first)) = self.waiters.pop_front() else { return Err(thing) };
        *first.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(thing);
        Ok(Woken::signal(first, Signal::GRANTED))
    }

    /// Takes `waiter` out, which gives up; false if it has been signalled already.
    pub fn remove(&mut self, waiter: &Arc<Waiter<T>>) -> bool {
        let at = self.waiters.iter().position(|(_, each)| Arc::ptr_eq(each, waiter));
        at.is_some_and(|at| self.waiters.remove(at).is_some())
    }
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> AfterFork for WaitQueue<T> {
    fn after_fork(&mut self, _is_torn: bool) {
        // The waiters belong to threads that are not in this process; what they hold is left as it is.
        mem::forget(mem::take(self));
    }
}
