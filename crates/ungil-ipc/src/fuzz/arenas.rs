//! Target: an arena whose consumer writes its words and its file, and blocks that a producer tells of and that are not there.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::peer::{Numbers, Peer};
use super::run;
use crate::arena::{Arena, BEGINNING, Block, END, Held, Producer};
use crate::memory::Memory;

#[test]
fn arenas() {
    run("arenas::arenas", |numbers| {
        let producer = Producer::new(Arena::new().expect("an arena"));
        let theirs = || producer.arena().as_fd().try_clone_to_owned().expect("a descriptor");
        let consumer = Arc::new(Arena::from_fd(theirs()).expect("the same"));
        let file = File::from(theirs());
        if numbers.is_one_in(8) {
            let small = Memory::new(1 + numbers.len()).expect("memory");
            let small = small.as_fd().try_clone_to_owned().expect("a descriptor");
            assert!(Arena::from_fd(small).is_err(), "its blocks would end outside");
        }
        // Of the blocks that there will be, and some others.
        let peer = Peer::of(producer.arena().as_fd(), BEGINNING as usize, vec![0..128, 4096..4160]);
        let attack = |numbers: &mut Numbers| match numbers.below(6) {
            0 => {
                let place = block(numbers).offset % END;
                let _ = file.write_at(&[7; 100], place);
            }
            1 => {
                let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
                let offset = (block(numbers).offset % END) as libc::off_t;
                // SAFETY: the descriptor is open; the call takes numbers.
                unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, 1 << 20) };
            }
            _ => peer.write(numbers),
        };
        let mut held = Vec::new();
        peer.against(numbers, attack, |numbers| match numbers.below(6) {
            0 | 1 => {
                held.push(producer.put(&vec![7; 1 + numbers.len()]).expect("room"));
                are_apart(&held);
            }
            2 if !held.is_empty() => {
                let at = numbers.below(held.len());
                producer.lend(&held[at], numbers.below(3) as u64);
                look_at(&consumer, &held[at].block());
                if numbers.is_one_in(2) {
                    held.swap_remove(at);
                }
            }
            3 => producer.forget(numbers.below(3) as u64),
            4 => look_at(&consumer, &block(numbers)),
            _ => assert!(producer.n_used() >= held.len(), "one that is held is in use"),
        });
    });
}

/// Whatever the consumer writes, no two blocks that are in use are one.
fn are_apart(held: &[Held]) {
    let mut blocks: Vec<Block> = held.iter().map(Held::block).collect();
    blocks.sort_unstable_by_key(|block| block.offset);
    for pair in blocks.windows(2) {
        assert!(pair[0].offset + pair[0].len <= pair[1].offset, "{pair:?}");
    }
    let mut indices: Vec<u64> = blocks.iter().map(|block| block.index).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices.len(), blocks.len(), "each has a word of its own");
}

/// A block as another process might tell of it: one that can be, or not.
pub(super) fn block(numbers: &mut Numbers) -> Block {
    let page = |numbers: &mut Numbers| BEGINNING + 4096 * numbers.below(300) as u64;
    let near_end = END - 4096 * numbers.below(3) as u64;
    Block {
        index: if numbers.is_one_in(4) { numbers.word() } else { numbers.below(20_000) as u64 },
        offset: match numbers.below(4) {
            0 => numbers.word(),
            1 => near_end,
            _ => page(numbers),
        },
        len: if numbers.is_one_in(4) { numbers.word() } else { numbers.below(20_000) as u64 },
    }
}

/// Uses a block as a consumer does. One that is taken for a block can be read to its last byte.
pub(super) fn look_at(arena: &Arc<Arena>, block: &Block) {
    let _ = arena.look_for(block);
    let mut bytes = [0; 64];
    let len = bytes.len().min(block.len as usize);
    let _ = arena.read(&Block { len: len as u64, ..*block }, &mut bytes[..len]);
    if let Ok(mapping) = arena.map(block) {
        assert_eq!(mapping.len() as u64, block.len);
        for at in [0, mapping.len() - 1] {
            // SAFETY: within the mapping.
            let at = unsafe { mapping.as_ptr().add(at) };
            // SAFETY: as above; whoever writes there meanwhile writes bytes.
            let byte = unsafe { at.read_volatile() };
            // SAFETY: as above; what is written is seen here alone.
            unsafe { at.write_volatile(!byte) };
        }
    }
    arena.is_lent(block.index);
    arena.release(block.index);
}
