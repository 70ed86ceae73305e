//! Who does what is to be done with what workers send.
//!
//! Whoever waits for a result looks into the workers' rings meanwhile, and so finds it without another thread between. When nobody does, the workers ring: each pool has a thread
//! that watches it ([`watch`]), which sleeps until then.
//!
//! To be rung for costs the worker a system call, and this process a thread that wakes. So who looks takes back the request, and does not make it again when it has
//! found its result: mostly it comes back. Instead the watching thread looks after it every millisecond, and makes the request when nobody has looked for so long
//! (`is_looked_after`). Who looks in vain makes it at once. After the request everybody looks once more.

use std::cell::Cell;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{io, ptr};

use pyo3::intern;
use pyo3::prelude::*;
use ungil_ipc::link::Link;
use ungil_sync::Deadline;

use super::pool::{self, Shared};
use super::pump;
use crate::futures::Future;
use crate::gil;

/// How long a waiter looks before it sleeps: longer than a worker takes to answer that is awake.
const LOOK_FOR: Duration = Duration::from_micros(200);

/// For how long it counts that somebody has looked.
const LOOKED_AFTER: Duration = Duration::from_millis(1);

/// Who has submitted something so many nanoseconds ago will go on so.
const IN_A_ROW: u64 = 50_000;

thread_local! {
    /// This thread does what is to be done, and comes back by what an object does that is unpickled.
    static IS_PUMPING: Cell<bool> = const { Cell::new(false) };
    /// The address of the pool that this thread watches.
    static WATCHED: Cell<usize> = const { Cell::new(0) };
}

/// Before a wait for a future: looks for what comes of it, if it is of a pool of processes.
pub(crate) fn serve(py: Python<'_>, address: usize, future: &Future, deadline: Deadline) -> PyResult<()> {
    let Some(shared) = pool::find(address) else { return Ok(()) };
    let is_done = || future.completion.state().is_done();
    let has_come = || (is_done() || shared.pool.links().iter().any(|link| link.has_result())).then_some(());
    if is_watching(&shared) {
        // In a callback: nobody else would find what comes.
        while !is_done() && deadline.is_none_or(|at| at > Instant::now()) {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).as_secs_f64());
            shared.keeper.call_method1(py, intern!(py, "look"), (left,))?;
        }
        return Ok(());
    }
    let _looking = Looking::begin(&shared);
    let _awaiting = Awaiting::begin(shared.pool.links());
    loop {
        pump::pump(py, &shared)?;
        if is_done() {
            return Ok(());
        }
        let looked = gil::detached(py, || shared.patience.look_before_sleep(LOOK_FOR, has_come, deadline));
        if looked.is_err() {
            ask_to_be_woken(&shared.pool.links(), true);
            if has_come().is_none() {
                return Ok(());
            }
        }
    }
}

/// As long as it lives, the workers do not nap.
struct Awaiting(Arc<Vec<Arc<Link>>>);

impl Awaiting {
    fn begin(links: Arc<Vec<Arc<Link>>>) -> Self {
        for link in &*links {
            link.begin_awaiting();
        }
        Self(links)
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        for link in &*self.0 {
            link.end_awaiting();
        }
    }
}

/// As long as it lives, and for a millisecond after that, the workers need not ring.
struct Looking<'a>(&'a Shared);

impl<'a> Looking<'a> {
    fn begin(shared: &'a Shared) -> Self {
        ask_to_be_woken(&shared.pool.links(), false);
        Self(shared)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        // SeqCst, as in `wait`: either that thread sees this look, or it makes the request after it.
        self.0.n_looks.fetch_add(1, Ordering::SeqCst);
        have_looked_after(self.0);
    }
}

/// Has the watching thread look every millisecond, until nobody else does and no call may be stuck behind another.
pub(super) fn have_looked_after(shared: &Shared) {
    // SeqCst, as in `wait`: either that thread finds what came before this, or it is rung for.
    if !shared.is_looked_after.load(Ordering::SeqCst) && !shared.is_looked_after.swap(true, Ordering::SeqCst)
    {
        shared.ring();
    }
}

fn ask_to_be_woken(links: &[Arc<Link>], wanted: bool) {
    for link in links {
        link.ask_to_be_woken(wanted);
    }
}

