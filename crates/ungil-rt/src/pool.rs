//! The helpers of parallel loops: a board with the loops that are running, and rayon's threads that look at it.
//!
//! A thread of the pool is woken by a *shift*, a task that carries no loop: it looks at the board, helps with the loop
//! that has the fewest helpers, looks again, and ends when it has found nothing for a while. So there are never
//! more tasks than threads, however many loops are called inside of loops, and no task outlives the loop it was for.
//!
//! Invariants, all under the board's lock: a job is on the board from its post until its withdrawal; a helper is let
//! in only to a job on the board; a shift ends only after a look at the board, so that a post which counts it as
//! present is seen by it. The lock is held for such bookkeeping only, never while a chunk, the host or rayon runs.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{hint, iter, ptr};

use crate::job::Job;
use crate::{fork, signals};

/// Helpers get twice the stack that a process's first thread usually has; the system maps only what is used.
const STACK_SIZE: usize = 16 << 20;

/// How long a shift goes on looking at an empty board: loops that follow one another closely find their helpers awake, where
/// waking one may take as long as a loop of a tenth of a millisecond.
const LINGER: Duration = Duration::from_micros(200);

/// The pool of this process.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    board: Mutex<Board>,
    /// Counts posts, so that a lingering shift sees them without the lock. Relaxed: it then takes the lock to look.
    n_posts: AtomicU32,
}

#[derive(Debug, Default)]
struct Board {
    jobs: Vec<Arc<Job>>,
    threads: Option<Arc<rayon::ThreadPool>>,
    /// The largest number of helpers wanted so far; threads for them exist, as far as the system granted them.
    n_wanted: usize,
    /// How many times `threads` has been replaced: shifts on older threads are not counted below.
    generation: u32,
    n_shifts: usize,
    /// How many of the shifts are looking for a loop.
    n_lingering: usize,
}

/// Null until the first parallel loop of this process, and again in a forked child. What it points at is never freed.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

/// In a forked child: the pool is the parent's.
pub(crate) fn forget() {
    // Relaxed: the child has one thread.
    POOL.store(ptr::null_mut(), Ordering::Relaxed);
}

impl Pool {
    /// The pool of this process; its threads are started when they are first wanted.
    pub(crate) fn current() -> &'static Self {
        // Acquire: pairs with the release below.
        let pool = POOL.load(Ordering::Acquire);
        // SAFETY: the pointer is null or comes from `Box::into_raw` below, and is never freed once it is published.
        unsafe { pool.as_ref() }.unwrap_or_else(Self::publish)
    }

    /// Whether a helper is looking for a loop, so that posting one wakes nobody.
    pub(crate) fn has_helper_awake(&self) -> bool {
        self.lock().n_lingering > 0
    }

    /// Shows `job` to helpers, and wakes as many as it can use; nothing when that has been done already.
    ///
    /// The caller's thread has not returned from the job's loop.
    pub(crate) fn post(&'static self, job: &Arc<Job>) {
        if !job.mark_posted() {
            return;
        }
        let n_helpers = job.n_helpers() as usize;
        let mut board = self.lock();
        board.jobs.push(Arc::clone(job));
        self.n_posts.fetch_add(1, Ordering::Relaxed);
        let outgrown = if n_helpers > board.n_wanted { board.grow(n_helpers) } else { None };
        let Some(threads) = board.threads.clone() else { return };
        let n_absent = threads.current_num_threads() - board.n_shifts;
        let n_new = n_helpers.saturating_sub(board.n_lingering).min(n_absent);
        board.n_shifts += n_new;
        let generation = board.generation;
        drop(board);
        drop(outgrown);
        for _ in 0..n_new {
            threads.spawn(move || self.work_shift(generation));
        }
    }

    /// Takes `job` off the board: nobody is let in any more.
    pub(crate) fn withdraw(&self, job: &Arc<Job>) {
        let mut board = self.lock();
        if let Some(index) = board.jobs.iter().rposition(|posted| Arc::ptr_eq(posted, job)) {
            board.jobs.swap_remove(index);
        }
    }

    fn work_shift(&self, generation: u32) {
        let mut has_lingered = false;
        let mut board = self.lock();
        loop {
            if let Some((job, thread_id)) = board.choose() {
                drop(board);
                job.help(thread_id);
                has_lingered = false;
                board = self.lock();
            } else if has_lingered || generation != board.generation {
                break;
            } else {
                board.n_lingering += 1;
                let n_posts = self.n_posts.load(Ordering::Relaxed);
                drop(board);
                self.linger(n_posts);
                has_lingered = true;
                board = self.lock();
                if generation == board.generation {
                    board.n_lingering -= 1;
                }
            }
        }
        if generation == board.generation {
            board.n_shifts -= 1;
        }
    }

    /// Waits a while for another post than the `n_posts` so far.
    fn linger(&self, n_posts: u32) {
        let end = Instant::now() + LINGER;
        while self.n_posts.load(Ordering::Relaxed) == n_posts && Instant::now() < end {
            hint::spin_loop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn publish() -> &'static Self {
        fork::prepare();
        let new = Box::into_raw(Box::default());
        // Release on success: pairs with the acquire in `current` and on failure here.
        match POOL.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Acquire) {
            // SAFETY: now published, so never freed.
            Ok(_) => unsafe { &*new },
            Err(published) => {
                // SAFETY: `new` comes from `Box::into_raw` just above and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: published by another thread, so never freed.
                unsafe { &*published }
            }
        }
    }
}

impl Board {
    /// Lets a helper in to the loop that has the fewest; the newest of these, since the inner loops hold up the outer.
    fn choose(&self) -> Option<(Arc<Job>, u32)> {
        let job = self.jobs.iter().rev().filter(|job| job.has_room()).min_by_key(|job| job.n_inside())?;
        Some((Arc::clone(job), job.admit()?))
    }

    /// Starts threads for `n_helpers`, or as many as the system grants; returns the threads they replace, which end by
    /// themselves after their shifts.
    fn grow(&mut self, n_helpers: usize) -> Option<Arc<rayon::ThreadPool>> {
        self.n_wanted = n_helpers;
        let n_now = self.threads.as_ref().map_or(0, |threads| threads.current_num_threads());
        let mut attempts = iter::successors(Some(n_helpers), |n| Some(n / 2)).take_while(|n| *n > n_now);
        let threads = attempts.find_map(|n_threads| start(n_threads).ok())?;
        self.generation = self.generation.wrapping_add(1);
        (self.n_shifts, self.n_lingering) = (0, 0);
        self.threads.replace(Arc::new(threads))
    }
}

fn start(n_threads: usize) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .stack_size(STACK_SIZE)
        .thread_name(|index| format!("ungil-{index}"))
        .start_handler(|_| signals::block())
        .build()
}
