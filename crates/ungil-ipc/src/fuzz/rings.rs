//! Target: a ring whose indices and bytes the other side writes as it likes.

use std::os::fd::AsFd;

use super::peer::Peer;
use super::run;
use crate::memory::Memory;
use crate::ring::{CAPACITY, Ring, SIZE};

/// What nobody has written over.
const UNTOUCHED: u8 = 0xA5;

#[test]
fn rings() {
    let bytes = vec![7; 4 * CAPACITY];
    run("rings::rings", |numbers| {
        let memory = Memory::new(SIZE).expect("memory");
        // SAFETY: the memory outlives the case.
        let ring = unsafe { Ring::of(&memory, 0) };
        let peer = Peer::of(memory.as_fd(), SIZE, vec![0..8, 64..72, 128..140]);
        let attack = |numbers: &mut _| peer.write(numbers);
        peer.against(numbers, attack, |numbers| match numbers.below(4) {
            0 => {
                let parts = [&bytes[..numbers.len()], &bytes[..numbers.len()]];
                if let Ok(n) = ring.put(parts) {
                    assert!(n <= parts[0].len() + parts[1].len() && n <= CAPACITY);
                }
            }
            1 => {
                ring.len();
            }
            operation => {
                let mut to = vec![UNTOUCHED; numbers.len()];
                let (at, most) = (to.as_mut_ptr(), to.len());
                let taken = if operation == 2 {
                    // SAFETY: the vector has so many bytes.
                    unsafe { ring.peek(at, most) }
                } else {
                    // SAFETY: as above.
                    unsafe { ring.take(at, most) }
                };
                let n = taken.unwrap_or(0);
                assert!(n <= most && n <= CAPACITY && to[n..].iter().all(|byte| *byte == UNTOUCHED));
            }
        });
    });
}
