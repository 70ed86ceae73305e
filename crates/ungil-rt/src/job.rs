//! One parallel loop while it runs: who takes which chunk, which error wins, when it is over.
//!
//! # Protocol
//!
//! The caller makes a [`Job`], posts it on the board (`pool.rs`), and takes part itself; helpers join from the board.
//! When waking them may cost more than the loop, the caller begins alone; it posts the job when it sees that much is
//! left, or a chunk's first poll posts it. Each participant claims groups of consecutive chunks and runs them in order until none is left or wanted.
//!
//! | field | written by | means |
//! |---|---|---|
//! | `is_posted` | who posts the job, once | helpers may know the job; while false it is the caller's alone |
//! | `next` | every participant, grows | chunks below it are claimed |
//! | `limit` | every participant, shrinks | chunks from it on are not wanted: all at first, then from the lowest that failed |
//! | `error` | every participant, under its lock | the error of lowest rank |
//! | `n_inside` | grows under the board's lock while posted; each helper's last access shrinks it | helpers that may touch the caller's memory |
//!
//! *The error of the lowest chunk wins*, as in a serial run. Chunks are claimed in ascending order, so when chunk k
//! fails, every chunk below it has been claimed, and its claimant runs it before it leaves: `limit` never
//! falls below a chunk that has not failed itself. An error of a lower chunk replaces the one of a higher.
//!
//! *An interrupt wins over everything*, since the host holds its exception already: rank 0, and `limit` becomes 0.
//!
//! *Work inside of work.* A chunk may run a loop of its own: that job's `parent` is the chunk. Work is unwanted
//! when its own chunk or any it lies in is at or above its job's limit; it stops with
//! [`RAISE_STOPPED`], which the job that stopped it drops.
//!
//! *The end.* The caller takes the job off the board, after which `n_inside` only falls, and waits until it is zero.
//! The release of each helper's subtraction pairs with the acquire of the caller's load, so that the caller sees all
//! that helpers wrote, and frees its memory after their last access to it.

use std::ffi::c_void;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{iter, ptr, thread};

use crate::chunk::MAX_CHUNKS;
use crate::context::{Context, RAISE_INTERRUPTED, RAISE_STOPPED, Raised};
use crate::parallel::Loop;
use crate::{poll, threads};

/// A participant claims this fraction of what each has left to do: small enough for bodies of uneven length, large
/// enough that claims cost nothing beside chunks of nanoseconds.
const CLAIM_FRACTION: u32 = 8;

/// A loop is begun alone only when each thread's share has so many chunks that the one it waits for hardly counts.
const SHARE_TO_BEGIN_ALONE: u32 = 16;

/// What has to be left of a loop begun alone for helpers to be woken. Waking one costs the caller 8 us, and it comes
/// some 20 us later (measured by `benches/parallel.rs` on two cores of Zen 4).
const WORTH_WAKING: Duration = Duration::from_micros(40);

/// How long a loop is begun alone at least: in less, cold caches count for more than the body.
const WORTH_JUDGING: Duration = Duration::from_micros(3);

/// The most chunks between two looks at the clock in a loop begun alone.
const LONGEST_STEP: u32 = 16;

/// A parallel loop while it runs.
#[derive(Debug)]
pub(crate) struct Job {
    task: Loop,
    n_chunks: u32,
    user: *const c_void,
    /// How many threads the call from outside wants, and so at most how many take part in this loop.
    n_threads: u32,
    /// The numbers of the threads of the call from outside, shared with the loops inside of this one.
    thread_ids: Arc<ThreadIds>,
    parent: Option<Work>,
    caller: thread::Thread,
    is_posted: AtomicBool,
    next: AtomicU32,
    limit: AtomicU32,
    error: Mutex<Option<(u32, Raised)>>,
    n_inside: AtomicU32,
}

// SAFETY: the raw pointers are the loop's captures and partial results and the host's pointer. Participants only hand
// them to the loop's body and to the host, which both are made to be called on several threads (`Body`, `Host`), and
// only while the caller waits for them, see "The end" above.
unsafe impl Send for Job {}
// SAFETY: as for `Send`; everything that changes is an atomic or behind a lock.
unsafe impl Sync for Job {}

/// A chunk of a job: what a participant is working on.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    job: Arc<Job>,
    chunk: u32,
}

impl Work {
    /// Whether this chunk, or one that its loop runs in, need not be finished.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.lineage().any(|work| work.chunk >= work.job.limit.load(Ordering::Relaxed))
    }

    /// The loops that this chunk lies in, the innermost first.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.lineage().map(|work| &work.job)
    }

    fn lineage(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |work| work.job.parent.as_ref())
    }
}

