//! Target: the link between a pool and a worker, either of which may be hostile; and the blocks that a worker's frames tell of.

use std::os::fd::{AsFd, AsRawFd};

use super::arenas::{block, look_at};
use super::peer::{Numbers, Peer, ring_wrongly};
use super::run;
use crate::frame::{Frame, MOST_BLOCKS, MOST_INLINE};
use crate::link::{self, Link, WorkerLink};
use crate::memory::Memory;
use crate::ring::{self, Ring};

#[test]
fn links() {
    run("links::links", |numbers| {
        let (link, socket) = Link::new().expect("a link");
        let theirs = socket.try_clone().expect("a descriptor");
        let memory = link.memory().try_clone_to_owned().expect("a descriptor");
        let raw = Memory::from_fd(memory.try_clone().expect("a descriptor")).expect("memory");
        let worker = WorkerLink::from_fds(memory, socket).expect("its other side");
        let claims = 2 * ring::SIZE..link::SIZE;
        if numbers.is_one_in(8) {
            let other = Memory::new(1 + numbers.below(link::SIZE - 1)).expect("memory");
            let other = other.as_fd().try_clone_to_owned().expect("a descriptor");
            assert!(WorkerLink::from_fds(other, theirs.try_clone().expect("a descriptor")).is_err());
        }
        let tasks = [0..8, 64..72, 128..140, 256..400];
        let results = tasks.clone().map(|place| ring::SIZE + place.start..ring::SIZE + place.end);
        let peer = Peer::of(link.memory(), link::SIZE, [&tasks[..], &results, &[claims]].concat());
        if numbers.is_one_in(4) {
            let attack = |numbers: &mut Numbers| match numbers.below(6) {
                0 => {
                    let _ = link.put(&frame(numbers, 0));
                }
                1 => {
                    link.recall(numbers.word());
                }
                2 => ring_wrongly(link.bell(), numbers),
                _ => peer.write(numbers),
            };
            peer.against(numbers, attack, |numbers| use_as_worker(&worker, numbers));
        } else {
            let attack = |numbers: &mut Numbers| match numbers.below(6) {
                0 | 1 => {
                    let seq = numbers.word();
                    let _ = worker.put(&frame(numbers, seq));
                }
                2 => ring_wrongly(theirs.as_raw_fd(), numbers),
                3 => put_long(&raw, numbers),
                _ => peer.write(numbers),
            };
            let mut next_seq = 0;
            peer.against(numbers, attack, |numbers| use_as_pool(&link, &mut next_seq, numbers));
        }
    });
}

/// Puts in a frame as long as it says, which may be longer than one may be.
fn put_long(memory: &Memory, numbers: &mut Numbers) {
    let n_blocks = numbers.below(2 * MOST_BLOCKS);
    let len = 32 + 24 * n_blocks + numbers.below(4 * MOST_INLINE);
    let mut bytes = vec![0; len];
    bytes[..4].copy_from_slice(&(len as u32).to_le_bytes());
    bytes[6..8].copy_from_slice(&(n_blocks as u16).to_le_bytes());
    // SAFETY: the memory outlives the ring.
    let results = unsafe { Ring::of(memory, 1) };
    let _ = results.put([&bytes, &[]]);
}

/// A frame that is well made and means nonsense.
fn frame(numbers: &mut Numbers, seq: u64) -> Frame {
    let most_blocks = numbers.one_of(&[1, 5, MOST_BLOCKS + 1]);
    let most_bytes = numbers.one_of(&[1, 100, MOST_INLINE + 1]);
    Frame {
        kind: numbers.next() as u16,
        seq,
        times: [numbers.word(), numbers.word()],
        blocks: (0..numbers.below(most_blocks)).map(|_| block(numbers)).collect(),
        bytes: vec![7; numbers.below(most_bytes)],
    }
}

fn use_as_pool(link: &Link, next_seq: &mut u64, numbers: &mut Numbers) {
    match numbers.below(7) {
        0 | 1 => {
            if link.put(&frame(numbers, *next_seq)) == Ok(true) {
                *next_seq += 1;
            }
        }
        2..=4 => {
            while let Ok(Some(frame)) = link.take() {
                assert!(frame.blocks.len() <= MOST_BLOCKS && frame.bytes.len() <= MOST_INLINE);
                for block in frame.blocks.iter().take(20) {
                    look_at(link.answers(), block);
                }
                if numbers.is_one_in(20) {
                    break;
                }
            }
        }
        5 => {
            link.recall(next_seq.wrapping_sub(numbers.below(70) as u64));
        }
        _ => {
            link.ask_to_be_woken(numbers.is_one_in(2));
            link.has_result();
            link.drop_wakes();
            link.is_gone();
        }
    }
}

fn use_as_worker(worker: &WorkerLink, numbers: &mut Numbers) {
    let deadline = numbers.deadline();
    match numbers.below(4) {
        0 => {
            let _ = worker.put(&frame(numbers, 0));
        }
        1 => {
            let _ = worker.wait_for_room(deadline);
        }
        _ => {
            let _ = worker.wait(deadline);
            let _ = worker.take();
        }
    }
}
