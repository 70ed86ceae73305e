//! The pool with workers that are threads: whatever is given ahead, taken back and lost, each task is done once.

use std::iter;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::*;
use crate::arena::{Arena, BEGINNING};
use crate::fuzz::peer::{Numbers, Peer};
use crate::link::{self, WorkerLink};
use crate::ring;

const DISMISSAL: u16 = 0;
const TASK: u16 = 1;

fn pool(max_workers: usize, max_tasks: usize) -> Pool<usize> {
    let producer = Producer::new(Arena::new().expect("an arena"));
    Pool::new(max_workers, 0, max_tasks, producer, Frame { kind: DISMISSAL, ..Frame::default() })
}

fn task(token: usize, n_bytes: usize) -> Task<usize> {
    let bytes = token.to_le_bytes().into_iter().cycle().take(n_bytes.max(8)).collect();
    let frame = Frame { kind: TASK, bytes, ..Frame::default() };
    Task { token, frame, held: Vec::new(), priority: 0, is_alone: false, was_given: false }
}

fn start(pool: &Pool<usize>, number: u64, work: impl Fn(usize) -> bool + Send + 'static) -> JoinHandle<()> {
    let (link, socket) = Link::new().expect("a link");
    let memory = link.memory().try_clone_to_owned().expect("a descriptor");
    pool.add(number, Arc::new(link));
    thread::spawn(move || run(memory, socket, work))
}

/// Does tasks until it is dismissed, or until `work` says that it dies.
fn run(memory: OwnedFd, socket: OwnedFd, work: impl Fn(usize) -> bool) {
    let link = WorkerLink::from_fds(memory, socket).expect("a link");
    let start = Instant::now();
    loop {
        match link.take().expect("whole") {
            Some(frame) if frame.kind == DISMISSAL => return,
            Some(frame) => {
                let begun = start.elapsed().as_nanos() as u64;
                let token = frame.bytes.first_chunk().copied().map_or(0, usize::from_le_bytes);
                if !work(token) {
                    return;
                }
                let times = [begun, start.elapsed().as_nanos() as u64];
                let answer = Frame { seq: frame.seq, times, bytes: frame.bytes, ..Frame::default() };
                while !link.put(&answer).expect("whole") {
                    link.wait_for_room(None).expect("room");
                }
            }
            None => link.wait(None).expect("the pool"),
        }
    }
}

/// What workers have sent, seen to at once.
fn taken(pool: &Pool<usize>) -> Vec<Event<usize>> {
    let events = pool.take(1000);
    pool.let_go(events.iter().filter(|event| matches!(event, Event::Done { .. })).count());
    events
}

/// Gives out what waits, and starts the workers that are wanted.
fn dispatch(pool: &Pool<usize>, mut start_worker: impl FnMut(u64)) {
    while let Some((worker, task)) = pool.next() {
        if pool.assign(worker, Some(task)) == Assigned::Full {
            break;
        }
    }
    while let Some(number) = pool.demand() {
        start_worker(number);
    }
}

#[test]
fn workers_may_be_wanted_without_tasks_but_no_more_than_there_may_be() {
    let pool = pool(2, 0);
    assert_eq!((pool.want(), pool.want(), pool.want()), (Some(0), Some(1), None));
    // One could not be started.
    assert!(pool.lose(1).is_empty());
    assert_eq!(pool.want(), Some(2));
    assert!(pool.lose(2).is_empty());
    pool.shutdown();
    assert_eq!(pool.want(), None);
}

