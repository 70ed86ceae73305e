//! Queues between processes: each item once and whole, whoever is killed, and whatever is written into the words.

use std::thread;
use std::time::Duration;

use ungil_sync::{Deadline, WaitResult, deadline_in};

use super::record::{CAPACITY, Record, UNITS};
use super::*;

fn soon() -> Deadline {
    deadline_in(Duration::from_mins(1))
}

/// Waits on, whatever signals there are.
fn patiently<R>(mut wait: impl FnMut() -> Result<Result<R, Corrupt>, WaitResult>) -> R {
    loop {
        match wait() {
            Ok(result) => return result.expect("no nonsense"),
            Err(WaitResult::Interrupted) => {}
            Err(ended) => panic!("waited in vain: {ended:?}"),
        }
    }
}

fn put(queue: &Queue, item: &[u8]) {
    let mut pouring = queue.pour(item, false);
    patiently(|| pouring.proceed(soon()));
}

fn get(queue: &Queue) -> Vec<u8> {
    let mut getting = queue.get();
    patiently(|| getting.proceed(soon()))
}

/// An item that tells whether it is whole.
fn item(number: u32, len: usize) -> Vec<u8> {
    let mut item = number.to_le_bytes().to_vec();
    item.resize(len.max(4), number as u8);
    item
}

/// Its number.
fn number(item: &[u8]) -> u32 {
    let (number, rest) = item.split_first_chunk().expect("four bytes");
    let number = u32::from_le_bytes(*number);
    assert!(rest.iter().all(|byte| *byte == number as u8), "item {number} is torn");
    number
}

fn fork(work: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs `work`, which uses nothing of other threads, and ends by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the call has no requirement; a child that hangs is killed.
        unsafe { libc::alarm(60) };
        work();
        // SAFETY: the call has no requirement.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0, "fork failed");
    pid
}

fn kill(pid: libc::pid_t) {
    // SAFETY: our child, which has not been waited for.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    join(pid);
}

fn join(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: our child, which has not been waited for; the status is ours to write.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

#[test]
fn items_of_all_sizes_come_out_as_they_went_in() {
    let queue = Queue::new(u32::MAX).expect("memory");
    let lens = [0, 1, 7, 8, 9, 1000, CAPACITY / 2, CAPACITY - 16, CAPACITY - 8, CAPACITY, 3 * CAPACITY + 5];
    let items: Vec<Vec<u8>> = lens.iter().map(|len| vec![*len as u8; *len]).collect();
    thread::scope(|scope| {
        scope.spawn(|| (0..3).for_each(|_| items.iter().for_each(|item| put(&queue, item))));
        for _ in 0..3 {
            for item in &items {
                assert!(get(&queue) == *item, "one of {} bytes", item.len());
            }
        }
    });
    assert!(queue.is_empty());
    assert_eq!(queue.len(), 0);
}

#[test]
fn what_does_not_fit_is_promised_and_counted() {
    let queue = Queue::new(2).expect("memory");
    assert_eq!(queue.try_put(b"one"), Ok(Outcome::Done));
    let large = vec![1; CAPACITY];
    assert_eq!(queue.put(&large, true, soon()), Ok(Ok(Outcome::Promised)));
    assert!(queue.is_full());
    assert_eq!(queue.try_put(b"three"), Ok(Outcome::Busy));
    assert_eq!(queue.put(b"three", true, deadline_in(Duration::from_millis(1))), Err(WaitResult::TimedOut));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut pouring = queue.pour(&large, true);
            patiently(|| pouring.proceed(soon()));
        });
        assert_eq!(get(&queue), b"one");
        assert_eq!(get(&queue), large);
    });
    assert_eq!(queue.len(), 0);
}

#[test]
fn many_producers_and_consumers_lose_nothing() {
    const N: u32 = 3000;
    let (queue, out) = (Queue::new(50).expect("memory"), Queue::new(u32::MAX).expect("memory"));
    let producers = [0, 1].map(|which| {
        fork(|| {
            for n in 0..N {
                let item = item(which * N + n, if n % 500 == 7 { CAPACITY + 9 } else { n as usize % 100 });
                if patiently(|| queue.put(&item, true, soon())) == Outcome::Promised {
                    let mut pouring = queue.pour(&item, true);
                    patiently(|| pouring.proceed(soon()));
                }
            }
        })
    });
    let consumers = [(); 2].map(|()| {
        fork(|| {
            loop {
                let number = number(&get(&queue));
                put(&out, &number.to_le_bytes());
                if number == u32::MAX {
                    break;
                }
            }
        })
    });
    let (mut numbers, mut n_ended) = (Vec::new(), 0);
    let mut producers = Some(producers);
    while n_ended < 2 {
        match number(&get(&out)) {
            u32::MAX => n_ended += 1,
            number => numbers.push(number),
        }
        if numbers.len() == 2 * N as usize
            && let Some(producers) = producers.take()
        {
            for producer in producers {
                assert_eq!(join(producer), 0);
            }
            (0..2).for_each(|_| put(&queue, &item(u32::MAX, 4)));
        }
    }
    for consumer in consumers {
        assert_eq!(join(consumer), 0);
    }
    numbers.sort_unstable();
    assert!(numbers == (0..2 * N).collect::<Vec<_>>());
}

