//! [`Link`] and [`WorkerLink`]: what a pool and one of its workers have in common.
//!
//! Tasks go through one ring and what comes of them through another; each side sleeps by its end of a [doorbell](crate::doorbell). A worker may be given tasks ahead.
//! Before it begins one it *claims* it, by a word that both can write: so the pool can take back what has not begun, to give it to somebody else, and knows
//! of a dead worker what it was doing.
//!
//! | bytes | written by | holds |
//! |---|---|---|
//! | two rings | see `ring.rs` | tasks; what comes of them |
//! | then 64 words | both, by compare-and-exchange | of the task with a number, modulo 64: whether it is free, begun or recalled |

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ungil_sync::Deadline;

use crate::arena::Arena;
use crate::channel::Error;
use crate::doorbell::{Doorbell, Ended};
use crate::frame::Frame;
use crate::memory::Memory;
use crate::ring::{self, Corrupt, Ring};

/// The most tasks that a worker has at a time, those included that it has not begun, and those recalled that it may not have taken out.
pub const MOST_AHEAD: usize = N_CLAIMS;

const N_CLAIMS: usize = 64;
/// What a link takes of the memory.
pub(crate) const SIZE: usize = 2 * ring::SIZE + N_CLAIMS * size_of::<AtomicU32>();

/// Who has taken so many tasks without a wait, and for whose answers nobody waits yet, is given them faster than it can be woken for each. To sleep for one and be rung
/// takes both sides ten times as long as a short task; so it naps, without being rung, while some gather. The system adds some 50 us.
const IN_A_ROW: u32 = 4;
const NAP: Duration = Duration::from_micros(20);
/// Each twice as long as the one before; then it sleeps until it is rung.
const MOST_NAPS: u32 = 4;

const FREE: u32 = 0;
const BEGUN: u32 = 1;
const RECALLED: u32 = 2;

#[derive(Debug)]
struct Shared {
    tasks: Ring,
    results: Ring,
    bell: Doorbell,
    memory: Memory,
}

// SAFETY: the rings are the memory's, which is kept beside them; the users of each side take turns.
unsafe impl Send for Shared {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shared {}

impl Shared {
    fn new(memory: Memory, bell: Doorbell) -> Self {
        // SAFETY: the memory is kept beside the rings, and dropped with them.
        let [tasks, results] = [0, 1].map(|number| unsafe { Ring::of(&memory, number) });
        Self { tasks, results, bell, memory }
    }

    fn claim(&self, seq: u64) -> &AtomicU32 {
        let at = 2 * ring::SIZE + (seq % N_CLAIMS as u64) as usize * size_of::<AtomicU32>();
        // SAFETY: within the memory, whose size both constructors have made sure of.
        let at = unsafe { self.memory.as_ptr().add(at) };
        // SAFETY: as above, aligned to four bytes, for as long as `self`; any bytes are an atomic.
        unsafe { &*at.cast() }
    }
}

/// The pool's side. One thread at a time gives tasks, and one takes results.
#[derive(Debug)]
pub struct Link(Shared, Arc<Arena>);

/// The worker's side, for one thread.
#[derive(Debug)]
pub struct WorkerLink {
    shared: Shared,
    /// How many tasks it has taken since it last waited. Relaxed: for this thread.
    n_taken: AtomicU32,
}

impl Link {
    /// A link, and the descriptors by which a worker opens its side: of the memory, which stays the link's, and of the socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = Doorbell::pair()?;
        let link = Self(Shared::new(Memory::new(SIZE)?, ours), Arc::new(Arena::new()?));
        Ok((link, theirs.into_fd()))
    }

