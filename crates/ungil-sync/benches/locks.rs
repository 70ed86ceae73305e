//! What the primitives cost, beside `parking_lot` and the standard library: alone, contended, and from thread to thread.
//!
//! `cargo bench -p ungil-sync`. What the peers lack is built from their mutex and condition variable, as their users do it.
//! With several threads a figure is the time of one operation of one thread while the others do the same, in samples that
//! last much longer than it takes to start them all; on fewer cores than threads it says as much about the scheduler.

mod peers;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use divan::Bencher;
use parking_lot::ReentrantMutex;
use peers::{Flag, Mutual, Permits, Turns};

fn main() {
    // Not in the main thread, which is prepared for signals and sleeps sooner.
    thread::spawn(divan::main).join().unwrap();
}

/// How many threads there are at once.
const THREADS: [usize; 3] = [1, 2, 4];
/// So many operations that the threads of a sample overlap.
const MANY: u32 = 50_000;
const FEW: u32 = 40;

/// Acquires and releases, with little to do in between and after.
#[divan::bench(
    types = [ungil_sync::Lock, ungil_sync::RLock, peers::ParkingLot, ReentrantMutex<()>, peers::Std],
    threads = THREADS,
    sample_size = MANY,
    sample_count = FEW,
)]
fn acquire_and_release<L: Mutual + 'static>(bencher: Bencher<'_, '_>) {
    let lock = L::default();
    bencher.bench(|| lock.with(|| black_box(&lock)));
}

/// The same with some work inside and as much outside, as a program would have.
#[divan::bench(
    types = [ungil_sync::Lock, peers::ParkingLot, peers::Std],
    threads = THREADS,
    sample_size = MANY,
    sample_count = FEW,
)]
fn with_work<L: Mutual + 'static>(bencher: Bencher<'_, '_>) {
    let lock = L::default();
    let work = || (0..black_box(50_u32)).fold(0_u32, |sum, n| black_box(sum ^ n));
    bencher.bench(|| lock.with(work) ^ work());
}

/// Takes a permit of two and gives it back.
#[divan::bench(
    types = [ungil_sync::Semaphore, ungil_sync::BoundedSemaphore, peers::ParkingLot, peers::Std],
    threads = THREADS,
    sample_size = MANY,
    sample_count = FEW,
)]
fn take_and_give_back<S: Permits + 'static>(bencher: Bencher<'_, '_>) {
    let semaphore = S::new(2);
    bencher.bench(|| {
        semaphore.take();
        semaphore.give_back();
    });
}

/// Sets, waits for what is set, and clears.
#[divan::bench(types = [ungil_sync::Event, peers::ParkingLot, peers::Std])]
fn set_and_clear<E: Flag + 'static>(bencher: Bencher<'_, '_>) {
    let event = E::default();
    bencher.bench(|| {
        event.set();
        event.wait();
        event.clear();
    });
}

/// A notification that nobody waits for.
#[divan::bench(types = [peers::Ungil, peers::ParkingLot, peers::Std])]
fn notify_nobody<C: Turns + 'static>(bencher: Bencher<'_, '_>) {
    let turns = C::default();
    bencher.bench(|| turns.notify());
}

/// Two threads take turns under one condition: there and back.
#[divan::bench(types = [peers::Ungil, peers::ParkingLot, peers::Std], sample_size = 500, sample_count = FEW)]
fn ping_pong<C: Turns + 'static>(bencher: Bencher<'_, '_>) {
    let (turns, is_over) = (C::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                turns.take(true);
            }
        });
        bencher.bench_local(|| turns.take(false));
        is_over.store(true, Ordering::Relaxed);
        while !other.is_finished() {
            turns.give(true);
        }
    });
}

/// Two threads wake one another through two events: there and back.
#[divan::bench(types = [ungil_sync::Event, peers::ParkingLot, peers::Std], sample_size = 500, sample_count = FEW)]
fn toss<E: Flag + 'static>(bencher: Bencher<'_, '_>) {
    let (serve, reply, is_over) = (E::default(), E::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                serve.wait();
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                serve.clear();
                reply.set();
            }
        });
        bencher.bench_local(|| {
            serve.set();
            reply.wait();
            reply.clear();
        });
        is_over.store(true, Ordering::Relaxed);
        serve.set();
    });
}
