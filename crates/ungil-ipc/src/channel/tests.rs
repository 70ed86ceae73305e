//! What a sender that the system stops between two instructions does to a receiver, and what a hostile one does.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// The outcome within a short time, of a call that is made again whenever it is interrupted.
fn soon<R>(call: impl Fn(Wait) -> Result<R, Error>) -> Result<R, Error> {
    ended(Wait::Until(Some(Instant::now() + Duration::from_millis(60))), call)
}

/// The same for as long as that.
fn ended<R>(wait: Wait, mut call: impl FnMut(Wait) -> Result<R, Error>) -> Result<R, Error> {
    loop {
        match call(wait) {
            Err(Error::Interrupted) => {}
            ended => return ended,
        }
    }
}

fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let mut polled = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which is ours; without a wait.
    unsafe { libc::poll(&raw mut polled, 1, 0) == 1 }
}

fn write_to(fd: BorrowedFd<'_>, byte: u8) {
    // SAFETY: one byte, which is ours.
    let n = unsafe { libc::send(fd.as_raw_fd(), (&raw const byte).cast(), 1, 0) };
    assert_eq!(n, 1);
}

/// The sending side's parts, of a channel of one way.
fn sender(channel: &Channel) -> &Outgoing {
    channel.outgoing.as_ref().expect("it sends")
}

/// Puts in a frame as a sender does that is stopped before it wakes anybody; it is announced if that is asked for.
fn put_and_stop(channel: &Channel, bytes: &[u8]) {
    let way = sender(channel);
    let mode = way.ring.flags().mode.load(std::sync::atomic::Ordering::SeqCst);
    let mut header = bytes.len() as u64;
    if mode & ANNOUNCES != 0 {
        way.bell.announce(None).expect("there is room");
        header |= IS_ANNOUNCED;
    }
    assert_eq!(way.ring.put([&header.to_le_bytes(), bytes]), Ok(HEADER + bytes.len()));
}

/// The rest of what such a sender does, late.
fn wake_late(channel: &Channel) {
    let way = sender(channel);
    way.bell.wake(&way.ring.flags().consumer_waits);
}

#[test]
fn a_late_wake_is_taken_for_nothing_else() {
    for is_selectable in [false, true] {
        let (from, to) = Channel::pair(false).expect("a channel");
        if is_selectable {
            from.selectable().expect("a descriptor");
        }
        for _ in 0..3 {
            put_and_stop(&to, b"one");
            assert_eq!(soon(|wait| from.receive(None, wait)).expect("it has come"), b"one");
            thread::scope(|scope| {
                let next = scope.spawn(|| ended(Wait::Until(None), |wait| from.receive(None, wait)));
                thread::sleep(Duration::from_millis(5));
                wake_late(&to);
                thread::sleep(Duration::from_millis(5));
                assert!(!next.is_finished(), "nothing has come");
                to.send(b"two").proceed(Wait::Until(None)).expect("sent");
                assert_eq!(next.join().expect("no panic").expect("a message"), b"two");
            });
        }
        // Nor does a wait for what does not come end by it, or the next one.
        put_and_stop(&to, b"three");
        assert_eq!(soon(|wait| from.receive(None, wait)).expect("it has come"), b"three");
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(5));
                wake_late(&to);
            });
            assert!(matches!(soon(|wait| from.wait(wait)), Err(Error::TimedOut)));
        });
        assert!(matches!(soon(|wait| from.wait(wait)), Err(Error::TimedOut)));
        if is_selectable {
            assert!(!is_readable(from.selectable().expect("a descriptor")));
        }
    }
}

