//! Drops long chains of objects, of which each holds the last reference to the next.
//!
//! Python's own containers do this by their trashcan. Our classes have none, so each of a chain of them would be dropped
//! within the drop of the one before, and a long chain would take the whole stack.

use std::cell::RefCell;
use std::collections::VecDeque;

use pyo3::prelude::*;

/// Drops the objects that an object of ours held which is gone, one after the other also where what they hold comes back here.
pub(crate) fn drop_one_by_one(objects: impl ExactSizeIterator<Item = Py<PyAny>>) {
    thread_local! {
        /// What is left for the outermost call of this thread to drop; none while there is no call.
        static LEFT: RefCell<Option<VecDeque<Py<PyAny>>>> = const { RefCell::new(None) };
    }

    if objects.len() == 0 {
        return;
    }
    let is_outermost = LEFT.with_borrow_mut(|left| {
        let is_outermost = left.is_none();
        left.get_or_insert_default().extend(objects);
        is_outermost
    });
    if is_outermost {
        // Not within the borrow: a drop may come back here.
        while let Some(object) = LEFT.with_borrow_mut(|left| left.as_mut().and_then(VecDeque::pop_front)) {
            drop(object);
        }
        LEFT.set(None);
    }
}
