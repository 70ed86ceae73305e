//! [`Store`]: where items are, and which comes out next; [`Fifo`] and [`Lifo`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::mem;

/// An operation was not done, since that would have run foreign code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

/// Items in some order.
pub trait Store: Sized {
    /// What is stored.
    type Item;
    /// How an operation may fail.
    type Error;

    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the next push may run foreign code.
    fn push_compares(&self) -> bool;

    /// Whether the next pop may run foreign code.
    fn pop_compares(&self) -> bool;

    /// Adds an item if that runs no foreign code.
    ///
    /// # Errors
    ///
    /// The item, if it does.
    fn push_plainly(&mut self, item: Self::Item) -> Result<(), Self::Item>;

    /// Removes the next item if that runs no foreign code.
    ///
    /// # Errors
    ///
    /// If it does.
    fn pop_plainly(&mut self) -> Result<Option<Self::Item>, Foreign>;

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// The item and why it was not added; the store is as it was.
    fn push(&mut self, item: Self::Item) -> Result<(), (Self::Item, Self::Error)>;

    /// Adds an item that had been removed, so that it is the next again if the order is that of adding.
    ///
    /// # Errors
    ///
    /// As [`Store::push`].
    fn push_again(&mut self, item: Self::Item) -> Result<(), (Self::Item, Self::Error)> {
        self.push(item)
    }

    /// Removes the next item.
    ///
    /// # Errors
    ///
    /// Why none was removed; the store is as it was.
    fn pop(&mut self) -> Result<Option<Self::Item>, Self::Error>;

    /// Removes the next items, `most` of them or all.
    ///
    /// # Errors
    ///
    /// As [`Store::pop`]: either all come or none.
    fn pop_many(&mut self, most: usize) -> Result<Vec<Self::Item>, Self::Error>;

    /// All of it, leaving an empty store of the same kind.
    #[must_use]
    fn take(&mut self) -> Self;

    /// Calls `visit` for each item, in no order that means anything.
    fn each(&self, visit: &mut dyn FnMut(&Self::Item));

    /// All items, as the standard queue's container would hold them.
    fn into_items(self) -> Vec<Self::Item>;
}

/// First in, first out.
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Store for Fifo<T> {
    type Item = T;
    type Error = Infallible;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn push_compares(&self) -> bool {
        false
    }

    #[inline]
    fn pop_compares(&self) -> bool {
        false
    }

    #[inline]
    fn push_plainly(&mut self, item: T) -> Result<(), T> {
        self.0.push_back(item);
        Ok(())
    }

    #[inline]
    fn pop_plainly(&mut self) -> Result<Option<T>, Foreign> {
        Ok(self.0.pop_front())
    }

    #[inline]
    fn push(&mut self, item: T) -> Result<(), (T, Infallible)> {
        self.0.push_back(item);
        Ok(())
    }

    fn push_again(&mut self, item: T) -> Result<(), (T, Infallible)> {
        self.0.push_front(item);
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Result<Option<T>, Infallible> {
        Ok(self.0.pop_front())
    }

    fn pop_many(&mut self, most: usize) -> Result<Vec<T>, Infallible> {
        Ok(self.0.drain(..most.min(self.0.len())).collect())
    }

    fn take(&mut self) -> Self {
        mem::take(self)
    }

    fn each(&self, visit: &mut dyn FnMut(&T)) {
        self.0.iter().for_each(visit);
    }

    fn into_items(self) -> Vec<T> {
        self.0.into()
    }
}

impl<T> Store for Lifo<T> {
    type Item = T;
    type Error = Infallible;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn push_compares(&self) -> bool {
        false
    }

    #[inline]
    fn pop_compares(&self) -> bool {
        false
    }

    #[inline]
    fn push_plainly(&mut self, item: T) -> Result<(), T> {
        self.0.push(item);
        Ok(())
    }

    #[inline]
    fn pop_plainly(&mut self) -> Result<Option<T>, Foreign> {
        Ok(self.0.pop())
    }

    #[inline]
    fn push(&mut self, item: T) -> Result<(), (T, Infallible)> {
        self.0.push(item);
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Result<Option<T>, Infallible> {
        Ok(self.0.pop())
    }

    fn pop_many(&mut self, most: usize) -> Result<Vec<T>, Infallible> {
        Ok(self.0.drain(self.0.len().saturating_sub(most)..).rev().collect())
    }

    fn take(&mut self) -> Self {
        mem::take(self)
    }

    fn each(&self, visit: &mut dyn FnMut(&T)) {
        self.0.iter().for_each(visit);
    }

    fn into_items(self) -> Vec<T> {
        self.0
    }
}
