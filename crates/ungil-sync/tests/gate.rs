//! `Gate`: one thread inside at a time.

use std::thread;

use ungil_sync::{AfterFork, Gate};

struct Count(u64);

impl AfterFork for Count {
    fn after_fork(&mut self, _is_torn: bool) {
        unreachable!("nobody forks here");
    }
}

static GATE: Gate<Count> = Gate::new(Count(0));

#[test]
fn it_admits_one_of_eight_threads_at_a_time() {
    const EACH: u64 = 125_000;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let mut count = GATE.enter();
                    // Read and written in two steps, so that two threads inside would lose some.
                    let seen = count.0;
                    std::hint::black_box(&mut count).0 = seen + 1;
                }
            });
        }
    });
    assert_eq!(GATE.enter().0, 8 * EACH);
}

#[test]
fn a_panic_inside_opens_it() {
    let gate = Gate::new(Count(1));
    let result = thread::scope(|scope| {
        let panics = || {
            let _inside = gate.enter();
            panic!("inside");
        };
        scope.spawn(panics).join()
    });
    assert!(result.is_err());
    assert_eq!(gate.enter().0, 1);
}
