//! Items between threads, beside `crossbeam-channel` and the standard library's channel: `cargo bench -p ungil-queue`.
//!
//! A channel has no order but that of putting, counts no tasks and cannot be looked into, and needs no lock for what it does;
//! a queue holds one for each item. Where a channel has to wake a thread for most items, both take as long.

use std::sync::mpsc;
use std::thread;

use divan::Bencher;
use divan::counter::ItemsCount;
use ungil_queue::Queue;

fn main() {
    // Not in the main thread, which is prepared for signals and sleeps sooner.
    thread::spawn(divan::main).join().unwrap();
}

const N_ITEMS: usize = 100_000;

/// What items go through.
trait Channel: Sync {
    fn new(places: Option<usize>) -> Self;
    fn put(&self, item: usize);
    fn get(&self) -> usize;
}

impl Channel for Queue<usize> {
    fn new(places: Option<usize>) -> Self {
        Self::new(places.unwrap_or(0))
    }

    fn put(&self, item: usize) {
        self.put(item, None).unwrap();
    }

    fn get(&self) -> usize {
        self.get(None).unwrap()
    }
}

struct Crossbeam(crossbeam_channel::Sender<usize>, crossbeam_channel::Receiver<usize>);

impl Channel for Crossbeam {
    fn new(places: Option<usize>) -> Self {
        let (sender, receiver) = places.map_or_else(crossbeam_channel::unbounded, crossbeam_channel::bounded);
        Self(sender, receiver)
    }

    fn put(&self, item: usize) {
        self.0.send(item).unwrap();
    }

    fn get(&self) -> usize {
        self.1.recv().unwrap()
    }
}

/// With a mutex around its receiver, since it is for one.
struct Std(mpsc::SyncSender<usize>, std::sync::Mutex<mpsc::Receiver<usize>>);

impl Channel for Std {
    fn new(places: Option<usize>) -> Self {
        let (sender, receiver) = mpsc::sync_channel(places.unwrap_or(N_ITEMS));
        Self(sender, receiver.into())
    }

    fn put(&self, item: usize) {
        self.0.send(item).unwrap();
    }

    fn get(&self) -> usize {
        self.1.lock().unwrap().recv().unwrap()
    }
}

/// One item, in one thread.
#[divan::bench(types = [Queue<usize>, Crossbeam, Std])]
fn put_and_get<C: Channel>(bencher: Bencher<'_, '_>) {
    let channel = C::new(None);
    bencher.bench_local(|| {
        channel.put(1);
        channel.get()
    });
}

#[divan::bench(types = [Queue<usize>, Crossbeam, Std], args = [1, 4], sample_count = 20)]
fn through_any_number_of_places<C: Channel>(bencher: Bencher<'_, '_>, n_pairs: usize) {
    pass::<C>(bencher, n_pairs, None);
}

#[divan::bench(types = [Queue<usize>, Crossbeam, Std], args = [1, 4], sample_count = 20)]
fn through_100_places<C: Channel>(bencher: Bencher<'_, '_>, n_pairs: usize) {
    pass::<C>(bencher, n_pairs, Some(100));
}

/// Items from so many threads to as many.
fn pass<C: Channel>(bencher: Bencher<'_, '_>, n_pairs: usize, places: Option<usize>) {
    bencher.counter(ItemsCount::new(N_ITEMS)).bench_local(|| {
        let channel = C::new(places);
        thread::scope(|scope| {
            for _ in 0..n_pairs {
                scope.spawn(|| (0..N_ITEMS / n_pairs).for_each(|item| channel.put(item)));
                scope.spawn(|| (0..N_ITEMS / n_pairs).for_each(|_| _ = divan::black_box(channel.get())));
            }
        });
    });
}
