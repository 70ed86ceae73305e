//! Channels between threads and processes: whole messages in their order, and an end that both sides learn of.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use ungil_ipc::channel::{Channel, Error, Parts, Wait};

const FOR_EVER: Wait = Wait::Until(None);

fn send(channel: &Channel, bytes: &[u8]) -> Result<(), Error> {
    let mut message = channel.send(bytes);
    loop {
        match message.proceed(FOR_EVER) {
            Err(Error::Interrupted) => {}
            ended => return ended,
        }
    }
}

fn receive(channel: &Channel) -> Result<Vec<u8>, Error> {
    loop {
        match channel.receive(None, FOR_EVER) {
            Err(Error::Interrupted) => {}
            ended => return ended,
        }
    }
}

/// Bytes that tell which message they are of.
fn message(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number * 31 + at * 7) as u8).collect()
}

fn is_readable(fd: BorrowedFd<'_>, timeout: i32) -> bool {
    let mut polled = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which is ours.
    unsafe { libc::poll(&raw mut polled, 1, timeout) == 1 }
}

/// Runs `work` in a forked child, which ends after it.
fn in_child(work: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs `work`, which uses nothing of other threads, and ends by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the call has no requirement; a child that hangs is killed.
        unsafe { libc::alarm(60) };
        work();
        // SAFETY: the call has no requirement.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0, "fork failed");
    pid
}

fn end_of(pid: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: the process is our child and not waited for yet; the status is ours to write.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

#[test]
fn messages_of_all_sizes_arrive_whole_and_in_order() {
    let (ours, theirs) = Channel::pair(true).expect("a channel");
    let sizes = [0, 1, 7, 8, 9, 1000, (1 << 18) - 8, (1 << 18) - 7, 1 << 18, (1 << 20) + 3, 5 << 20];
    thread::scope(|scope| {
        scope.spawn(|| {
            for (number, len) in sizes.into_iter().enumerate() {
                send(&theirs, &message(number, len)).expect("sent");
                assert_eq!(receive(&theirs).expect("an answer"), message(number + 100, len));
            }
        });
        for (number, len) in sizes.into_iter().enumerate() {
            assert_eq!(receive(&ours).expect("a message"), message(number, len));
            send(&ours, &message(number + 100, len)).expect("sent");
        }
    });
}

#[test]
fn many_threads_take_turns_and_lose_nothing() {
    const EACH: usize = 20_000;
    let (from, to) = Channel::pair(false).expect("a channel");
    thread::scope(|scope| {
        for sender in 0..4_usize {
            let to = &to;
            scope.spawn(move || {
                for number in 0..EACH {
                    let mut bytes = vec![sender as u8; 8 + (number * 37) % 300];
                    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
                    send(to, &bytes).expect("sent");
                }
            });
        }
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut got = Vec::new();
                    while got.len() < 2 * EACH {
                        let bytes = receive(&from).expect("a message");
                        let (number, rest) = bytes.split_at(8);
                        let number = u64::from_le_bytes(number.try_into().expect("eight bytes"));
                        assert!(rest.iter().all(|byte| Some(byte) == rest.first()));
                        got.push((rest.first().copied(), number));
                    }
                    got
                })
            })
            .collect();
        let mut got: Vec<_> =
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect();
        got.retain(|(sender, _)| sender.is_some());
        got.sort_unstable();
        let n_before = got.len();
        got.dedup();
        assert_eq!(got.len(), n_before, "a message came twice");
    });
}

#[test]
fn both_sides_learn_of_the_end() {
    let (from, to) = Channel::pair(false).expect("a channel");
    send(&to, b"last").expect("sent");
    drop(to);
    assert_eq!(receive(&from).expect("it was sent"), b"last");
    assert!(matches!(receive(&from), Err(Error::Gone)));
    assert!(matches!(receive(&from), Err(Error::Gone)));
    assert!(from.wait(Wait::Never).is_ok(), "the end is something to receive");

    let (from, to) = Channel::pair(false).expect("a channel");
    drop(from);
    assert!(matches!(send(&to, b"nobody"), Err(Error::Gone)));
    assert!(matches!(receive(&to), Err(Error::WrongWay)));
}

#[test]
fn a_sender_that_waits_for_room_learns_of_the_end() {
    let (from, to) = Channel::pair(false).expect("a channel");
    thread::scope(|scope| {
        let sender = scope.spawn(|| send(&to, &vec![1; 1 << 20]));
        assert!(from.wait(FOR_EVER).is_ok());
        thread::sleep(Duration::from_millis(20));
        drop(from);
        assert!(matches!(sender.join().expect("no panic"), Err(Error::Gone)));
    });
}

#[test]
fn times_are_kept() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let soon = || Wait::Until(Some(Instant::now() + Duration::from_millis(5)));
    assert!(matches!(from.receive(None, Wait::Never), Err(Error::WouldWait)));
    assert!(matches!(from.receive(None, soon()), Err(Error::TimedOut)));
    assert!(matches!(from.wait(soon()), Err(Error::TimedOut)));
    let long = vec![3; 1 << 20];
    let mut message = to.send(&long);
    assert!(matches!(message.proceed(Wait::Never), Err(Error::WouldWait)));
    assert!(matches!(from.receive(None, soon()), Err(Error::TimedOut)), "the rest has not come");
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&from));
        assert!(message.proceed(FOR_EVER).is_ok());
        assert_eq!(receiver.join().expect("no panic").expect("a message"), long);
    });
}

