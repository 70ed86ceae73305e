//! Queues of waiters: what is handed to one that gives up at that moment is its own, and is there once.

use loom::thread;

use super::{check, shared, some_deadline};
use crate::gate::Gate;
use crate::waiters::{Ticket, WaitQueue, Waiter};

#[test]
fn what_is_handed_at_the_timeout_is_neither_lost_nor_doubled() {
    check(|| {
        let queue = shared(Gate::new(WaitQueue::new()));
        let waiter = Waiter::new();
        queue.enter().push_back(&waiter);
        let wait = thread::spawn(move || {
            if waiter.park(some_deadline()).is_err() {
                queue.enter().remove(&waiter);
            }
            waiter.take()
        });
        let handed = queue.enter().hand_to_first(7);
        let kept = handed.map_or_else(Some, |woken| {
            woken.wake();
            None
        });
        let taken = wait.join().unwrap();
        assert_eq!((taken.is_some(), kept.is_some()), (taken == Some(7), taken.is_none()));
    });
}

#[test]
fn a_waiter_may_wait_again() {
    use crate::waiters::{Signal, wake_all};

    check(|| {
        let queue = shared(Gate::new(WaitQueue::<()>::new()));
        let (waiter, mut ticket) = (Waiter::new(), Ticket::default());
        queue.enter().push(&waiter, &mut ticket);
        let wait = thread::spawn(move || {
            assert_eq!(waiter.park(None), Ok(Signal::RETRY));
            waiter.reset();
            queue.enter().push(&waiter, &mut ticket);
            assert_eq!(waiter.park(None), Ok(Signal::GRANTED));
        });
        wake_all(queue.enter().signal_first(Signal::RETRY));
        loop {
            let woken = queue.enter().signal_first(Signal::GRANTED);
            if let Some(woken) = woken {
                woken.wake();
                break;
            }
            thread::yield_now();
        }
        wait.join().unwrap();
    });
}
