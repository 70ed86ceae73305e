//! Target: a queue whose words and records another process writes as it likes.

use std::os::fd::AsFd;

use super::peer::{Numbers, Peer};
use super::run;
use crate::memory::Memory;
use crate::queue::Queue;

/// How many bytes the records have, behind the words.
const RECORDS: usize = 1 << 18;

#[test]
fn queues() {
    let bytes = vec![7; 4 * RECORDS];
    run("queues::queues", |numbers| {
        let most = numbers.one_of(&[1, 7, u32::MAX]);
        let queue = Queue::new(most).expect("memory");
        let theirs = queue.as_fd().try_clone_to_owned().expect("a descriptor");
        let theirs = Queue::from_fd(theirs, most).expect("the same");
        let queue = if numbers.is_one_in(2) { queue.with_bell(None).expect("a descriptor") } else { queue };
        let copy = queue.as_fd().try_clone_to_owned().expect("a descriptor");
        let len = Memory::from_fd(copy).expect("memory").len();
        if numbers.is_one_in(8) {
            let small = Memory::new(1 + numbers.below(len - 1)).expect("memory");
            assert!(Queue::from_fd(small.as_fd().try_clone_to_owned().expect("a descriptor"), most).is_err());
        }
        // The words of the two sides, those of promises, and the first records.
        let words = len - RECORDS;
        let peer = Peer::of(queue.as_fd(), len, vec![0..24, 64..88, 128..256, words..words + 64]);
        let attack = |numbers: &mut Numbers| match numbers.below(8) {
            0 => {
                let _ = theirs.try_put(&bytes[..numbers.below(200)]);
            }
            1 => {
                // One that passes in pieces, and of which the rest may not come.
                let _ =
                    theirs.pour(&bytes[..numbers.len()], numbers.is_one_in(2)).proceed(numbers.deadline());
            }
            2 => {
                let _ = theirs.try_get();
            }
            _ => peer.write(numbers),
        };
        peer.against(numbers, attack, |numbers| use_it(&queue, &bytes, numbers));
    });
}

fn use_it(queue: &Queue, bytes: &[u8], numbers: &mut Numbers) {
    let deadline = numbers.deadline();
    match numbers.below(7) {
        0 => {
            let _ = queue.try_put(&bytes[..numbers.len()]);
        }
        1 => {
            let _ = queue.put(&bytes[..numbers.len()], numbers.is_one_in(2), deadline);
        }
        2 => {
            let mut pouring = queue.pour(&bytes[..numbers.len()], numbers.is_one_in(2));
            // Once more, where it has not ended.
            let _ = pouring.proceed(deadline).or_else(|_| pouring.proceed(deadline));
        }
        3 => {
            let _ = queue.try_get();
        }
        4 => {
            let mut getting = queue.get();
            let _ = getting.proceed(deadline).or_else(|_| getting.proceed(deadline));
        }
        5 => {
            queue.begin_task();
            let _ = queue.join(queue.n_idle(), deadline);
            queue.task_done();
        }
        _ => {
            let _ = (queue.len(), queue.is_empty(), queue.is_full(), queue.selectable());
        }
    }
}
