//! Models for loom, as those of `ungil-sync`: each is run in every order of its threads' steps (`make loom`).
//!
//! One file a subject: `completion` the races to the end of a future, `pool` those between submitters, workers and the end.

mod completion;
mod pool;

/// What the threads of a model share. It lives for ever, since loom's threads know no scopes.
fn shared<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