#[test]
fn each_task_is_done_once_though_some_are_taken_back() {
    const N: usize = 50_000;
    let pool = pool(3, 0);
    let done: Arc<Vec<AtomicU32>> = Arc::new((0..N).map(|_| AtomicU32::new(0)).collect());
    let mut threads = Vec::new();
    let mut start_worker = |number| {
        let done = Arc::clone(&done);
        let work = move |token: usize| {
            // Now and then one takes long, and what was given ahead behind it is for others.
            if token.is_multiple_of(997) {
                thread::sleep(Duration::from_millis(2));
            }
            done[token].fetch_add(1, Ordering::Relaxed);
            true
        };
        threads.push(start(&pool, number, work));
    };
    let mut n_done = 0;
    let mut next = 0;
    while n_done < N {
        for _ in 0..7 {
            if next < N {
                let submitted = pool
                    .submit(task(next, if next.is_multiple_of(50) { 30_000 } else { 8 }), true)
                    .expect("open");
                if let Some(number) = submitted.demand {
                    start_worker(number);
                }
                next += 1;
            }
        }
        for event in taken(&pool) {
            let Event::Done { frame, task, .. } = event else { panic!("{event:?}") };
            assert_eq!(frame.bytes[..8], task.token.to_le_bytes());
            n_done += 1;
        }
        dispatch(&pool, &mut start_worker);
    }
    pool.shutdown();
    for thread in threads {
        thread.join().expect("dismissed");
    }
    assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 1));
    assert_eq!(pool.census().n_pending, 0);
}

#[test]
fn a_worker_that_ends_loses_what_it_was_doing_and_nothing_else() {
    const N: usize = 5_000;
    let pool = pool(2, 0);
    let mut threads: Vec<(u64, JoinHandle<()>)> = Vec::new();
    let (mut n_done, mut lost) = (0, Vec::new());
    for token in 0..N {
        let submitted = pool.submit(task(token, 8), false).expect("open");
        if let Some(number) = submitted.demand {
            threads.push((number, start(&pool, number, |token| token % 100 != 99)));
        }
    }
    let guard = Instant::now() + Duration::from_mins(1);
    while n_done + lost.len() < N {
        assert!(Instant::now() < guard, "{n_done} done, {} lost", lost.len());
        n_done += taken(&pool).len();
        while let Some(at) = threads.iter().position(|(_, thread)| thread.is_finished()) {
            let (number, thread) = threads.swap_remove(at);
            thread.join().expect("it does not panic");
            n_done += taken(&pool).len();
            lost.extend(pool.lose(number).into_iter().map(|task| task.token));
        }
        dispatch(&pool, |number| threads.push((number, start(&pool, number, |token| token % 100 != 99))));
    }
    lost.sort_unstable();
    assert_eq!(lost, (0..N).filter(|token| token % 100 == 99).collect::<Vec<_>>());
    pool.shutdown();
    for (_, thread) in threads {
        thread.join().expect("dismissed");
    }
}

/// A pool that has had a short task, and of its two workers that which is awake, and what the other, which sleeps, takes when it is woken.
fn awake_and_asleep() -> (Pool<usize>, WorkerLink, JoinHandle<Option<u64>>) {
    let pool = pool(2, 0);
    let mut links = Vec::new();
    for number in 0..2 {
        let (link, socket) = Link::new().expect("a link");
        let memory = link.memory().try_clone_to_owned().expect("a descriptor");
        links.push((WorkerLink::from_fds(memory, socket).expect("a link"), Arc::new(link)));
        pool.add(number, Arc::clone(&links[number as usize].1));
    }
    let (sleeper, its_link) = links.pop().expect("two");
    let (awake, _) = links.pop().expect("two");
    let _ = pool.submit(task(0, 8), true).expect("open");
    let seq = awake.take().expect("whole").expect("it is awake, and the first").seq;
    awake.put(&Frame { seq, times: [0, 100], ..Frame::default() }).expect("whole");
    assert_eq!(taken(&pool).len(), 1);
    let sleeping = thread::spawn(move || {
        sleeper.wait(None).expect("the pool");
        sleeper.take().expect("whole").map(|frame| frame.seq)
    });
    while its_link.is_awake() {
        thread::yield_now();
    }
    (pool, awake, sleeping)
}

#[test]
fn short_tasks_gather_with_a_worker_that_is_awake() {
    let (pool, awake, sleeping) = awake_and_asleep();
    for token in 1..4 {
        let submitted = pool.submit(task(token, 8), true).expect("open");
        assert_eq!((submitted.was_given, submitted.was_gathered), (true, token > 1));
    }
    // The first of them turns out to be long: the last is for the other.
    assert!(awake.take().expect("whole").is_some());
    assert_eq!(pool.gathered(), Some(1));
    let (worker, task) = pool.next().expect("one is stuck");
    assert_eq!((worker, task.token), (1, 3));
    assert_eq!(pool.assign(worker, Some(task)), Assigned::Given);
    assert_eq!(sleeping.join().expect("it was woken"), Some(0));
    assert_eq!(pool.gathered(), None);
}