#[test]
fn bytes_that_nobody_owes_cost_a_look_and_no_more() {
    let (from, to) = Channel::pair(false).expect("a channel");
    for byte in [b'w', b'w', 0, 255] {
        write_to(sender(&to).bell.as_fd(), byte);
        assert!(matches!(soon(|wait| from.receive(None, wait)), Err(Error::TimedOut)));
        to.send(b"message").proceed(Wait::Until(None)).expect("sent");
        write_to(sender(&to).bell.as_fd(), byte);
        assert_eq!(soon(|wait| from.receive(None, wait)).expect("it has come"), b"message");
    }
    // An announcement without a message: a wait keeps its time, and looks after signals.
    write_to(sender(&to).bell.as_fd(), b'm');
    assert!(matches!(soon(|wait| from.wait(wait)), Err(Error::TimedOut)));
    let start = Instant::now();
    assert!(matches!(from.receive(None, Wait::Until(None)), Err(Error::Interrupted)));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_message_without_its_announcement_is_refused() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let header = (3 | IS_ANNOUNCED).to_le_bytes();
    assert_eq!(sender(&to).ring.put([&header, b"one"]), Ok(HEADER + 3));
    assert!(matches!(soon(|wait| from.receive(None, wait)), Err(Error::Corrupt(_))));
}

#[test]
fn a_half_shutdown_is_an_end() {
    let (from, to) = Channel::pair(false).expect("a channel");
    // SAFETY: the descriptor is open.
    unsafe { libc::shutdown(sender(&to).bell.as_fd().as_raw_fd(), libc::SHUT_WR) };
    assert!(matches!(soon(|wait| from.receive(None, wait)), Err(Error::Gone)));
}

#[test]
fn a_sender_that_is_stopped_within_a_frame_holds_up_nobody_who_asks_for_the_descriptor() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let mode = &sender(&to).ring.flags().mode;
    mode.fetch_or(SENDING, std::sync::atomic::Ordering::SeqCst);
    let fd = from.selectable().expect("a descriptor");
    assert!(is_readable(fd), "it may come unannounced");
    assert!(matches!(soon(|wait| from.receive(None, wait)), Err(Error::TimedOut)));
    assert!(is_readable(fd));
    let header = 3_u64.to_le_bytes();
    assert_eq!(sender(&to).ring.put([&header, b"one"]), Ok(HEADER + 3));
    mode.fetch_and(!SENDING, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(soon(|wait| from.receive(None, wait)).expect("it has come"), b"one");
    assert!(!is_readable(fd));
}

#[test]
fn a_word_that_was_taken_without_a_byte_holds_up_nobody() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let waits = &sender(&to).ring.flags().consumer_waits;
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(5));
            waits.store(0, std::sync::atomic::Ordering::SeqCst);
            let header = 3_u64.to_le_bytes();
            assert_eq!(sender(&to).ring.put([&header, b"one"]), Ok(HEADER + 3));
        });
        assert_eq!(
            soon(|wait| from.receive(None, wait))
                .or_else(|_| from.receive(None, Wait::Never))
                .expect("it has come"),
            b"one"
        );
    });
    // Left behind by a receiver that was killed while it waited: the byte for it is nobody's.
    waits.store(1, std::sync::atomic::Ordering::SeqCst);
    to.send(b"two").proceed(Wait::Until(None)).expect("sent");
    assert_eq!(from.receive(None, Wait::Never).expect("it has come"), b"two");
    assert!(matches!(soon(|wait| from.wait(wait)), Err(Error::TimedOut)));
}

#[test]
fn the_descriptor_tells_of_a_message_in_part() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let fd = from.selectable().expect("a descriptor");
    let long = vec![1; 2 * ring::CAPACITY];
    let mut message = to.send(&long);
    assert!(matches!(message.proceed(Wait::Never), Err(Error::WouldWait)));
    assert!(matches!(soon(|wait| from.receive(None, wait)), Err(Error::TimedOut)));
    assert!(from.is_within_message() && is_readable(fd));
    let received = thread::scope(|scope| {
        let received = scope.spawn(|| ended(Wait::Until(None), |wait| from.receive(None, wait)));
        ended(Wait::Until(None), |wait| message.proceed(wait)).expect("sent");
        received.join().expect("no panic")
    });
    assert_eq!(received.expect("a message"), long);
    assert!(!is_readable(fd));
}
