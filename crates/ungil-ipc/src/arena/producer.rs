//! [`Producer`]: the side of an arena that makes blocks, and the one that knows which are in use.
//!
//! Blocks have few sizes, so that one that is done with serves again. Some are kept with their memory, whose pages need not be made and cleared again; the memory
//! of others is given back to the system at once.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ungil_sync::{AfterFork, Gate};

use super::{Arena, BEGINNING, Block, END, N_BLOCKS, PAGE};

/// So many bytes of blocks that nobody uses are kept with their memory. A guess: the largest arrays that are sent again and again.
const MOST_WARM: u64 = 1 << 28;

/// Makes blocks; threads share it.
///
/// ```
/// use std::os::fd::AsFd;
/// use std::sync::Arc;
/// use ungil_ipc::arena::{Arena, Producer};
///
/// let producer = Producer::new(Arena::new()?);
/// let held = producer.put(&[1, 2, 3])?;
/// producer.lend(&held, 0);
/// // In another process:
/// let theirs = Arc::new(Arena::from_fd(producer.arena().as_fd().try_clone_to_owned()?)?);
/// let mut bytes = [0; 3];
/// theirs.read(&held.block(), &mut bytes)?;
/// theirs.release(held.block().index);
/// assert_eq!(bytes, [1, 2, 3]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Producer {
    arena: Arc<Arena>,
    inside: Gate<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// Blocks in use, by their index.
    used: HashMap<u64, Used>,
    /// Indices that were in use and are not.
    free: Vec<u64>,
    /// Places that nobody uses, by their size: where, and whether they have their memory.
    places: HashMap<u64, Vec<(u64, bool)>>,
    n_warm: u64,
    /// Behind all places.
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    offset: u64,
    size: u64,
    is_held: bool,
    /// Whom it was lent to last.
    borrower: u64,
}

/// A block that its maker has not let go; dropped, it is.
#[derive(Debug)]
pub struct Held {
    producer: Arc<Producer>,
    block: Block,
}

impl Held {
    /// Where it is.
    pub fn block(&self) -> Block {
        self.block
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.producer.let_go(self.block.index);
    }
}

impl Producer {
    /// The producer of an arena that has none.
    pub fn new(arena: Arena) -> Arc<Self> {
        let inside = Inside {
            used: HashMap::new(),
            free: Vec::new(),
            places: HashMap::new(),
            n_warm: 0,
            end: BEGINNING,
        };
        let producer = Self { arena: Arc::new(arena), inside: Gate::new(inside) };
        // A process that has been forked takes a new gate for one of its parent's, once.
        producer.inside.enter().end = BEGINNING;
        Arc::new(producer)
    }

    /// The arena.
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// A block with these bytes, at least one.
    ///
    /// # Errors
    ///
    /// `StorageFull` if there are too many blocks; or what the system says: no memory is left.
    pub fn put(self: &Arc<Self>, bytes: &[u8]) -> io::Result<Held> {
        let size = size_for(bytes.len() as u64);
        let block = {
            let mut inside = self.inside.enter();
            inside.reclaim(&self.arena);
            inside.place(size).map(|(index, offset)| Block { index, offset, len: bytes.len() as u64 })
        };
        let full =
            || io::Error::new(io::ErrorKind::StorageFull, "there are too many blocks of shared memory");
        let held = Held { producer: Arc::clone(self), block: block.ok_or_else(full)? };
        // Not through a mapping: the system says so if there is no memory, instead of ending the process.
        self.arena.file.write_all_at(bytes, held.block.offset)?;
        Ok(held)
    }

    /// Says, before a consumer is told of the block, that this one will use it. Who that is, [`Producer::forget`] is told.
    pub fn lend(&self, held: &Held, borrower: u64) {
        let mut inside = self.inside.enter();
        if let Some(used) = inside.used.get_mut(&held.block.index) {
            used.borrower = borrower;
        }
        if let Some(word) = self.arena.word(held.block.index) {
            word.store(1, Ordering::Relaxed);
        }
    }

    /// A consumer has died: it is done with what it had.
    pub fn forget(&self, borrower: u64) {
        for (index, used) in &self.inside.enter().used {
            if used.borrower == borrower {
                self.arena.release(*index);
            }
        }
    }