#[test]
fn no_more_gather_than_have_words_of_their_own() {
    let (pool, awake, sleeping) = awake_and_asleep();
    let mut n_given = 0;
    while !sleeping.is_finished() {
        n_given += usize::from(pool.submit(task(1, 8), true).expect("open").was_given);
        if n_given > MOST_GIVEN {
            // It is about to be woken.
            thread::yield_now();
        }
    }
    let n_taken = iter::from_fn(|| awake.take().expect("whole")).count();
    assert_eq!(n_taken, MOST_GIVEN);
    assert!(n_given > MOST_GIVEN);
    assert_eq!(sleeping.join().expect("it was woken"), Some(0));
}

#[test]
fn a_task_that_could_not_be_taken_back_is_given_to_an_idle_worker() {
    let pool = pool(1, 0);
    let (link, socket) = Link::new().expect("a link");
    pool.add(0, Arc::new(link));
    let submitted = pool.submit(task(0, LONGEST_TAKEN_BACK), true).expect("open");
    assert_eq!((submitted.was_given, submitted.was_gathered), (true, false));
    drop(socket);
}

#[test]
fn who_sees_to_the_last_answer_learns_that_the_pool_is_over() {
    let pool = pool(1, 0);
    assert_eq!(pool.submit(task(0, 8), false).expect("open").demand, Some(0));
    let worker = start(&pool, 0, |_| true);
    dispatch(&pool, |_| unreachable!("there may be one"));
    while !pool.links().iter().any(|link| link.has_result()) {
        thread::yield_now();
    }
    assert_eq!(pool.take(64).len(), 1);
    pool.shutdown();
    // As if it had been killed.
    pool.links()[0].hang_up();
    assert!(pool.lose(0).is_empty() && !pool.is_over());
    assert!(pool.let_go(1) && pool.is_over());
    assert!(worker.join().is_err(), "it waits for a pool that is gone");
}

