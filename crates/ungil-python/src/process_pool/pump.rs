//! What is done with what workers send, and how calls are given out. Attached, by whoever comes; several threads may.
//!
//! Callbacks are for the thread that watches the pool alone, as those of the standard executor are for its manager: whoever submits a call or waits for a result may have a lock that
//! a callback takes.

use std::cell::Cell;
use std::sync::Arc;

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use ungil_exec::State;
use ungil_ipc::frame::Frame;
use ungil_ipc::link::Link;
use ungil_ipc::pool::{Assigned, Event, Task};

use super::pool::{Attempt, Shared, Token};
use super::{kind, message, waiting};
use crate::futures::Future;
use crate::futures::record::{self, Ending, Made};
use crate::futures::transition::{self, Outcome};
use crate::plain;

/// So many answers are taken at a time.
const MOST: usize = 64;

/// Does what is to be done with what workers have sent, and gives out calls that wait.
pub(super) fn pump(py: Python<'_>, shared: &Arc<Shared>) -> PyResult<()> {
    let mut result = Ok(());
    loop {
        let events = shared.pool.take(MOST);
        let is_last = events.len() < MOST;
        // Before the answers are read: workers need not wait for that.
        if !events.is_empty() {
            result = result.and(dispatch(py, shared));
        }
        let mut n_done = 0;
        for event in events {
            let done = match event {
                Event::Done { worker, link, frame, task } => {
                    n_done += 1;
                    answer(py, shared, &link, &frame, task, worker)
                }
                Event::Message { worker, .. } | Event::Corrupt(worker) => {
                    call_keeper(py, shared, "corrupt", worker)
                }
            };
            result = result.and(done);
        }
        if n_done > 0 {
            shared.let_go(n_done);
        }
        if is_last {
            return result;
        }
    }
}

/// Gives out calls that wait, and has workers started for those that are left.
pub(super) fn dispatch(py: Python<'_>, shared: &Arc<Shared>) -> PyResult<()> {
    let mut result = Ok(());
    while let Some((worker, task)) = shared.pool.next() {
        let future = task.token.future.clone_ref(py).into_bound(py);
        let is_wanted = if task.was_given || future.get().completion.state() != State::Pending {
            // Begun before; it may have come to its deadline since.
            !future.get().completion.state().is_done()
        } else {
            match transition::begin(&future) {
                Ok(is_wanted) => is_wanted,
                Err(error) => {
                    result = result.and(Err(error));
                    false
                }
            }
        };
        if !is_wanted {
            shared.record.add(task.token.submitted, 0, 0, Ending::Cancelled);
            let _ = shared.pool.assign(worker, None);
            continue;
        }
        let call = task.token.call.as_ref().map(|call| call.clone_ref(py));
        match (shared.pool.assign(worker, Some(task)), call) {
            (Assigned::Given, Some(call)) => {
                result = result.and(call.call_method1(py, intern!(py, "has_begun"), ()).map(drop));
            }
            (Assigned::Given | Assigned::Gone, _) => {}
            (Assigned::Full, _) => break,
        }
    }
    while let Some(number) = shared.pool.demand() {
        result = result.and(start_worker(py, shared, number));
    }
    result
}

/// A worker has been given the call as it was submitted.
pub(super) fn has_begun(
    py: Python<'_>,
    future: &Bound<'_, Future>,
    call: Option<&Py<PyAny>>,
) -> PyResult<()> {
    // It may have its end already, from another thread's pump.
    if future.get().completion.state() == State::Pending {
        transition::begin(future)?;
    }
    call.map_or(Ok(()), |call| call.call_method1(py, intern!(py, "has_begun"), ()).map(drop))
}

