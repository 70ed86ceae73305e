//! [`Heap`]: the least item first, under an order whose comparisons may fail.
//!
//! The algorithm is that of CPython's `heapq` (after D. E. Knuth, *The Art of Computer Programming*, volume 3, section 5.2.3,
//! exercise 18), comparison for comparison: items of equal priority come out in the same order. It differs in one
//! thing: all comparisons are made before anything is moved, so one that fails leaves the heap as it was.

use std::convert::Infallible;
use std::mem;

use crate::store::{Foreign, Store};

/// Items that can be asked which of them comes first.
pub trait Priority {
    /// What is kept beside an item for [`Priority::plainly_before`].
    type Key;
    /// How a comparison may fail.
    type Error;

    /// What to keep beside the item; runs no foreign code.
    fn key(&self) -> Self::Key;

    /// Whether `left` comes before `right`, if that can be told without foreign code, and so inside a gate.
    fn plainly_before(left: (&Self::Key, &Self), right: (&Self::Key, &Self)) -> Option<bool>;

    /// Whether `self` comes before `other`.
    ///
    /// # Errors
    ///
    /// When that cannot be told.
    fn comes_before(&self, other: &Self) -> Result<bool, Self::Error>;
}

/// What a type calls its order is foreign code.
impl<T: Ord> Priority for T {
    type Key = ();
    type Error = Infallible;

    fn key(&self) {}

    fn plainly_before(_left: (&(), &Self), _right: (&(), &Self)) -> Option<bool> {
        None
    }

    fn comes_before(&self, other: &Self) -> Result<bool, Infallible> {
        Ok(self < other)
    }
}

/// The least item first.
#[derive(Debug)]
pub struct Heap<T: Priority>(Vec<Entry<T, T::Key>>);

#[derive(Debug)]
struct Entry<T, K> {
    key: K,
    item: T,
}

impl<T: Priority> Entry<T, T::Key> {
    fn new(item: T) -> Self {
        Self { key: item.key(), item }
    }

    #[inline]
    fn plainly_before(&self, other: &Self) -> Result<bool, Foreign> {
        T::plainly_before((&self.key, &self.item), (&other.key, &other.item)).ok_or(Foreign)
    }

    fn comes_before(&self, other: &Self) -> Result<bool, T::Error> {
        self.plainly_before(other).or_else(|Foreign| self.item.comes_before(&other.item))
    }
}

impl<T: Priority> Heap<T> {
    /// The place that a new last entry rises to.
    fn place<E>(
        &self,
        entry: &Entry<T, T::Key>,
        comes_before: impl Fn(&Entry<T, T::Key>, &Entry<T, T::Key>) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut place = self.0.len();
        while place > 0 && comes_before(entry, &self.0[parent(place)])? {
            place = parent(place);
        }
        Ok(place)
    }

    /// The place to which the gap that the root leaves moves down, so that the last entry fits into it; there is a root.
    fn gap<E>(
        &self,
        comes_before: impl Fn(&Entry<T, T::Key>, &Entry<T, T::Key>) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let end = self.0.len() - 1;
        let (mut gap, mut child) = (0, 1);
        while child < end {
            let right = child + 1;
            if right < end && !comes_before(&self.0[child], &self.0[right])? {
                child = right;
            }
            gap = child;
            child = 2 * child + 1;
        }
        // The gap is at a leaf; the last entry rises from there past those that have moved up.
        while gap > 0 && comes_before(&self.0[end], &self.0[gap])? {
            gap = parent(gap);
        }
        Ok(gap)
    }

    /// Adds an entry, which rises to `place`.
    fn push_to(&mut self, place: usize, entry: Entry<T, T::Key>) {
        let mut at = self.0.len();
        self.0.push(entry);
        while at > place {
            self.0.swap(at, parent(at));
            at = parent(at);
        }
    }

    /// Removes the root, through a gap that moves down from it to `gap`, where the last entry fits.
    fn pop_through(&mut self, gap: usize) -> Option<T> {
        let last = self.0.pop()?;
        if gap >= self.0.len() {
            return Some(last.item);
        }
        let mut moved = mem::replace(&mut self.0[gap], last);
        let mut place = gap;
        while place > 0 {
            place = parent(place);
            moved = mem::replace(&mut self.0[place], moved);
        }
        Some(moved.item)
    }

    /// Undoes the last [`Heap::pop_through`], which removed `item`.
    fn undo(&mut self, item: T, gap: usize) {
        let entry = Entry::new(item);
        if gap >= self.0.len() {
            return self.0.push(entry);
        }
        let mut way = vec![gap];
        while way[way.len() - 1] > 0 {
            way.push(parent(way[way.len() - 1]));
        }
        let moved = way.iter().rev().fold(entry, |entry, place| mem::replace(&mut self.0[*place], entry));
        self.0.push(moved);
    }
}

fn parent(place: usize) -> usize {
    (place - 1) / 2
}

impl<T: Priority> Default for Heap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Priority> Store for Heap<T> {
    type Item = T;
    type Error = T::Error;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn push_compares(&self) -> bool {
        !self.0.is_empty()
    }

    fn pop_compares(&self) -> bool {
        self.0.len() > 2
    }

    fn push_plainly(&mut self, item: T) -> Result<(), T> {
        let entry = Entry::new(item);
        let Ok(place) = self.place(&entry, Entry::plainly_before) else { return Err(entry.item) };
        self.push_to(place, entry);
        Ok(())
    }

    fn pop_plainly(&mut self) -> Result<Option<T>, Foreign> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let gap = self.gap(Entry::plainly_before)?;
        Ok(self.pop_through(gap))
    }

    fn push(&mut self, item: T) -> Result<(), (T, T::Error)> {
        let entry = Entry::new(item);
        match self.place(&entry, Entry::comes_before) {
            Ok(place) => {
                self.push_to(place, entry);
                Ok(())
            }
            Err(error) => Err((entry.item, error)),
        }
    }

    fn pop(&mut self) -> Result<Option<T>, T::Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let gap = self.gap(Entry::comes_before)?;
        Ok(self.pop_through(gap))
    }

    fn pop_many(&mut self, most: usize) -> Result<Vec<T>, T::Error> {
        let mut items = Vec::new();
        // Where the gap of each was in the end: the way to it is that of its ancestors.
        let mut gaps = Vec::new();
        while items.len() < most && !self.0.is_empty() {
            match self.gap(Entry::comes_before) {
                Ok(gap) => {
                    items.extend(self.pop_through(gap));
                    gaps.push(gap);
                }
                Err(error) => {
                    let undone = items.into_iter().rev().zip(gaps.into_iter().rev());
                    undone.for_each(|(item, gap)| self.undo(item, gap));
                    return Err(error);
                }
            }
        }
        Ok(items)
    }

    fn take(&mut self) -> Self {
        mem::take(self)
    }

    fn each(&self, visit: &mut dyn FnMut(&T)) {
        self.0.iter().for_each(|entry| visit(&entry.item));
    }

    fn into_items(self) -> Vec<T> {
        self.0.into_iter().map(|entry| entry.item).collect()
    }
}