/// Who submits, at this time, does what is to be done on the way, unless this is within that. Returns whether calls are submitted in a row.
pub(super) fn look_around(py: Python<'_>, shared: &Arc<Shared>, now: u64) -> bool {
    // Relaxed: a guess.
    let is_in_a_row = now.saturating_sub(shared.last_submit.swap(now, Ordering::Relaxed)) < IN_A_ROW;
    if shared.pool.links().iter().any(|link| link.has_result()) && !IS_PUMPING.replace(true) {
        // It will look again soon.
        let looking = is_in_a_row.then(|| Looking::begin(shared));
        let pumped = pump::pump(py, shared);
        drop(looking);
        IS_PUMPING.set(false);
        if let Err(error) = pumped {
            error.write_unraisable(py, None);
        }
    }
    is_in_a_row
}

/// Whether this thread watches the pool.
pub(super) fn is_watching(shared: &Shared) -> bool {
    WATCHED.get() == ptr::from_ref(shared) as usize
}

/// As `_ProcessPool.watch`.
pub(super) fn watch(
    py: Python<'_>,
    shared: &Arc<Shared>,
    fds: &[RawFd],
    gone_before: &[u64],
    deadline: Deadline,
) -> PyResult<(Vec<u64>, Vec<RawFd>)> {
    let workers: Vec<(u64, Arc<Link>)> =
        shared.pool.workers().into_iter().filter(|(number, _)| !gone_before.contains(number)).collect();
    let bells = workers.iter().map(|(_, link)| link.bell());
    let mut polled: Vec<libc::pollfd> = [shared.alarm.as_raw_fd()]
        .into_iter()
        .chain(bells)
        .chain(fds.iter().copied())
        .map(|fd| libc::pollfd { fd, events: libc::POLLIN | libc::POLLRDHUP, revents: 0 })
        .collect();
    // Of calls whose worker was found to have ended, outside of this.
    let waited = if pump::may_call_deferred(shared) {
        Ok(false)
    } else {
        gil::detached(py, || wait(shared, &workers, &mut polled, deadline))
    };
    let is_stuck = match waited {
        Ok(is_stuck) => is_stuck,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(error.into()),
    };
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
    WATCHED.set(Arc::as_ptr(shared) as usize);
    let mut result = pump::pump(py, shared);
    if is_stuck {
        result = result.and(pump::dispatch(py, shared));
    }
    result.and(pump::call_deferred(py, shared))?;
    Ok((gone, of_fds.iter().filter(|polled| polled.revents != 0).map(|polled| polled.fd).collect()))
}

/// Waits until a descriptor is readable, a worker has sent something, the deadline has passed, or calls are stuck behind another: then it is true.
fn wait(
    shared: &Shared,
    workers: &[(u64, Arc<Link>)],
    polled: &mut [libc::pollfd],
    deadline: Deadline,
) -> io::Result<bool> {
    let has_come = || workers.iter().any(|(_, link)| link.has_result());
    loop {
        let is_looked_after = shared.is_looked_after.load(Ordering::SeqCst);
        if !is_looked_after {
            for (_, link) in workers {
                link.ask_to_be_woken(true);
            }
            if has_come() {
                return Ok(false);
            }
        }
        let n_looks = shared.n_looks.load(Ordering::SeqCst);
        let gathered = shared.pool.gathered();
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let is_soon = is_looked_after || gathered.is_some();
        let until =
            if is_soon { Some(left.map_or(LOOKED_AFTER, |left| left.min(LOOKED_AFTER))) } else { left };
        let until = until.map(|until| libc::timespec {
            tv_sec: until.as_secs() as libc::time_t,
            tv_nsec: until.subsec_nanos() as libc::c_long,
        });
        let until = until.as_ref().map_or(ptr::null(), ptr::from_ref);
        let n_polled = polled.len() as libc::nfds_t;
        // SAFETY: so many entries are ours, and a duration or none; no mask of signals.
        let n = unsafe { libc::ppoll(polled.as_mut_ptr(), n_polled, until, ptr::null()) };
        if n < 0 {
            return Err(io::Error::last_os_error());
        }
        if n > 0 {
            return Ok(false);
        }
        if shared.n_looks.load(Ordering::SeqCst) == n_looks {
            shared.is_looked_after.store(false, Ordering::SeqCst);
        }
        if gathered.is_some() && shared.pool.gathered() == gathered {
            return Ok(true);
        }
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Ok(false);
        }
    }
}
