//! [`OnceBox`]: room for a value that is made once, in an object of Python.
//!
//! Invariant: empty is all zeros. The collector may look at an object that has been allocated and not yet filled; what the standard
//! library's `OnceLock` makes of zeros is its own affair.

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value that is there from some moment on, and then stays. Nobody ever waits for it, so a fork may come at any time.
///
/// The bounds are those under which threads may share the room, put a value there, and look at it.
pub(crate) struct OnceBox<T: Send + Sync>(AtomicPtr<T>, PhantomData<Box<T>>);

impl<T: Send + Sync> OnceBox<T> {
    /// Without a value.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()), PhantomData)
    }

    /// The value, if it is there.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: pairs with `get_or_set`. SAFETY: null, or a box that is freed with `self`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// The value that is there from now on: `value`, unless there was one, and then `value` is dropped.
    pub(crate) fn get_or_set(&self, value: T) -> &T {
        self.set(value).unwrap_or_else(|(there, value)| {
            drop(value);
            there
        })
    }

    /// Puts `value` there.
    ///
    /// # Errors
    ///
    /// The value that was there already, and `value`.
    pub(crate) fn set(&self, value: T) -> Result<&T, (&T, T)> {
        let made = Box::into_raw(Box::new(value));
        // Release: pairs with `get`. Acquire: what another thread made is looked at.
        match self.0.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: a box that is freed with `self`.
            Ok(_) => Ok(unsafe { &*made }),
            Err(there) => {
                // SAFETY: nobody else has seen it.
                let value = *unsafe { Box::from_raw(made) };
                // SAFETY: as above.
                Err((unsafe { &*there }, value))
            }
        }
    }

    /// Takes the value out.
    pub(crate) fn take(&mut self) -> Option<T> {
        let there = std::mem::replace(self.0.get_mut(), ptr::null_mut());
        // SAFETY: if not null, made by `set`, and nobody else can reach it any more.
        (!there.is_null()).then(|| *unsafe { Box::from_raw(there) })
    }
}

impl<T: Send + Sync> Drop for OnceBox<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays_and_is_dropped_once() {
        let first = std::sync::Arc::new(1);
        let mut once = OnceBox::new();
        assert!(once.get().is_none());
        assert_eq!(**once.get_or_set(std::sync::Arc::clone(&first)), 1);
        assert_eq!(once.set(std::sync::Arc::new(2)).map_err(|(there, value)| (**there, *value)), Err((1, 2)));
        assert_eq!(std::sync::Arc::strong_count(&first), 2);
        drop(once.take());
        assert_eq!((std::sync::Arc::strong_count(&first), once.get()), (1, None));
    }
}