    /// How many blocks are in use.
    pub fn n_used(&self) -> usize {
        let mut inside = self.inside.enter();
        inside.reclaim(&self.arena);
        inside.used.len()
    }

    fn let_go(&self, index: u64) {
        let mut inside = self.inside.enter();
        if let Some(used) = inside.used.get_mut(&index) {
            used.is_held = false;
        }
        inside.reclaim(&self.arena);
    }
}

impl Inside {
    /// A place of that size, and its index.
    fn place(&mut self, size: u64) -> Option<(u64, u64)> {
        let index = self.free.pop().or_else(|| {
            // All indices are in one of the two, or are as many as both together and more.
            let next = self.used.len() as u64;
            (next < N_BLOCKS as u64).then_some(next)
        })?;
        let kept = self.places.get_mut(&size).and_then(Vec::pop);
        let offset = if let Some((offset, is_warm)) = kept {
            self.n_warm -= if is_warm { size } else { 0 };
            offset
        } else {
            let offset = self.end;
            let Some(end) = offset.checked_add(size).filter(|end| *end <= END) else {
                self.free.push(index);
                return None;
            };
            self.end = end;
            offset
        };
        self.used.insert(index, Used { offset, size, is_held: true, borrower: 0 });
        Some((index, offset))
    }

    /// Takes back what nobody uses any more.
    fn reclaim(&mut self, arena: &Arena) {
        let is_done = |index: &u64, used: &Used| {
            // Acquire: pairs with the release in `Arena::release`.
            !used.is_held && arena.word(*index).is_none_or(|word| word.load(Ordering::Acquire) == 0)
        };
        let done: Vec<(u64, Used)> = self.used.extract_if(|index, used| is_done(index, used)).collect();
        for (index, used) in done {
            let is_warm = self.n_warm + used.size <= MOST_WARM;
            if is_warm {
                self.n_warm += used.size;
            } else {
                give_back(arena, &used);
            }
            self.free.push(index);
            self.places.entry(used.size).or_default().push((used.offset, is_warm));
        }
    }
}

/// Gives the memory of a place back to the system.
fn give_back(arena: &Arena, used: &Used) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    let (offset, size) = (used.offset as libc::off_t, used.size as libc::off_t);
    // SAFETY: the descriptor is open; the call takes numbers. Should it fail, the memory stays where it is.
    unsafe { libc::fallocate(arena.file.as_raw_fd(), mode, offset, size) };
}

/// Whole pages, and in each power of two four sizes.
fn size_for(len: u64) -> u64 {
    let step = PAGE.max((len.max(1).next_power_of_two()) / 8);
    len.max(1).next_multiple_of(step).next_multiple_of(PAGE)
}

