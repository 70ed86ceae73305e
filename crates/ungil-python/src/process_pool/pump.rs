//! What is done with what workers send, and how calls are given out. Attached, by whoever comes; several threads may.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ungil_exec::State;
use ungil_ipc::arena::Arena;
use ungil_ipc::frame::Frame;
use ungil_ipc::pool::{Event, Task};

use super::pool::{Attempt, Shared, Token};
use super::{kind, message};
use crate::futures::record::{self, Ending};
use crate::futures::transition::{self, Outcome};
use crate::futures::{Future, errors};

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
        for event in events {
            let done = match event {
                Event::Done { worker, frame, task } => answer(py, shared, worker, &frame, task),
                Event::Message { worker, .. } | Event::Corrupt(worker) => {
                    call_keeper(py, shared, "corrupt", worker)
                }
            };
            result = result.and(done);
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
            shared.pool.assign(worker, None);
            continue;
        }
        let call = task.token.call.as_ref().map(|call| call.clone_ref(py));
        if !shared.pool.assign(worker, Some(task)) {
            break;
        }
        if let Some(call) = call {
            result = result.and(call.call_method1(py, intern!(py, "has_begun"), ()).map(drop));
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
    if started.is_err() {
        // No call was given to it.
        drop(shared.pool.lose(number));
    }
    started?;
    dispatch(py, shared)
}

fn call_keeper(py: Python<'_>, shared: &Shared, method: &str, worker: u64) -> PyResult<()> {
    shared.keeper.call_method1(py, method, (worker,)).map(drop)
}

/// Reads an answer, and ends its call with it.
fn answer(
    py: Python<'_>,
    shared: &Arc<Shared>,
    worker: u64,
    frame: &Frame,
    task: Task<Token>,
) -> PyResult<()> {
    let arena = {
        let answers = shared.answers.enter();
        answers.0.iter().find(|(number, _)| *number == worker).map(|(_, arena)| Arc::clone(arena))
    };
    let outcome = outcome(py, shared, arena.as_ref(), frame);
    end(py, shared, task, outcome, Some(frame.times))
}

fn outcome(py: Python<'_>, shared: &Shared, arena: Option<&Arc<Arena>>, frame: &Frame) -> Outcome {
    let read = || {
        let arena = arena.ok_or_else(|| errors::broken_process_pool(py, "the worker is no more"))?;
        let (kind, pickle, buffers) = message::unpacked(py, arena, frame)?;
        if kind != kind::RETURNED {
            return Ok(Err(shared.keeper.call_method1(py, intern!(py, "raised"), (pickle,))?));
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
            Err(error) => {
                Ok(Err(shared.keeper.call_method1(py, intern!(py, "unreadable"), (error.into_value(py),))?))
            }
        }
    };
    read().unwrap_or_else(|error: PyErr| Err(error.into_value(py).into_any()))
}

/// Ends a call, unless it is to be made again.
pub(super) fn end(
    py: Python<'_>,
    shared: &Arc<Shared>,
    task: Task<Token>,
    outcome: Outcome,
    times: Option<[u64; 2]>,
) -> PyResult<()> {
    let ending = if outcome.is_ok() { Ending::Returned } else { Ending::Raised };
    let ran = times.map_or(0, |[begun, ended]| ended.saturating_sub(begun));
    let now = record::now();
    if let Some(call) = task.token.call.as_ref().map(|call| call.clone_ref(py)) {
        let raised = match &outcome {
            Ok(_) => py.None(),
            Err(exception) => exception.clone_ref(py),
        };
        let attempt = Bound::new(py, Attempt::new(shared, task))?;
        let is_kept = call.call_method1(py, intern!(py, "has_ended"), (raised, &attempt))?.is_truthy(py)?;
        if is_kept {
            return Ok(());
        }
        let Some(task) = attempt.get().take() else { return Ok(()) };
        shared.record.add(task.token.submitted, now.saturating_sub(ran), now, ending);
        return finish(py, &task.token, outcome);
    }
    shared.record.add(task.token.submitted, now.saturating_sub(ran), now, ending);
    finish(py, &task.token, outcome)
}

/// Ends a future that may have come to another end meanwhile.
pub(super) fn finish(py: Python<'_>, token: &Token, outcome: Outcome) -> PyResult<()> {
    let future = token.future.bind(py);
    let state = future.get().completion.state();
    if state == State::Cancelled {
        return transition::begin(future).map(drop);
    }
    if state.is_done() {
        return Ok(());
    }
    match transition::finish(future, outcome) {
        Err(_) if future.get().completion.state().is_done() => Ok(()),
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