impl Job {
    /// A job for `task`, called by this thread with the context `ctx`, for at most `n_threads` threads.
    pub(crate) fn new(ctx: &Context, task: Loop, n_threads: u32) -> Arc<Self> {
        let n_chunks = task.chunks.count() as u32;
        let thread_ids = match &ctx.work {
            Some(work) => Arc::clone(&work.job.thread_ids),
            None => Arc::new(ThreadIds::new(n_threads)),
        };
        Arc::new(Self {
            task,
            n_chunks,
            user: ctx.user(),
            n_threads,
            thread_ids,
            parent: ctx.work.clone(),
            caller: thread::current(),
            is_posted: AtomicBool::new(false),
            next: AtomicU32::new(0),
            limit: AtomicU32::new(n_chunks),
            error: Mutex::new(None),
            n_inside: AtomicU32::new(0),
        })
    }

    /// How many helpers the loop can use beside its caller.
    pub(crate) fn n_helpers(&self) -> u32 {
        self.n_threads.min(self.n_chunks) - 1
    }

    /// Whether a helper would find something to do.
    pub(crate) fn has_room(&self) -> bool {
        // Relaxed: a stale value only costs the helper a look at a job that has nothing left.
        let has_work = self.next.load(Ordering::Relaxed) < self.limit.load(Ordering::Relaxed);
        has_work && self.n_inside() < self.n_helpers() && self.thread_ids.has_free()
    }

    /// Lets a helper in, under the thread's number returned; none when the call from outside has all its threads.
    ///
    /// Called only under the board's lock while the job is on the board, so that the caller's withdrawal comes after.
    pub(crate) fn admit(&self) -> Option<u32> {
        let thread_id = self.thread_ids.take()?;
        // Relaxed: the board's lock orders it before the caller's wait.
        self.n_inside.fetch_add(1, Ordering::Relaxed);
        Some(thread_id)
    }

    /// How many helpers are inside; zero, once the job is off the board, says that the loop is over.
    pub(crate) fn n_inside(&self) -> u32 {
        // Acquire: pairs with the release in `help`.
        self.n_inside.load(Ordering::Acquire)
    }

    /// Takes part as a helper that [`Job::admit`] has let in, until there is nothing left to claim.
    pub(crate) fn help(self: &Arc<Self>, thread_id: u32) {
        {
            let mut ctx = Context::of_helper(self.user, thread_id);
            threads::with_num_threads(self.n_threads, || self.take_part(&mut ctx));
        }
        self.thread_ids.give_back(thread_id);
        // Release: pairs with `n_inside`. What follows touches nothing of the caller's but the handle kept in the job.
        if self.n_inside.fetch_sub(1, Ordering::Release) == 1 {
            self.caller.unpark();
        }
    }

    /// Whether so many chunks come on each thread that [`Job::begin_alone`] holds nobody up.
    pub(crate) fn may_begin_alone(&self) -> bool {
        self.n_chunks >= SHARE_TO_BEGIN_ALONE * self.n_threads
    }