/// Has a worker started that the pool has counted already.
pub(super) fn start_worker(py: Python<'_>, shared: &Arc<Shared>, number: u64) -> PyResult<()> {
    let started = shared.keeper.call_method1(py, intern!(py, "start"), (number,));
    let Err(error) = started else { return dispatch(py, shared) };
    // No call was given to it.
    drop(shared.pool.lose(number));
    if shared.pool.census().n_workers > 0 {
        return Err(error);
    }
    // Nobody is there to make those that wait.
    let mut result = Ok(());
    for task in shared.pool.drain(false) {
        result = result.and(finish(py, &task.token, Err(error.value(py).clone().into_any().unbind())));
    }
    result
}

pub(super) fn call_keeper(py: Python<'_>, shared: &Shared, method: &str, worker: u64) -> PyResult<()> {
    shared.keeper.call_method1(py, method, (worker,)).map(drop)
}

/// Reads an answer, and ends its call with it.
fn answer(
    py: Python<'_>,
    shared: &Arc<Shared>,
    link: &Link,
    frame: &Frame,
    task: Task<Token>,
    worker: u64,
) -> PyResult<()> {
    if frame.kind == kind::PLAIN {
        let value = plain::Reader::new(&frame.bytes).read_all(py);
        let outcome = value.map(Bound::unbind).map_err(|error| error.into_value(py).into_any());
        return end(py, shared, task, outcome, worker, Some(frame.times));
    }
    let message = message::unpacked(py, link.answers(), frame);
    let (outcome, interrupt) = match &message {
        Ok((kind, pickle, buffers)) => {
            let mut interrupt = None;
            let outcome = loop {
                match outcome(py, shared, *kind, pickle, buffers.as_ref()) {
                    // What interrupts this thread is not what came of the call, which is read once more.
                    Err(error) if interrupt.is_none() && !error.is_instance_of::<PyException>(py) => {
                        interrupt = Some(error);
                    }
                    Err(error) => break Err(error.into_value(py).into_any()),
                    Ok(outcome) => break outcome,
                }
            };
            (outcome, interrupt)
        }
        Err(error) => (Err(error.clone_ref(py).into_value(py).into_any()), None),
    };
    drop(message);
    let ended = end(py, shared, task, outcome, worker, Some(frame.times));
    ended.and(interrupt.map_or(Ok(()), Err))
}

fn outcome(
    py: Python<'_>,
    shared: &Shared,
    kind: u16,
    pickle: &Bound<'_, PyBytes>,
    buffers: Option<&Bound<'_, PyList>>,
) -> PyResult<Outcome> {
    let keeper = shared.keeper.bind(py);
    match kind {
        kind::RETURNED => {}
        kind::RAISED => return Ok(Err(keeper.call_method1(intern!(py, "raised"), (pickle,))?.unbind())),
        kind => {
            let error =
                PyValueError::new_err(format!("the worker process has sent an answer of no kind: {kind}"));
            return Ok(Err(error.into_value(py).into_any()));
        }
    }
    let loads = shared.loads.bind(py);
    let read = match buffers {
        None => loads.call1((pickle,)),
        Some(buffers) => {
            let options = PyDict::new(py);
            options.set_item(intern!(py, "buffers"), buffers)?;
            loads.call((pickle,), Some(&options))
        }
    };
    match read {
        Ok(result) => Ok(Ok(result.unbind())),
        Err(error) if error.is_instance_of::<PyException>(py) => {
            Ok(Err(keeper.call_method1(intern!(py, "unreadable"), (error.into_value(py),))?.unbind()))
        }
        Err(error) => Err(error),
    }
}