impl AfterFork for Inside {
    fn after_fork(&mut self, is_torn: bool) {
        // The arena is the parent's: blocks are found and let go here, and none are made.
        if is_torn {
            mem::forget(mem::take(&mut self.used));
            mem::forget(mem::take(&mut self.free));
            mem::forget(mem::take(&mut self.places));
        }
        self.end = END;
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::fd::AsFd;

    use super::*;

    fn pair() -> (Arc<Producer>, Arc<Arena>) {
        let producer = Producer::new(Arena::new().expect("an arena"));
        let theirs = producer.arena().as_fd().try_clone_to_owned().expect("a descriptor");
        (producer, Arc::new(Arena::from_fd(theirs).expect("the same")))
    }

    #[test]
    fn a_block_is_looked_for_before_it_is_believed() {
        let (producer, theirs) = pair();
        let held = producer.put(&[7; 10_000]).expect("memory");
        let block = held.block();
        theirs.look_for(&block).expect("it is there");
        // Files have whole pages.
        for len in [12_289, 1 << 40] {
            let longer = Block { len, ..block };
            assert_eq!(theirs.look_for(&longer).map_err(|error| error.kind()), Err(ErrorKind::InvalidData));
        }
        let elsewhere = Block { offset: block.offset + (1 << 30), ..block };
        assert_eq!(theirs.look_for(&elsewhere).map_err(|error| error.kind()), Err(ErrorKind::InvalidData));
    }

    #[test]
    fn a_block_is_used_again_when_both_are_done_with_it() {
        let (producer, theirs) = pair();
        let held = producer.put(&[7; 10_000]).expect("memory");
        let block = held.block();
        producer.lend(&held, 1);
        drop(held);
        assert_eq!(producer.n_used(), 1);
        let mapping = theirs.map(&block).expect("a mapping");
        let other = producer.put(&[8; 10_000]).expect("memory");
        assert_ne!(other.block().offset, block.offset);
        // SAFETY: within the mapping, which is ours alone.
        let seen = unsafe { std::slice::from_raw_parts(mapping.as_ptr(), mapping.len()) };
        assert!(seen.iter().all(|byte| *byte == 7));
        drop(mapping);
        assert_eq!(producer.n_used(), 1);
        let again = producer.put(&[9; 10_000]).expect("memory");
        assert_eq!(again.block().offset, block.offset);
    }

    #[test]
    fn what_a_consumer_writes_stays_its_own() {
        let (producer, theirs) = pair();
        let held = producer.put(&[7; 100]).expect("memory");
        let mapping = theirs.map(&held.block()).expect("a mapping");
        // SAFETY: within the mapping, which is ours alone.
        unsafe { mapping.as_ptr().write(1) };
        let mut bytes = [0; 100];
        theirs.read(&held.block(), &mut bytes).expect("readable");
        assert_eq!(bytes, [7; 100]);
    }

    #[test]
    fn a_dead_consumer_is_done_with_all_it_had() {
        let (producer, _) = pair();
        for borrower in [1, 2] {
            let held = producer.put(&[1]).expect("memory");
            producer.lend(&held, borrower);
        }
        producer.forget(1);
        assert_eq!(producer.n_used(), 1);
        producer.forget(2);
        assert_eq!(producer.n_used(), 0);
    }

    #[test]
    fn memory_beyond_what_is_kept_is_given_back() {
        let (producer, _) = pair();
        let bytes = vec![1; 100 << 20];
        let held: Vec<Held> = (0..4).map(|_| producer.put(&bytes).expect("memory")).collect();
        drop(held);
        let inside = producer.inside.enter();
        assert!(inside.n_warm <= MOST_WARM && inside.n_warm > 0);
        assert_eq!(inside.places.values().map(Vec::len).sum::<usize>(), 4);
    }

    #[test]
    fn blocks_that_cannot_be_are_refused() {
        let (_, theirs) = pair();
        let block = Block { index: 0, offset: BEGINNING, len: 1 };
        for wrong in [
            Block { index: N_BLOCKS as u64, ..block },
            Block { index: u64::MAX, ..block },
            Block { offset: 0, ..block },
            Block { offset: BEGINNING + 1, ..block },
            Block { offset: END, ..block },
            Block { offset: !(PAGE - 1), len: PAGE, ..block },
            Block { len: 0, ..block },
            Block { len: u64::MAX, ..block },
        ] {
            assert!(theirs.map(&wrong).is_err() && theirs.read(&wrong, &mut [0]).is_err(), "{wrong:?}");
            theirs.release(wrong.index);
        }
    }

    #[test]
    fn an_arena_that_is_full_loses_no_index() {
        let (producer, _) = pair();
        let [first, second, third] = [(); 3].map(|()| producer.put(&[1]).expect("memory"));
        drop(second);
        let end = std::mem::replace(&mut producer.inside.enter().end, END);
        assert_eq!(producer.put(&[1; 10_000]).expect_err("full").kind(), io::ErrorKind::StorageFull);
        producer.inside.enter().end = end;
        let fourth = producer.put(&[1; 10_000]).expect("memory");
        assert!(![first.block().index, third.block().index].contains(&fourth.block().index));
    }

    #[test]
    fn memory_that_ends_before_an_arena_would_is_refused() {
        let small = crate::memory::Memory::new(2 * BEGINNING as usize).expect("memory");
        let small = small.as_fd().try_clone_to_owned().expect("a descriptor");
        assert_eq!(Arena::from_fd(small).expect_err("too small").kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn sizes_waste_no_more_than_a_quarter() {
        for len in [1, PAGE, PAGE + 1, 100_000, 1 << 20, (1 << 20) + 1, 100_000_000] {
            let size = size_for(len);
            assert!(
                size >= len && size.is_multiple_of(PAGE) && size <= (len + len / 4).next_multiple_of(PAGE),
                "{len}"
            );
        }
    }
}
