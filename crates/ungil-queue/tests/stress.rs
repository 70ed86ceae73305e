//! Eight threads and a million items through each queue: every item comes out once, in the order that the queue promises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ungil_queue::{Fifo, GetError, Heap, Lifo, PutError, Queue, Refused, Store};
use ungil_sync::{Deadline, deadline_in};

const N_PRODUCERS: u64 = 4;
const N_CONSUMERS: u64 = 4;
const N_ITEMS: u64 = 1_000_000;

/// So soon that it often passes at the moment at which the wait would have ended.
fn soon() -> Deadline {
    deadline_in(Duration::from_micros(20))
}

/// The `n`th item of a producer: the numbers of all producers are 0, 1, 2 and so on.
fn item(producer: u64, n: u64) -> u64 {
    n * N_PRODUCERS + producer
}

/// Puts an item; every other producer in little time, and then again until it comes off.
fn put<S: Store<Item = u64>>(queue: &Queue<u64, S>, producer: u64, mut item: u64) {
    loop {
        match queue.put(item, if producer.is_multiple_of(2) { soon() } else { None }) {
            Ok(()) => return,
            Err(PutError { item: back, why: Refused::Full | Refused::Interrupted }) => item = back,
            Err(_) => unreachable!("nothing else refuses a number"),
        }
    }
}

/// All that a consumer gets until the queue is shut down, in its order; every other consumer waits in little steps.
fn consume<S: Store<Item = u64>>(queue: &Queue<u64, S>, consumer: u64) -> Vec<u64> {
    let mut items = Vec::new();
    loop {
        match queue.get(if consumer.is_multiple_of(2) { soon() } else { None }) {
            Ok(item) => {
                items.push(item);
                queue.task_done().unwrap();
            }
            Err(GetError::ShutDown) => return items,
            Err(GetError::Empty | GetError::Interrupted) => {}
            Err(_) => unreachable!("nothing else keeps a number back"),
        }
    }
}

/// Sends items from four threads to four, with no more than `max_size` on their way; what each consumer got.
fn pass<S: Store<Item = u64> + Default + Send>(n_items: u64, max_size: usize) -> Vec<Vec<u64>>
where
    Queue<u64, S>: Sync,
{
    let queue = Queue::<u64, S>::new(max_size);
    let most = AtomicUsize::new(0);
    let got = thread::scope(|scope| {
        let queue = &queue;
        let consumers: Vec<_> =
            (0..N_CONSUMERS).map(|consumer| scope.spawn(move || consume(queue, consumer))).collect();
        let producers: Vec<_> = (0..N_PRODUCERS)
            .map(|producer| {
                let most = &most;
                scope.spawn(move || {
                    for n in 0..n_items / N_PRODUCERS {
                        put(queue, producer, item(producer, n));
                        most.fetch_max(queue.len(), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        let _ = queue.join(None);
        assert!(queue.is_empty(), "every task is done");
        queue.shutdown();
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(max_size == 0 || most.into_inner() <= max_size);
    let mut all = got.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..n_items), "each item once");
    got
}

#[test]
fn first_in_first_out() {
    // One place takes a wake-up for each item.
    for (n_items, max_size) in [(N_ITEMS, 0), (N_ITEMS / 10, 1), (N_ITEMS, 100)] {
        for items in pass::<Fifo<u64>>(n_items, max_size) {
            for producer in 0..N_PRODUCERS {
                let theirs = items.iter().filter(|item| **item % N_PRODUCERS == producer);
                assert!(theirs.is_sorted(), "in the order in which they were put");
            }
        }
    }
}

#[test]
fn last_in_first_out() {
    pass::<Lifo<u64>>(N_ITEMS, 0);
    pass::<Lifo<u64>>(N_ITEMS, 100);
}

#[test]
fn the_least_first() {
    pass::<Heap<u64>>(N_ITEMS, 0);
    pass::<Heap<u64>>(N_ITEMS, 100);
}

/// Whatever is there comes out in order, when nobody puts any more.
#[test]
fn a_heap_that_eight_threads_filled_is_emptied_in_order() {
    let queue = Queue::<u64, Heap<u64>>::new(0);
    thread::scope(|scope| {
        for producer in 0..N_PRODUCERS + N_CONSUMERS {
            let queue = &queue;
            let each = N_ITEMS / (N_PRODUCERS + N_CONSUMERS);
            scope.spawn(move || {
                (0..each)
                    .rev()
                    .for_each(|n| queue.put(n * 8 + producer, None).unwrap_or_else(|_| unreachable!()));
            });
        }
    });
    let items = std::iter::from_fn(|| queue.try_get().ok());
    assert!(items.eq(0..N_ITEMS));
}
