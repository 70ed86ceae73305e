//! [`Refusals`]: the types for which a function was not compiled, and why: until what it captured changes, it stays so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use ungil_ir::Type;

use super::captures::{Capture, Captures};

/// Why there is no code for some types.
pub(super) struct Refusal {
    pub(super) types: Vec<Type>,
    pub(super) why: String,
    /// What the compilation had read.
    pub(super) captures: Captures,
}

/// Those of one function.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Vec<Arc<Refusal>>>);

impl Refusals {
    /// Why there is no code for these types, if that is known.
    pub(crate) fn why(&self, types: &[Type]) -> Option<String> {
        self.find(types).map(|refusal| refusal.why.clone())
    }

    pub(super) fn find(&self, types: &[Type]) -> Option<Arc<Refusal>> {
        self.lock().iter().find(|refusal| refusal.types == types).cloned()
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> Vec<Arc<Refusal>> {
        self.lock().clone()
    }

    /// Remembers why there is no code for these types; `captures` is what the compilation had read.
    pub(crate) fn add(&self, types: &[Type], why: String, captures: Vec<Capture>) {
        let refusal = Refusal { types: types.to_vec(), why, captures: Captures::new(captures) };
        let mut all = self.lock();
        let surplus = if all.iter().any(|known| known.types == types) {
            Some(refusal)
        } else {
            all.push(Arc::new(refusal));
            None
        };
        // References are dropped without the lock.
        drop(all);
        drop(surplus);
    }

    /// Shows what was read to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may not wait. While another thread holds the lock, the objects count as reachable.
        let Ok(all) = self.0.try_lock() else { return Ok(()) };
        all.iter().try_for_each(|refusal| refusal.captures.traverse(visit))
    }

    /// Takes out what was read, for the collector to drop.
    pub(crate) fn take_captures(&self) -> Vec<Arc<Vec<Capture>>> {
        self.all().iter().map(|refusal| refusal.captures.take()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Refusal>>> {
        // Nothing panics between two related writes, so what a panicking thread left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
