//! Events: no `set` is lost, none wakes who came after it was undone, and what was done before it is seen.

use loom::thread;

use super::{Guarded, check, shared, some_deadline};
use crate::{Event, WaitResult};

#[test]
fn a_set_ends_every_wait_and_what_was_done_before_it_is_seen() {
    check(|| {
        let (event, guarded) = (shared(Event::new()), shared(Guarded::default()));
        let wait = move || {
            assert_eq!(event.wait(None), WaitResult::Ready);
            assert_eq!(guarded.get(), 1);
        };
        let (one, two) = (thread::spawn(wait), thread::spawn(wait));
        guarded.add();
        event.set();
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(event.statistics().waiters, 0);
    });
}

#[test]
fn one_of_two_sets_is_enough_and_two_are_not_too_many() {
    check(|| {
        let event = shared(Event::new());
        let set = thread::spawn(|| event.set());
        let wait = thread::spawn(|| assert_eq!(event.wait(None), WaitResult::Ready));
        event.set();
        set.join().unwrap();
        wait.join().unwrap();
        assert!(event.is_set());
    });
}

#[test]
fn a_timeout_at_the_set_leaves_the_wake_up_to_who_waits_on() {
    check(|| {
        let event = shared(Event::new());
        let hasty = thread::spawn(|| event.wait(some_deadline()));
        let patient = thread::spawn(|| event.wait(None));
        event.set();
        let _ = hasty.join().unwrap();
        assert_eq!(patient.join().unwrap(), WaitResult::Ready);
        assert_eq!(event.statistics().waiters, 0);
    });
}

/// The `set` is seen and undone while it is still about to wake another thread.
#[test]
fn a_set_that_was_undone_ends_no_later_wait() {
    check(|| {
        let event = shared(Event::new());
        let other = thread::spawn(|| event.wait(None));
        let set = thread::spawn(|| event.set());
        assert_eq!(event.wait(None), WaitResult::Ready);
        event.clear();
        assert_eq!(event.wait(some_deadline()), WaitResult::TimedOut);
        event.set();
        set.join().unwrap();
        assert_eq!(other.join().unwrap(), WaitResult::Ready);
    });
}
