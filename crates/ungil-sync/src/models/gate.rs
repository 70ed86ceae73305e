//! The gate itself, which the other models replace: it admits one at a time, wakes who sleeps before it, and a forked child
//! takes it over once.

use loom::thread;

use super::{Guarded, check, shared};
use crate::gate::AfterFork;
use crate::gate::real::Gate;
use crate::prim::chosen;

#[derive(Default)]
struct Value {
    entries: Guarded,
    forks: Guarded,
    is_torn: bool,
}

impl AfterFork for Value {
    fn after_fork(&mut self, is_torn: bool) {
        self.forks.add();
        self.is_torn = is_torn;
    }
}

#[test]
fn it_admits_one_of_three_threads_at_a_time() {
    check(|| {
        let gate = shared(Gate::new(Value::default()));
        let enter = || gate.enter().entries.add();
        let others = [thread::spawn(enter), thread::spawn(enter)];
        enter();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(gate.enter().entries.get(), 3);
        assert_eq!(gate.enter().forks.get(), 0);
    });
}

/// Somebody was inside, or even waited before it, when the process forked.
#[test]
fn a_forked_child_takes_it_over_once() {
    for is_torn in [true, false] {
        check(move || {
            let gate = shared(Gate::new(Value::default()));
            let parent = gate.enter();
            if is_torn {
                std::mem::forget(parent);
            } else {
                drop(parent);
            }
            chosen::GENERATION.set(1);
            let enter = || gate.enter().entries.add();
            let other = thread::spawn(enter);
            enter();
            other.join().unwrap();
            let value = gate.enter();
            assert_eq!((value.entries.get(), value.forks.get(), value.is_torn), (2, 1, is_torn));
        });
    }
}