    /// The shared memory's descriptor.
    pub fn memory(&self) -> BorrowedFd<'_> {
        self.0.memory.as_fd()
    }

    /// Where the blocks of the worker's answers are.
    pub fn answers(&self) -> &Arc<Arena> {
        &self.1
    }

    /// Whether the worker does something, looks for something to do, or naps: what it is given needs no system call.
    pub fn is_awake(&self) -> bool {
        // Relaxed: whoever gives it something looks again.
        self.0.tasks.flags().consumer_waits.load(Ordering::Relaxed) == 0
    }

    /// Has the worker find that the pool is gone.
    pub fn hang_up(&self) {
        self.0.bell.shut_down();
    }

    /// A descriptor that is readable when the worker wakes the pool or has ended.
    pub fn bell(&self) -> RawFd {
        self.0.bell.as_fd().as_raw_fd()
    }

    /// Gives the worker a task, or something else that needs no claim; false if there is no room for it. The number is one more than the one before; the word of that
    /// which lies [`MOST_AHEAD`] before it serves again, so that one must be through: answered, or taken out as one that was recalled.
    ///
    /// # Errors
    ///
    /// The worker wrote impossible indices.
    pub fn put(&self, frame: &Frame) -> Result<bool, Corrupt> {
        // Relaxed: the ring's index is stored after it.
        self.0.claim(frame.seq).store(FREE, Ordering::Relaxed);
        let was_put = frame.put(self.0.tasks)?;
        if was_put {
            self.0.bell.wake(&self.0.tasks.flags().consumer_waits);
        }
        Ok(was_put)
    }

    /// Takes back a task; false if the worker has begun it.
    pub fn recall(&self, seq: u64) -> bool {
        // Relaxed: nothing but the word itself is at stake.
        self.0.claim(seq).compare_exchange(FREE, RECALLED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether there is something to take.
    #[inline]
    pub fn has_result(&self) -> bool {
        self.0.results.len() > 0
    }

    /// Takes what has come.
    ///
    /// # Errors
    ///
    /// The worker wrote what cannot be.
    pub fn take(&self) -> Result<Option<Frame>, Corrupt> {
        let frame = Frame::take(self.0.results)?;
        if frame.is_some() {
            self.0.bell.wake(&self.0.results.flags().producer_waits);
        }
        Ok(frame)
    }

    /// Has the worker ring when something comes; or not, while somebody looks. Look again after it.
    pub fn ask_to_be_woken(&self, wanted: bool) {
        self.0.results.flags().consumer_waits.store(u32::from(wanted), Ordering::SeqCst);
    }

    /// Tells the worker that a thread waits for an answer from now on, of whichever task.
    pub fn begin_awaiting(&self) {
        self.0.tasks.flags().n_awaiting.fetch_add(1, Ordering::Relaxed);
    }

    /// That thread does so no more.
    pub fn end_awaiting(&self) {
        self.0.tasks.flags().n_awaiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Drops the rings that have come.
    pub fn drop_wakes(&self) {
        self.0.bell.drop_wakes();
    }

    /// Whether the worker has ended, or has closed its side.
    pub fn is_gone(&self) -> bool {
        self.0.bell.is_gone()
    }
}

impl WorkerLink {
    /// The worker's side.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the memory is none of a link; or what the system says.
    pub fn from_fds(memory: OwnedFd, socket: OwnedFd) -> io::Result<Self> {
        let memory = Memory::from_fd(memory)?;
        if memory.len() != SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the memory is none of a worker's link"));
        }
        Ok(Self { shared: Shared::new(memory, Doorbell::new(socket)), n_taken: AtomicU32::new(0) })
    }

    /// The next task that has not been recalled, claimed; none if there is none.
    ///
    /// # Errors
    ///
    /// The pool wrote what cannot be.
    pub fn take(&self) -> Result<Option<Frame>, Corrupt> {
        while let Some(frame) = Frame::take(self.shared.tasks)? {
            // Relaxed: as in `recall`.
            let claim = self.shared.claim(frame.seq);
            if claim.compare_exchange(FREE, BEGUN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.n_taken.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Waits until the deadline until there is something to take. Where tasks come in a row, and nobody waits for what comes of them, it lets some gather: for less than a
    /// millisecond, whatever the deadline.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Interrupted`], or [`Error::Gone`] if the pool is.
    pub fn wait(&self, deadline: Deadline) -> Result<(), Error> {
        let has_task = || self.shared.tasks.len() > 0;
        if self.n_taken.swap(0, Ordering::Relaxed) >= IN_A_ROW {
            for n in 0..MOST_NAPS {
                if self.is_awaited() {
                    break;
                }
                thread::sleep(NAP * (1 << n));
                if has_task() {
                    return Ok(());
                }
            }
        }
        let mut was_rung = false;
        let waits = &self.shared.tasks.flags().consumer_waits;
        let ended = self.shared.bell.wait(Some(waits), has_task, deadline, &mut was_rung);
        if was_rung {
            // Or the next wait would begin with that.
            self.shared.bell.drop_wakes();
        }
        Ok(ended?)
    }

    /// Whether somebody waits for an answer, or wants to be rung for one. Relaxed: who begins to wait a moment later waits for a nap's end at most.
    fn is_awaited(&self) -> bool {
        self.shared.tasks.flags().n_awaiting.load(Ordering::Relaxed) > 0
            || self.shared.results.flags().consumer_waits.load(Ordering::Relaxed) > 0
    }

    /// Sends what came of a task; false if there is no room yet.
    ///
    /// # Errors
    ///
    /// The pool wrote impossible indices.
    pub fn put(&self, frame: &Frame) -> Result<bool, Corrupt> {
        let was_put = frame.put(self.shared.results)?;
        if was_put {
            self.shared.bell.wake(&self.shared.results.flags().consumer_waits);
        }
        Ok(was_put)
    }

    /// Waits for room for a frame, as [`WorkerLink::wait`].
    ///
    /// # Errors
    ///
    /// As [`WorkerLink::wait`].
    pub fn wait_for_room(&self, deadline: Deadline) -> Result<(), Error> {
        // Half of the ring: the longest frame, and not a wake for each that is taken out.
        let has_room = || self.shared.results.len() <= ring::CAPACITY / 2;
        let ended = self.shared.bell.wait(
            Some(&self.shared.results.flags().producer_waits),
            has_room,
            deadline,
            &mut false,
        );
        ended.map_err(|ended| match ended {
            Ended::Gone => Error::Gone,
            ended => ended.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::arena::Block;
    use crate::frame::{MOST_BLOCKS, MOST_INLINE};

    fn pair() -> (Link, WorkerLink) {
        let (link, socket) = Link::new().expect("a link");
        let memory = link.memory().try_clone_to_owned().expect("a descriptor");
        let worker = WorkerLink::from_fds(memory, socket).expect("its other side");
        (link, worker)
    }

    fn task(seq: u64) -> Frame {
        Frame { kind: 3, seq, times: [1, 2], blocks: Vec::new(), bytes: vec![seq as u8; seq as usize % 100] }
    }

    #[test]
    fn tasks_go_there_and_results_back() {
        let (link, worker) = pair();
        let answering = thread::spawn(move || {
            loop {
                match worker.take().expect("whole") {
                    Some(frame) if frame.kind == 0 => return,
                    Some(frame) => {
                        while !worker.put(&frame).expect("whole") {
                            worker.wait_for_room(None).expect("room");
                        }
                    }
                    None => worker.wait(None).expect("more"),
                }
            }
        });
        let (mut n_put, mut n_taken) = (0, 0);
        while n_taken < 100_000 {
            if n_put < 100_000
                && n_put - n_taken < MOST_AHEAD as u64
                && link.put(&task(n_put)).expect("whole")
            {
                n_put += 1;
            }
            if let Some(frame) = link.take().expect("whole") {
                assert_eq!(frame, task(n_taken));
                n_taken += 1;
            }
        }
        assert!(link.put(&Frame::default()).expect("whole"));
        answering.join().expect("it answers");
        assert!(link.is_gone());
    }

    #[test]
    fn a_task_is_begun_or_recalled() {
        let (link, worker) = pair();
        for seq in 0..3 {
            assert!(link.put(&task(seq)).expect("whole"));
        }
        assert_eq!(worker.take().expect("whole").map(|frame| frame.seq), Some(0));
        assert!(link.recall(1) && !link.recall(0) && !link.recall(1));
        assert_eq!(worker.take().expect("whole").map(|frame| frame.seq), Some(2));
        assert_eq!(worker.take().expect("whole"), None);
    }

    #[test]
    fn the_longest_frame_passes_and_a_full_ring_takes_none() {
        let (link, worker) = pair();
        let block = Block { index: 1, offset: 2, len: 3 };
        let frame = Frame { blocks: vec![block; MOST_BLOCKS], bytes: vec![9; MOST_INLINE], ..task(0) };
        let mut n_put = 0;
        while link.put(&frame).expect("whole") {
            n_put += 1;
        }
        assert!(n_put >= 4);
        assert_eq!(worker.take().expect("whole"), Some(frame.clone()));
        assert!(link.put(&frame).expect("whole"));
    }
}
