//! Models for loom: each is run in every order of its threads' steps, with every value that an atomic may be read as.
//!
//! `make loom` runs them (`RUSTFLAGS="--cfg ungil_loom" cargo test --release --lib`). Loom reports a thread that sleeps for ever as a
//! deadlock, two unordered accesses to its `UnsafeCell` as a race, and an `Arc` that is never freed as a leak. A wait with
//! a deadline times out at every possible moment; without one it ends only when it is woken.
//!
//! One file a subject. A model has at most three threads beside one another, and as few steps as show what it is about.

mod barrier;
mod condition;
mod event;
mod gate;
mod permits;
mod wait_graph;
mod waiters;

use std::time::Duration;

use loom::cell::UnsafeCell;

use crate::park::{Deadline, deadline_in};
use crate::prim::chosen;

/// Runs `model` in every order, in the first process, with permits that are free for all.
fn check(model: impl Fn() + Sync + Send + 'static) {
    check_with(false, model);
}

/// Runs `model` in every order, with permits that are handed over (`is_fair`) or free for all.
fn check_with(is_fair: bool, model: impl Fn() + Sync + Send + 'static) {
    loom::model(move || {
        chosen::IS_FAIR.set(is_fair);
        chosen::GENERATION.set(0);
        model();
    });
}

/// A deadline. Which one does not matter: see `park::model`.
fn some_deadline() -> Deadline {
    deadline_in(Duration::ZERO)
}

/// A place that must not be used by two threads that are not ordered; loom sees if it is.
#[derive(Debug, Default)]
struct Guarded(UnsafeCell<u32>);

impl Guarded {
    /// Adds one.
    fn add(&self) {
        // SAFETY: a race is what the model looks for; loom reports it before the access is made.
        self.0.with_mut(|place| unsafe { *place += 1 });
    }

    fn get(&self) -> u32 {
        // SAFETY: as in `add`.
        self.0.with(|place| unsafe { *place })
    }
}

// SAFETY: every access is seen by loom, which fails the model before two of them overlap.
unsafe impl Sync for Guarded {}

/// What the threads of a model share. It lives for ever, since waits borrow from it and loom's threads know no scopes.
fn shared<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
