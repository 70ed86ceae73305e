//! Pools: no task is lost or done twice, whatever happens beside its submission, and nobody waits for what will not come.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use ungil_sync::waiters::Ticket;

use super::shared;
use crate::pool::{Demand, Next, Pool};

/// A worker, to its end; adds up the tasks that it was given.
fn work(pool: &Pool<u32>, sum: &AtomicU32) {
    let mut was_called = true;
    loop {
        match pool.next(was_called) {
            Next::Task(task) => {
                was_called = false;
                sum.fetch_add(task, Ordering::Relaxed);
            }
            Next::Wait(place) => was_called = pool.wait(&place),
            Next::Leave => return,
        }
    }
}

fn submit(
    pool: &'static Pool<u32>,
    task: u32,
    sum: &'static AtomicU32,
) -> (bool, Option<thread::JoinHandle<()>>) {
    match pool.submit(task, 0) {
        Ok(Demand::None) => (true, None),
        Ok(Demand::Worker(_)) => (true, Some(thread::spawn(|| work(pool, sum)))),
        Err(_) => (false, None),
    }
}

#[test]
fn a_task_that_was_taken_beside_a_shutdown_is_done() {
    loom::model(|| {
        let (pool, sum) = (shared(Pool::new(1, 0)), shared(AtomicU32::new(0)));
        let (_, first) = submit(pool, 1, sum);
        let ending = thread::spawn(|| pool.shutdown());
        let (is_taken, second) = submit(pool, 2, sum);
        assert!(second.is_none(), "there is a worker, or the pool is shut down");
        ending.join().unwrap();
        first.unwrap().join().unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), if is_taken { 3 } else { 1 });
        assert_eq!(pool.census().n_workers, 0);
    });
}

#[test]
fn who_joins_a_pool_waits_for_its_workers() {
    loom::model(|| {
        let (pool, sum) = (shared(Pool::new(1, 0)), shared(AtomicU32::new(0)));
        let (_, worker) = submit(pool, 1, sum);
        pool.shutdown();
        pool.join(&mut Ticket::default(), None).unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 1);
        worker.unwrap().join().unwrap();
    });
}

#[test]
fn who_waits_for_room_gets_it() {
    loom::model(|| {
        let (pool, sum) = (shared(Pool::new(1, 1)), shared(AtomicU32::new(0)));
        let (_, worker) = submit(pool, 1, sum);
        assert!(submit(pool, 2, sum).0, "one is on its way, and one may wait");
        let mut ticket = Ticket::default();
        while pool.submit(4, 0).is_err() {
            pool.wait_for_room(&mut ticket, None).unwrap();
        }
        pool.shutdown();
        worker.unwrap().join().unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 7);
    });
}

#[test]
fn a_pool_whose_workers_all_wait_for_it_gets_one_more() {
    loom::model(|| {
        let (pool, sum) = (shared(Pool::new(1, 0)), shared(AtomicU32::new(0)));
        assert_eq!(pool.submit(1, 0), Ok(Demand::Worker(0)));
        // The worker is this thread, whose task waits for another.
        assert!(matches!(pool.next(true), Next::Task(1)));
        let submitter = thread::spawn(|| submit(pool, 2, sum).1);
        let demand = pool.block();
        let second = submitter.join().unwrap();
        assert_eq!(second.is_none(), demand == Demand::Worker(1));
        let second = second.unwrap_or_else(|| thread::spawn(|| work(pool, sum)));
        pool.shutdown();
        second.join().unwrap();
        pool.unblock();
        assert_eq!(sum.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn of_two_who_wait_for_room_none_is_forgotten() {
    loom::model(|| {
        let (pool, sum) = (shared(Pool::new(1, 1)), shared(AtomicU32::new(0)));
        let (_, worker) = submit(pool, 1, sum);
        let insist = |task: u32| {
            let mut ticket = Ticket::default();
            while pool.submit(task, 0).is_err() {
                pool.wait_for_room(&mut ticket, None).unwrap();
            }
        };
        let other = thread::spawn(move || insist(2));
        insist(4);
        other.join().unwrap();
        pool.shutdown();
        worker.unwrap().join().unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 7);
    });
}
