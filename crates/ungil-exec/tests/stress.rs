//! Eight threads submit a hundred thousand tasks and cancel at random; none is lost, and none is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use ungil_exec::{Executor, Failure, Shutdown, Submit, ThreadPool};

const N_THREADS: usize = 8;
const N_TASKS: usize = 100_000 / N_THREADS;

#[test]
fn no_task_is_lost_or_done_twice() {
    let pool = ThreadPool::new(4);
    let done: Arc<Vec<AtomicU8>> = Arc::new((0..N_THREADS * N_TASKS).map(|_| AtomicU8::new(0)).collect());
    thread::scope(|scope| {
        for first in 0..N_THREADS {
            let (pool, done) = (&pool, &done);
            scope.spawn(move || {
                let mut random = first as u64 + 1;
                let mut futures = Vec::new();
                for number in 0..N_TASKS {
                    let index = first * N_TASKS + number;
                    let own = Arc::clone(done);
                    let task = move || Ok::<_, String>(own[index].fetch_add(1, Ordering::Relaxed));
                    futures.push((index, pool.submit(task).unwrap()));
                    // Knuth's generator (MMIX): which future is cancelled does not matter.
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    if random >> 62 == 0 {
                        let at = (random >> 32) as usize % futures.len();
                        futures[at].1.cancel();
                    }
                }
                for (index, future) in futures {
                    let n_done = match future.result(None) {
                        Ok(before) => before + 1,
                        Err(Failure::Cancelled) => 0,
                        Err(other) => panic!("{other}"),
                    };
                    assert_eq!(done[index].load(Ordering::Relaxed), n_done);
                }
            });
        }
    });
    pool.shutdown(Shutdown { wait: true, cancel_futures: false });
}
