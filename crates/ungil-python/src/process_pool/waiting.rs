//! Who does what is to be done with what workers send.
//!
//! Whoever waits for a result looks into the workers' rings meanwhile, and so finds it without another thread between. When nobody does, the workers ring: each pool has a thread
//! that watches it ([`watch`]), which sleeps until then. Who looks takes back the request to be rung for, and makes it again at the end, and then looks once more.

use std::cell::Cell;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;
use std::{io, ptr};

use pyo3::prelude::*;
use ungil_ipc::link::Link;
use ungil_sync::Deadline;

use super::pool::{self, Shared};
use super::pump;
use crate::futures::Future;
use crate::gil;

/// How long a waiter looks before it sleeps: longer than a worker takes to answer that is awake.
const LOOK_FOR: Duration = Duration::from_micros(200);

thread_local! {
    /// This thread does what is to be done, and comes back in a callback.
    static IS_PUMPING: Cell<bool> = const { Cell::new(false) };
}

/// Before a wait for a future: looks for what comes of it, if it is of a pool of processes.
pub(crate) fn serve(py: Python<'_>, address: usize, future: &Future, deadline: Deadline) -> PyResult<()> {
    let Some(shared) = pool::find(address) else { return Ok(()) };
    let is_done = || future.completion.state().is_done();
    loop {
        pump::pump(py, &shared)?;
        if is_done() {
            return Ok(());
        }
        let links = shared.pool.links();
        let awake = Awake::new(&links);
        let has_come = || (is_done() || links.iter().any(|link| link.has_result())).then_some(());
        let looked = gil::detached(py, || shared.patience.look_before_sleep(LOOK_FOR, has_come, deadline));
        drop(awake);
        if looked.is_err() && has_come().is_none() {
            return Ok(());
        }
    }
}

/// As long as it lives, the workers of these links need not ring.
struct Awake<'a>(&'a [Arc<Link>]);

impl<'a> Awake<'a> {
    fn new(links: &'a [Arc<Link>]) -> Self {
        for link in links {
            link.ask_to_be_woken(false);
        }
        Self(links)
    }
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        for link in self.0 {
            link.ask_to_be_woken(true);
        }
    }
}

/// Who submits does what is to be done on the way, unless this is within a callback of that.
pub(super) fn look_around(py: Python<'_>, shared: &Arc<Shared>) {
    if shared.pool.links().iter().any(|link| link.has_result()) && !IS_PUMPING.replace(true) {
        let pumped = pump::pump(py, shared);
        IS_PUMPING.set(false);
        if let Err(error) = pumped {
            error.write_unraisable(py, None);
        }
    }
}

/// As `_ProcessPool.watch`.
pub(super) fn watch(
    py: Python<'_>,
    shared: &Arc<Shared>,
    fds: &[RawFd],
    gone_before: &[u64],
) -> PyResult<(Vec<u64>, Vec<RawFd>)> {
    let workers: Vec<(u64, Arc<Link>)> =
        shared.pool.workers().into_iter().filter(|(number, _)| !gone_before.contains(number)).collect();
    for (_, link) in &workers {
        link.ask_to_be_woken(true);
    }
    // After that, so that what comes now either is seen or rings.
    pump::pump(py, shared)?;
    let bells = workers.iter().map(|(_, link)| link.bell());
    let mut polled: Vec<libc::pollfd> = [shared.alarm.as_raw_fd()]
        .into_iter()
        .chain(bells)
        .chain(fds.iter().copied())
        .map(|fd| libc::pollfd { fd, events: libc::POLLIN | libc::POLLRDHUP, revents: 0 })
        .collect();
    let waited = gil::detached(py, || wait(&mut polled));
    if let Err(error) = waited {
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok((Vec::new(), Vec::new()))
        } else {
            Err(error.into())
        };
    }
    let mut count = [0_u8; 8];
    // SAFETY: eight bytes of ours; there may be nothing to read.
    unsafe { libc::read(shared.alarm.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    let (of_workers, of_fds) = polled[1..].split_at(workers.len());
    let mut gone = Vec::new();
    for ((number, link), _) in workers.iter().zip(of_workers).filter(|(_, polled)| polled.revents != 0) {
        link.drop_wakes();
        if link.is_gone() {
            gone.push(*number);
        }
    }
    pump::pump(py, shared)?;
    Ok((gone, of_fds.iter().filter(|polled| polled.revents != 0).map(|polled| polled.fd).collect()))
}

fn wait(polled: &mut [libc::pollfd]) -> io::Result<()> {
    // SAFETY: so many entries are ours; without a deadline, and no mask of signals.
    let n =
        unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, ptr::null(), ptr::null()) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
