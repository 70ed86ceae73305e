//! Who waits for whom: of two threads that wait for one another's locks, at least one sees it.

use loom::thread;

use super::{check, shared};
use crate::wait_graph::recorded;
use crate::{Event, Lock};

#[test]
fn the_last_to_wait_sees_the_cycle() {
    check(|| {
        let locks: &'static [Lock; 2] = shared([Lock::new(), Lock::new()]);
        let looked: &'static [Event; 2] = shared([Event::new(), Event::new()]);
        let look = move |me: usize| {
            let other = 1 - me;
            assert!(locks[me].try_acquire());
            recorded(&locks[other], other, |wait| {
                let cycle = wait.cycle(|_| {});
                looked[me].set();
                // Stays on record, as who really waits does.
                let _ = looked[other].wait(None);
                cycle.is_some()
            })
        };
        let other = thread::spawn(move || look(1));
        let has_seen = look(0);
        assert!(other.join().unwrap() || has_seen);
    });
}