#[test]
fn a_message_left_in_the_middle_ends_the_connection() {
    let (from, to) = Channel::pair(false).expect("a channel");
    let long = vec![3; 1 << 20];
    let mut message = to.send(&long);
    assert!(matches!(message.proceed(Wait::Never), Err(Error::WouldWait)));
    drop(message);
    assert!(matches!(send(&to, b"more"), Err(Error::Gone)));
    assert!(matches!(receive(&from), Err(Error::Incomplete)));
    assert!(matches!(receive(&from), Err(Error::Gone)));
}

#[test]
fn a_message_that_is_too_long_is_not_taken() {
    let (from, to) = Channel::pair(false).expect("a channel");
    send(&to, &[1; 100]).expect("sent");
    assert!(matches!(from.receive(Some(99), FOR_EVER), Err(Error::TooLong(100))));
    assert!(matches!(receive(&from), Err(Error::Gone)));
}

#[test]
fn a_child_answers_and_its_death_is_noticed_at_once() {
    let (ours, theirs) = Channel::pair(true).expect("a channel");
    let child = in_child(|| {
        for _ in 0..1000 {
            let question = receive(&theirs).expect("a question");
            send(&theirs, &question).expect("sent");
        }
        // A part of a message, and then nothing.
        let _ = theirs.send(&vec![1; 1 << 20]).proceed(Wait::Never);
        loop {
            thread::park();
        }
    });
    drop(theirs);
    for number in 0..1000 {
        send(&ours, &message(number, number)).expect("sent");
        assert_eq!(receive(&ours).expect("an answer"), message(number, number));
    }
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        // SAFETY: the process is our child, and not waited for.
        unsafe { libc::kill(child, libc::SIGKILL) };
    });
    let ended = receive(&ours);
    assert!(matches!(ended, Err(Error::Incomplete | Error::Gone)), "{ended:?}");
    assert!(matches!(receive(&ours), Err(Error::Gone)));
    killer.join().expect("no panic");
    assert_eq!(end_of(child) & 0x7f, libc::SIGKILL);
    assert!(matches!(send(&ours, b"anybody?"), Err(Error::Gone)));
}

#[test]
fn an_end_can_be_passed_on() {
    let (ours, theirs) = Channel::pair(true).expect("a channel");
    send(&ours, b"before").expect("sent");
    let own = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().expect("a descriptor");
    let Parts { memory, incoming, outgoing } = theirs.parts();
    let parts = Parts {
        memory: own(memory),
        incoming: incoming.map(|(fd, number)| (own(fd), number)),
        outgoing: outgoing.map(|(fd, number)| (own(fd), number)),
    };
    let passed = Channel::from_parts(parts).expect("a channel");
    drop(theirs);
    assert_eq!(receive(&passed).expect("a message"), b"before");
    send(&passed, b"after").expect("sent");
    assert_eq!(receive(&ours).expect("a message"), b"after");
    let bad = Parts {
        memory: own(ours.parts().memory),
        incoming: Some((own(ours.parts().memory), 9)),
        outgoing: None,
    };
    assert!(Channel::from_parts(bad).is_err());
}

#[test]
fn the_descriptor_is_readable_if_and_only_if_a_message_has_come() {
    let (from, to) = Channel::pair(false).expect("a channel");
    send(&to, b"before anybody asked").expect("sent");
    send(&to, b"and another").expect("sent");
    let fd = from.selectable().expect("a descriptor");
    assert!(is_readable(fd, 0));
    assert_eq!(receive(&from).expect("a message").len(), 20);
    assert!(is_readable(fd, 0));
    send(&to, b"announced").expect("sent");
    assert_eq!(receive(&from).expect("a message").len(), 11);
    assert!(is_readable(fd, 0));
    assert_eq!(receive(&from).expect("a message").len(), 9);
    assert!(!is_readable(fd, 0));
    drop(to);
    assert!(is_readable(fd, 1000), "the end is something to receive");
}

#[test]
fn the_descriptor_tells_of_each_message_while_others_wait_in_other_ways() {
    const N: usize = 30_000;
    let (from, to) = Channel::pair(false).expect("a channel");
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..N {
                send(&to, &message(number, (number * 131) % 2000)).expect("sent");
                if number % 1000 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        for number in 0..N {
            // At first without the descriptor, then with it, then with it but for every third.
            if number == 500 {
                from.selectable().expect("a descriptor");
            }
            if number >= 500 && number % 3 != 0 {
                let fd = from.selectable().expect("a descriptor");
                assert!(is_readable(fd, 20_000), "message {number}");
                // It has come: to receive it takes no wait, but for its last bytes.
            }
            assert_eq!(receive(&from).expect("a message"), message(number, (number * 131) % 2000));
        }
        assert!(!is_readable(from.selectable().expect("a descriptor"), 20));
    });
}