/// Ends a call, unless it is to be made again.
pub(super) fn end(
    py: Python<'_>,
    shared: &Arc<Shared>,
    task: Task<Token>,
    outcome: Outcome,
    worker: u64,
    times: Option<[u64; 2]>,
) -> PyResult<()> {
    let ending = if outcome.is_ok() { Ending::Returned } else { Ending::Raised };
    let ran = times.map_or(0, |[begun, ended]| ended.saturating_sub(begun));
    // By this process's clock: it may have ended a little sooner.
    let ended = record::now();
    let begun = ended.saturating_sub(ran);
    let note = |token: &Token| {
        shared.record.add(token.submitted, begun, ended, ending);
        if shared.record.is_traced()
            && let Some(name) = &token.name
        {
            let (name, submitted) = (name.clone_ref(py), token.submitted);
            shared.record.keep(Made { name, worker, submitted, begun, ended, ending });
        }
    };
    if let Some(call) = task.token.call.as_ref().map(|call| call.clone_ref(py)) {
        let raised = match &outcome {
            Ok(_) => py.None(),
            Err(exception) => exception.clone_ref(py),
        };
        let attempt = Bound::new(py, Attempt::new(shared, task))?;
        let asked = call.call_method1(py, intern!(py, "has_ended"), (raised, &attempt));
        let is_kept = asked.and_then(|is_kept| is_kept.is_truthy(py));
        if let Ok(true) = is_kept {
            return Ok(());
        }
        let Some(task) = attempt.get().take() else { return is_kept.map(drop) };
        note(&task.token);
        return finish_and_defer(py, shared, task.token, outcome).and(is_kept.map(drop));
    }
    note(&task.token);
    finish_and_defer(py, shared, task.token, outcome)
}

/// Ends a future, and leaves its callbacks to the thread that watches the pool.
fn finish_and_defer(py: Python<'_>, shared: &Shared, token: Token, outcome: Outcome) -> PyResult<()> {
    let callbacks = finish_and_wake(py, &token, outcome)?;
    if !callbacks.is_empty() {
        // The pool is not over before they are called.
        shared.pool.hold();
        shared.deferred.enter().0.push_back((token.future, callbacks));
        if !waiting::is_watching(shared) {
            shared.ring();
        }
    }
    Ok(())
}

thread_local! {
    /// This thread is within a callback, in which it may wait for a call.
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Whether there are callbacks for `call_deferred`.
pub(super) fn may_call_deferred(shared: &Shared) -> bool {
    !IS_CALLING.get() && !shared.deferred.enter().0.is_empty()
}

/// Calls the callbacks of futures that have ended, one after the other; by the thread that watches the pool.
pub(super) fn call_deferred(py: Python<'_>, shared: &Shared) -> PyResult<()> {
    let mut result = Ok(());
    if IS_CALLING.replace(true) {
        return result;
    }
    loop {
        let next = shared.deferred.enter().0.pop_front();
        let Some((future, callbacks)) = next else { break };
        result = result.and(transition::call_all(future.bind(py), callbacks));
        shared.let_go(1);
    }
    IS_CALLING.set(false);
    result
}

/// Ends a future that may have come to another end meanwhile.
pub(super) fn finish(py: Python<'_>, token: &Token, outcome: Outcome) -> PyResult<()> {
    let callbacks = finish_and_wake(py, token, outcome)?;
    transition::call_all(token.future.bind(py), callbacks)
}

/// The same but for the callbacks, which it returns.
fn finish_and_wake(py: Python<'_>, token: &Token, outcome: Outcome) -> PyResult<Vec<Py<PyAny>>> {
    let future = token.future.bind(py);
    let state = future.get().completion.state();
    if state == State::Cancelled {
        return transition::begin(future).map(|_| Vec::new());
    }
    if state.is_done() {
        return Ok(Vec::new());
    }
    match transition::finish_and_wake(future, outcome) {
        Err(_) if future.get().completion.state().is_done() => Ok(Vec::new()),
        finished => finished,
    }
}

/// Cancels a call that no worker has begun; one may have been given it.
pub(super) fn cancel(py: Python<'_>, token: &Token) -> PyResult<()> {
    let future = token.future.bind(py);
    let cancelled = transition::cancel(future);
    if future.get().completion.state() == State::Cancelled {
        transition::begin(future)?;
    }
    if cancelled? { Ok(()) } else { transition::stop(future) }
}