    /// Runs the first chunks, before the job is posted, for as long as what is left is not worth waking helpers for; true =
    /// the loop is over, and only this thread has seen it. A chunk that takes long ends this by its first poll.
    pub(crate) fn begin_alone(self: &Arc<Self>, ctx: &mut Context) -> bool {
        let start = Instant::now();
        let mut step = 1;
        self.run_groups(
            ctx,
            || {
                let group = self.claim(|_| step);
                step = LONGEST_STEP.min(2 * step);
                group
            },
            |n_done| {
                let elapsed = start.elapsed();
                let is_short = elapsed * (self.n_chunks - n_done) < WORTH_WAKING * n_done;
                !self.is_posted() && (is_short || elapsed < WORTH_JUDGING)
            },
        );
        !self.is_posted() && self.next.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed)
    }

    /// Marks the job as posted; true = it was not before.
    pub(crate) fn mark_posted(&self) -> bool {
        !self.is_posted() && !self.is_posted.swap(true, Ordering::Relaxed)
    }

    /// Whether helpers may have seen the job.
    ///
    /// Relaxed: marked by the caller, or by a helper of a loop inside of a chunk of the caller's, for which the caller
    /// waits before it asks.
    fn is_posted(&self) -> bool {
        self.is_posted.load(Ordering::Relaxed)
    }

    /// Claims and runs chunks with `ctx` until there is nothing left to claim.
    pub(crate) fn take_part(self: &Arc<Self>, ctx: &mut Context) {
        let fraction = CLAIM_FRACTION * self.n_threads;
        self.run_groups(ctx, || self.claim(|n_left| n_left / fraction), |_| true);
    }

    /// Records that the work on `chunk` has ended with `raised`, and makes the chunks after it unwanted.
    pub(crate) fn fail(&self, chunk: u32, raised: Raised) {
        let (rank, limit) = match raised.raise_id {
            RAISE_INTERRUPTED => (0, 0),
            // Stopped by a loop around this one, or else by this one, which has the reason already.
            RAISE_STOPPED if self.parent.as_ref().is_some_and(Work::is_unwanted) => (1, 0),
            RAISE_STOPPED => return,
            _ => (2 + chunk, chunk),
        };
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if error.as_ref().is_none_or(|(lowest, _)| rank < *lowest) {
            *error = Some((rank, raised));
        }
        drop(error);
        // Relaxed: the limit only says what to leave out; the error travels under its lock.
        self.limit.fetch_min(limit, Ordering::Relaxed);
    }

    /// The error that the loop ends with; final once no helper is inside.
    pub(crate) fn take_error(&self) -> Option<Raised> {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().map(|(_, raised)| raised)
    }

    /// Runs the groups that `claim` gives, until it gives none, a chunk fails, or `goes_on` says no to the end of one.
    fn run_groups(
        self: &Arc<Self>,
        ctx: &mut Context,
        mut claim: impl FnMut() -> Option<Range<u32>>,
        goes_on: impl Fn(u32) -> bool,
    ) {
        let outer = ctx.work.take();
        while let Some(mut group) = claim() {
            let end = group.end;
            if !group.all(|chunk| self.run(ctx, chunk)) || !goes_on(end) {
                break;
            }
        }
        ctx.work = outer;
    }

    /// The next group of chunks: of the size that `size_of` makes of the number of those left, at least 1 and at most all.
    /// Relaxed: who claims what orders no other memory.
    fn claim(&self, size_of: impl Fn(u32) -> u32) -> Option<Range<u32>> {
        let mut first = self.next.load(Ordering::Relaxed);
        loop {
            let n_left = self.limit.load(Ordering::Relaxed).saturating_sub(first);
            if n_left == 0 {
                return None;
            }
            let end = first + size_of(n_left).clamp(1, n_left);
            match self.next.compare_exchange_weak(first, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(first..end),
                Err(now) => first = now,
            }
        }
    }

    /// Runs one chunk; false = the participant shall leave, since every chunk that it could still run is unwanted.
    fn run(self: &Arc<Self>, ctx: &mut Context, chunk: u32) -> bool {
        if chunk >= self.limit.load(Ordering::Relaxed) {
            return false;
        }
        match &mut ctx.work {
            Some(work) => work.chunk = chunk,
            none => *none = Some(Work { job: Arc::clone(self), chunk }),
        }
        if !poll::must_stop_at_tick(ctx) {
            // SAFETY: the caller of the loop has promised what `Loop::run` asks; it waits until this returns, so captures
            // and partial results are there, and no other participant has claimed this chunk.
            let status = unsafe { self.task.run(ptr::from_mut(ctx), i64::from(chunk)) };
            if status == 0 {
                return true;
            }
        }
        let raised = ctx.take_error().expect("a body that returns 1 has reported an error");
        self.fail(chunk, raised);
        false
    }
}

/// Which numbers the threads of one call from outside have: a bit each, set = free. Number 0 is the caller's.
#[derive(Debug)]
struct ThreadIds {
    is_free: [AtomicU64; Self::N_WORDS],
}

impl ThreadIds {
    /// A job has no use for more threads than chunks.
    const N_WORDS: usize = MAX_CHUNKS as usize / 64;

    fn new(n_threads: u32) -> Self {
        let is_free = std::array::from_fn(|word| {
            let n_ids = (n_threads as usize).saturating_sub(64 * word).min(64);
            let ids = if n_ids == 64 { u64::MAX } else { (1 << n_ids) - 1 };
            AtomicU64::new(if word == 0 { ids & !1 } else { ids })
        });
        Self { is_free }
    }

    /// Relaxed: numbers are taken under the board's lock, so one that is seen free stays free for who holds the lock.
    fn has_free(&self) -> bool {
        self.is_free.iter().any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// The lowest free number. Acquire: pairs with `give_back`, so that a thread which uses its number as an index finds
    /// what the number's last holder wrote there.
    fn take(&self) -> Option<u32> {
        self.is_free.iter().zip((0..).step_by(64)).find_map(|(word, first)| {
            let taken = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, |ids| {
                (ids != 0).then(|| ids & (ids - 1))
            });
            taken.ok().map(|ids| first + ids.trailing_zeros())
        })
    }

    fn give_back(&self, id: u32) {
        // Release: pairs with `take`.
        self.is_free[id as usize / 64].fetch_or(1 << (id % 64), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_ids_are_distinct_and_below_the_number_of_threads() {
        for n_threads in [1, 2, 63, 64, 65, 256] {
            let ids = ThreadIds::new(n_threads);
            let mut taken: Vec<_> = iter::from_fn(|| ids.take()).collect();
            assert_eq!(taken, (1..n_threads).collect::<Vec<_>>());
            if let Some(id) = taken.pop() {
                ids.give_back(id);
                assert_eq!(ids.take(), Some(id));
            }
        }
    }
}