#[test]
fn a_worker_is_dismissed_after_so_many_tasks() {
    let pool = pool(1, 3);
    let mut threads = Vec::new();
    for token in 0..10 {
        let submitted = pool.submit(task(token, 8), false).expect("open");
        if let Some(number) = submitted.demand {
            threads.push(start(&pool, number, |_| true));
        }
    }
    let mut by_worker = Vec::new();
    while by_worker.len() < 10 {
        for event in taken(&pool) {
            let Event::Done { worker, .. } = event else { panic!("{event:?}") };
            by_worker.push(worker);
        }
        dispatch(&pool, |number| threads.push(start(&pool, number, |_| true)));
    }
    assert_eq!(by_worker, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    pool.shutdown();
    for thread in threads {
        thread.join().expect("dismissed");
    }
}

#[test]
fn answers_that_were_not_asked_for_are_handed_out_as_corrupt() {
    let pool = pool(1, 0);
    let (link, socket) = Link::new().expect("a link");
    let memory = link.memory().try_clone_to_owned().expect("a descriptor");
    assert_eq!(pool.submit(task(0, 8), false).expect("open").demand, Some(0));
    pool.add(0, Arc::new(link));
    let worker = WorkerLink::from_fds(memory, socket).expect("a link");
    assert!(worker.put(&Frame { seq: 5, ..Frame::default() }).expect("whole"));
    assert!(matches!(taken(&pool)[..], [Event::Corrupt(0)]));
    assert!(pool.next().is_none(), "it is given nothing more");
}

#[test]
fn whatever_a_worker_writes_harms_nobody_else() {
    for seed in 1..=20 {
        let pool = pool(2, 0);
        let is_over = Arc::new(AtomicBool::new(false));
        let (link, _socket) = Link::new().expect("a link");
        let places = vec![0..512, ring::SIZE..ring::SIZE + 512, 2 * ring::SIZE..link::SIZE];
        let peer = Peer::of(link.memory(), link::SIZE, places);
        let words = BEGINNING as usize;
        let peer = peer.and(pool.producer().arena().as_fd(), words, vec![0..512, 512..words]);
        pool.add(0, Arc::new(link));
        let hostile = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                let mut numbers = Numbers::new(seed);
                while !is_over.load(Ordering::Relaxed) {
                    peer.write(&mut numbers);
                }
            }
        });
        let honest = start(&pool, 1, |_| true);
        let answers = Arc::new(Arena::new().expect("an arena"));
        let guard = Instant::now() + Duration::from_mins(1);
        let (mut n_submitted, mut n_ended) = (0, 0);
        // What the hostile one was given fails with it, and all else is answered by the other.
        while n_ended < 2_000 {
            assert!(Instant::now() < guard, "seed {seed}: {n_ended} of {n_submitted}");
            if n_submitted < 2_000 {
                let mut task = task(n_submitted, 100);
                task.held.push(pool.producer().put(&[1; 5000]).expect("memory"));
                task.frame.blocks = task.held.iter().map(Held::block).collect();
                let _ = pool.submit(task, false).expect("open");
                n_submitted += 1;
            }
            for event in taken(&pool) {
                match event {
                    Event::Done { frame, .. } => {
                        n_ended += 1;
                        for block in &frame.blocks {
                            drop(answers.map(block));
                        }
                    }
                    Event::Message { .. } => {}
                    Event::Corrupt(number) => n_ended += pool.lose(number).len(),
                }
            }
            dispatch(&pool, |_| ());
            if n_submitted == 2_000 && pool.census().n_idle > 0 {
                // It may have kept to the protocol, and not have answered.
                n_ended += pool.lose(0).len();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        hostile.join().expect("it only writes");
        pool.shutdown();
        honest.join().expect("dismissed");
    }
}

#[test]
fn a_bounded_backlog_refuses_and_lets_in() {
    let producer = Producer::new(Arena::new().expect("an arena"));
    let pool = Pool::new(1, 2, 0, producer, Frame::default());
    for token in 0..3 {
        let _ = pool.submit(task(token, 8), false).expect("room: one of them is for the worker");
    }
    assert!(matches!(pool.submit(task(3, 8), false), Err((_, Refusal::Full))));
    let mut ticket = Ticket::default();
    let soon = Some(Instant::now() + Duration::from_millis(5));
    assert_eq!(pool.wait_for_room(&mut ticket, soon), Err(WaitResult::TimedOut));
    let worker = start(&pool, 0, |_| true);
    while pool.census().n_pending > 1 {
        let _ = taken(&pool);
        dispatch(&pool, |_| panic!("there is one"));
    }
    assert!(pool.wait_for_room(&mut ticket, None).is_ok() && pool.submit(task(3, 8), false).is_ok());
    pool.shutdown();
    while !worker.is_finished() {
        let _ = taken(&pool);
        dispatch(&pool, |_| panic!("there is one"));
    }
    assert_eq!(pool.lose(0).len(), 0);
    assert!(pool.join(&mut Ticket::default(), None).is_ok());
}

#[test]
fn a_task_whose_worker_leaves_just_then_is_for_another() {
    let pool = pool(2, 0);
    let mut sockets = Vec::new();
    for number in 0..2 {
        let (link, socket) = Link::new().expect("a link");
        pool.add(number, Arc::new(link));
        sockets.push(socket);
    }
    // It could not be given at once.
    pool.hold();
    pool.put_back(task(7, 8));
    let (first, task) = pool.next().expect("both are free");
    pool.retire(first);
    assert_eq!(pool.assign(first, Some(task)), Assigned::Gone);
    let (second, task) = pool.next().expect("the other is free");
    assert_eq!((first + second, task.token), (1, 7));
    // This one is no more.
    assert!(pool.lose(second).is_empty());
    assert_eq!(pool.assign(second, Some(task)), Assigned::Gone);
    assert!(pool.next().is_none());
    assert_eq!(pool.demand(), Some(0));
}
