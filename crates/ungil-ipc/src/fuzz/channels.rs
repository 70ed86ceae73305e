//! Target: a channel whose other end sends what is no frame, frames that do not end, and announcements of none.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::peer::{Numbers, Peer, ring_wrongly};
use super::run;
use crate::channel::{Channel, Error, Parts, Wait};
use crate::memory::Memory;
use crate::ring::{self, Ring};

/// A victim makes room for no more at once.
const MOST: usize = 1 << 20;

#[test]
fn channels() {
    let bytes = vec![7; 4 * ring::CAPACITY];
    run("channels::channels", |numbers| {
        if numbers.is_one_in(8) {
            parts_that_fit_nothing(&bytes, numbers);
        }
        let is_duplex = numbers.is_one_in(2);
        let (ours, theirs) = Channel::pair(is_duplex).expect("a channel");
        let parts = theirs.parts();
        let sockets: Vec<RawFd> = [parts.outgoing, parts.incoming]
            .into_iter()
            .flatten()
            .map(|(socket, _)| socket.as_raw_fd())
            .collect();
        let n_rings = sockets.len();
        let heads =
            (0..n_rings).flat_map(|number| [0..8, 64..72, 128..140, 256..300].map(|place| at(number, place)));
        let peer = Peer::of(parts.memory, n_rings * ring::SIZE, heads.collect());
        let memory =
            Memory::from_fd(parts.memory.try_clone_to_owned().expect("a descriptor")).expect("memory");
        let attack = |numbers: &mut Numbers| match numbers.below(8) {
            0..=3 => peer.write(numbers),
            4 | 5 => {
                // SAFETY: the memory outlives the case.
                let ring = unsafe { Ring::of(&memory, 0) };
                // A frame's first bytes, of any length; or what may be more of one.
                let long = numbers.below(16 * ring::CAPACITY) as u64;
                let header = if numbers.is_one_in(2) { long } else { numbers.word() }.to_le_bytes();
                let header = if numbers.is_one_in(3) { &header[..] } else { &[] };
                let _ = ring.put([header, &bytes[..numbers.len()]]);
            }
            6 => {
                let _ = theirs.send(&bytes[..numbers.len()]).proceed(Wait::Never);
            }
            _ => ring_wrongly(numbers.one_of(&sockets), numbers),
        };
        peer.against(numbers, attack, |numbers| use_it(&ours, &bytes, numbers));
    });
}

fn at(number: usize, place: std::ops::Range<usize>) -> std::ops::Range<usize> {
    number * ring::SIZE + place.start..number * ring::SIZE + place.end
}

fn use_it(ours: &Channel, bytes: &[u8], numbers: &mut Numbers) {
    let wait = if numbers.is_one_in(2) { Wait::Never } else { Wait::Until(numbers.deadline()) };
    let most = numbers.is_one_in(2).then(|| numbers.len() as u64);
    match numbers.below(6) {
        0 => {
            // The length of one that has begun has been agreed to.
            let most = most.filter(|_| !ours.is_within_message());
            if let (Ok(message), Some(most)) = (ours.receive(most, wait), most) {
                assert!(message.len() as u64 <= most);
            }
        }
        1 | 2 => {
            if let Ok(len) = ours.next_len(most, wait)
                && len <= MOST
            {
                let mut to = vec![MaybeUninit::uninit(); len];
                let _ = ours.receive_into(&mut to, wait);
            }
        }
        3 if ours.sends() => {
            let mut message = ours.send(&bytes[..numbers.len()]);
            for _ in 0..=numbers.below(3) {
                let _ = message.proceed(wait);
            }
        }
        4 => {
            let _ = ours.selectable();
            ours.is_within_message();
        }
        _ => {
            ours.has_come(numbers.len());
            let ended = ours.wait(wait);
            assert_eq!(ours.receives(), !matches!(ended, Err(Error::WrongWay)));
        }
    }
}

/// An end made of parts that another process has passed and that are none.
fn parts_that_fit_nothing(bytes: &[u8], numbers: &mut Numbers) {
    let len = 1 + numbers.below(3 * ring::SIZE);
    let memory = Memory::new(len).expect("memory");
    let mut way = || {
        let socket = memory.as_fd().try_clone_to_owned().expect("a descriptor");
        let number = numbers.word() as usize % if numbers.is_one_in(2) { 3 } else { usize::MAX };
        (!numbers.is_one_in(4)).then_some((socket, number))
    };
    let (incoming, outgoing): (Option<(OwnedFd, usize)>, _) = (way(), way());
    let fits = |way: &Option<(OwnedFd, usize)>| {
        way.as_ref().is_none_or(|(_, number)| *number < 2 && (number + 1) * ring::SIZE <= len)
    };
    let all_fit = fits(&incoming) && fits(&outgoing);
    let file = memory.as_fd().try_clone_to_owned().expect("a descriptor");
    if let Ok(made) = Channel::from_parts(Parts { memory: file, incoming, outgoing }) {
        assert!(all_fit);
        use_it(&made, bytes, numbers);
    }
}