#[test]
fn whoever_is_killed_the_others_go_on_and_no_item_is_torn() {
    let queue = Queue::new(20).expect("memory");
    for round in 0..40 {
        let produce = || {
            for n in 0_u32.. {
                let item = item(n, if n % 5 == 3 { 2 * CAPACITY } else { 40 });
                if patiently(|| queue.put(&item, true, soon())) == Outcome::Promised {
                    let mut pouring = queue.pour(&item, true);
                    patiently(|| pouring.proceed(soon()));
                }
            }
        };
        let consume = || {
            loop {
                number(&get(&queue));
            }
        };
        let victims = [fork(produce), fork(consume)];
        let survivor = fork(produce);
        for _ in 0..20 {
            number(&get(&queue));
        }
        // Wherever they are.
        victims.into_iter().for_each(kill);
        for _ in 0..20 {
            number(&get(&queue));
        }
        kill(survivor);
        // What is left is whole, but for what the last one was putting.
        let mut last = queue.get();
        while let Ok(item) = last.proceed(deadline_in(Duration::from_millis(u64::from(round % 2 == 0)))) {
            number(&item.expect("no nonsense"));
        }
    }
    // No room is lost to the dead.
    for n in 0..20 {
        let item = item(n, 4);
        // The first one may find that an item was passing in pieces when its producer was killed.
        if patiently(|| queue.put(&item, true, soon())) == Outcome::Promised {
            let mut pouring = queue.pour(&item, true);
            patiently(|| pouring.proceed(soon()));
        }
    }
    assert!(queue.is_full());
    for n in 0..20 {
        assert_eq!(number(&get(&queue)), n);
    }
}

#[test]
fn a_promise_is_ended_where_it_was_made_though_earlier_entries_are_free_again() {
    let queue = Queue::new(3).expect("memory");
    let promise = || assert_eq!(patiently(|| queue.put(b"", false, soon())), Outcome::Promised);
    // Its entry is the first, and this process's the second.
    let killed = fork(promise);
    join(killed);
    promise();
    // Fills the queue, and finds the dead one's promise void.
    promise();
    promise();
    assert!(queue.is_full());
    for _ in 0..3 {
        queue.end_promise();
    }
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_descriptor_tells_of_items_and_of_nothing_else() {
    let queue = Queue::new(u32::MAX).and_then(|queue| queue.with_bell(None)).expect("memory");
    let is_readable = || {
        let fd = queue.bell().expect("it has one");
        let mut polled =
            libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&fd), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which is ours; without a wait.
        unsafe { libc::poll(&raw mut polled, 1, 0) == 1 }
    };
    put(&queue, b"before");
    assert!(!is_readable(), "nobody has asked for it");
    queue.selectable();
    assert!(is_readable());
    put(&queue, b"after");
    get(&queue);
    assert!(is_readable());
    get(&queue);
    assert!(!is_readable());
    put(&queue, b"again");
    assert!(is_readable());
}

#[test]
fn tasks_are_counted() {
    let queue = Queue::new(u32::MAX).expect("memory");
    assert!(!queue.task_done());
    assert_eq!(queue.join(queue.n_idle(), soon()), Ok(()));
    queue.begin_task();
    queue.begin_task();
    assert!(queue.task_done());
    let n_idle = queue.n_idle();
    assert_eq!(queue.join(n_idle, deadline_in(Duration::from_millis(1))), Err(WaitResult::TimedOut));
    thread::scope(|scope| {
        scope.spawn(|| patiently(|| queue.join(n_idle, soon()).map(Ok)));
        assert!(queue.task_done());
        queue.begin_task();
    });
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 60, ..Default::default() })]
    #[test]
    fn any_words_are_some_state(
        words in proptest::collection::vec(proptest::num::u64::ANY, 3 * 8),
        n_used in 0..UNITS + 3,
        records in proptest::collection::vec((0..200_u32, proptest::bool::ANY, proptest::bool::ANY), 20),
        keeps_indices: bool,
    ) {
        let queue = Queue::new(7).expect("memory");
        for (number, word) in words.iter().enumerate() {
            // SAFETY: within the head.
            let at = unsafe { queue.memory.as_ptr().add(number * 8) };
            // SAFETY: as above, aligned to eight bytes.
            unsafe { AtomicU64::from_ptr(at.cast()) }.store(*word, Relaxed);
        }
        let (putting, getting) = (&queue.head().putting.0, &queue.head().getting.0);
        if keeps_indices {
            let got = getting.moved.load(Relaxed) as u32;
            putting.moved.store(u64::from(got.wrapping_add(n_used)), Relaxed);
            let mut unit = got;
            for (len, is_first, is_last) in records {
                let record = Record { len, is_first, is_last };
                queue.ring().write(unit, record, &vec![7; len as usize]);
                unit = unit.wrapping_add(record.units());
            }
        }
        let now = || deadline_in(Duration::from_millis(2));
        let _ = (queue.len(), queue.is_empty(), queue.is_full(), queue.try_put(b"item"), queue.try_get());
        let _ = (queue.put(b"item", true, now()), queue.task_done(), queue.join(3, now()));
        for _ in 0..4 {
            let mut getting = queue.get();
            // One whose rest does not come is not waited for to the deadline, but until nobody is putting.
            let _ = getting.proceed(now());
        }
        // Nonsense leaves no promise behind.
        let n_promised = queue.n_promised();
        let _ = (queue.try_put(b"item"), queue.try_put(b"item"));
        proptest::prop_assert!(queue.n_promised() == n_promised);
        let large = vec![1; 3 * CAPACITY];
        let _ = queue.pour(&large, true).proceed(now());
    }
}
