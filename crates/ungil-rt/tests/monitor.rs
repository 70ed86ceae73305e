//! The monitor: it moves the tick while a long call runs, ends some time after the last, and comes back for the next.
//! Alone in its process, since any long call would keep it up.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use ungil_rt::{LongCall, symbols, tick};

#[test]
fn the_monitor_lives_as_long_as_it_is_needed() {
    for _ in 0..2 {
        let calls = [LongCall::enter(), LongCall::enter()];
        assert!(tick::is_watched());
        wait_for_ticks(3);
        let [first, second] = calls;
        drop(first);
        wait_for_ticks(60);
        assert!(tick::is_watched(), "the second call still runs");
        drop(second);
        while tick::is_watched() {
            thread::sleep(tick::PERIOD);
        }
    }
}

fn wait_for_ticks(n_ticks: u32) {
    let (_, address) =
        symbols().into_iter().find(|(name, _)| *name == "ungil_rt_tick").expect("the tick's symbol");
    // SAFETY: the address is that of a static atomic.
    let tick = unsafe { &*(address as *const AtomicU32) };
    let start = tick.load(Ordering::Relaxed);
    while tick.load(Ordering::Relaxed).wrapping_sub(start) < n_ticks {
        thread::sleep(tick::PERIOD / 4);
    }
}
