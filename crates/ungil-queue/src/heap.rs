//! [`Heap`]: the least item first, under an order whose comparisons may fail.
//!
//! The algorithm is that of CPython's `heapq` (after D. E. Knuth, *The Art of Computer Programming*, volume 3, section 5.2.3,
//! exercise 18), comparison for comparison: items of equal priority come out in the same order. It differs in one
//! thing: all comparisons are made before anything is moved, so one that fails leaves the heap as it was.

use std::convert::Infallible;
use std::mem;

use crate::store::Store;

/// Items that can be asked which of them comes first.
pub trait Priority {
    /// How a comparison may fail.
    type Error;

    /// Whether `self` comes before `other`.
    ///
    /// # Errors
    ///
    /// When that cannot be told.
    fn comes_before(&self, other: &Self) -> Result<bool, Self::Error>;
}

impl<T: Ord> Priority for T {
    type Error = Infallible;

    fn comes_before(&self, other: &Self) -> Result<bool, Infallible> {
        Ok(self < other)
    }
}

/// The least item first.
#[derive(Debug)]
pub struct Heap<T>(Vec<T>);

/// From the root to a leaf: no heap is deeper.
struct Path {
    places: [usize; usize::BITS as usize],
    len: usize,
}

impl Path {
    fn from(place: usize) -> Self {
        let mut path = Self { places: [0; usize::BITS as usize], len: 0 };
        path.push(place);
        path
    }

    fn push(&mut self, place: usize) {
        self.places[self.len] = place;
        self.len += 1;
    }

    fn as_slice(&self) -> &[usize] {
        &self.places[..self.len]
    }
}

impl<T: Priority> Heap<T> {
    /// The places that a new last item moves through, from the last to its own.
    fn way_up(&self, item: &T) -> Result<Path, T::Error> {
        let mut place = self.0.len();
        let mut path = Path::from(place);
        while place > 0 {
            let parent = (place - 1) / 2;
            if !item.comes_before(&self.0[parent])? {
                break;
            }
            path.push(parent);
            place = parent;
        }
        Ok(path)
    }

    /// The places through which the gap that the root leaves moves down, until the last item fits into it.
    fn way_down(&self) -> Result<Path, T::Error> {
        let end = self.0.len() - 1;
        let mut path = Path::from(0);
        let mut child = 1;
        while child < end {
            let right = child + 1;
            if right < end && !self.0[child].comes_before(&self.0[right])? {
                child = right;
            }
            path.push(child);
            child = 2 * child + 1;
        }
        // The gap is at a leaf; the last item rises from there past those that have moved up.
        let last = &self.0[end];
        while path.len > 1 && last.comes_before(&self.0[path.places[path.len - 1]])? {
            path.len -= 1;
        }
        Ok(path)
    }
}

impl<T> Heap<T> {
    /// Removes the root, through a gap that moves down from it to `gap`, where the last item fits.
    fn pop_through(&mut self, gap: usize) -> Option<T> {
        let last = self.0.pop()?;
        if gap >= self.0.len() {
            return Some(last);
        }
        let mut moved = mem::replace(&mut self.0[gap], last);
        let mut place = gap;
        while place > 0 {
            place = (place - 1) / 2;
            moved = mem::replace(&mut self.0[place], moved);
        }
        Some(moved)
    }

    /// Undoes the last [`Heap::pop_through`], which removed `item`.
    fn undo(&mut self, item: T, gap: usize) {
        if gap >= self.0.len() {
            return self.0.push(item);
        }
        let mut way = vec![gap];
        while way[way.len() - 1] > 0 {
            way.push((way[way.len() - 1] - 1) / 2);
        }
        let moved = way.iter().rev().fold(item, |item, place| mem::replace(&mut self.0[*place], item));
        self.0.push(moved);
    }
}

impl<T> Default for Heap<T> {
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

    fn push(&mut self, item: T) -> Result<(), (T, T::Error)> {
        let path = match self.way_up(&item) {
            Ok(path) => path,
            Err(error) => return Err((item, error)),
        };
        self.0.push(item);
        for step in path.as_slice().windows(2) {
            self.0.swap(step[0], step[1]);
        }
        Ok(())
    }

    fn pop(&mut self) -> Result<Option<T>, T::Error> {
        if self.0.len() > 1 {
            let path = self.way_down()?;
            for step in path.as_slice().windows(2) {
                self.0.swap(step[0], step[1]);
            }
            let (gap, end) = (path.places[path.len - 1], self.0.len() - 1);
            self.0.swap(gap, end);
        }
        Ok(self.0.pop())
    }

    fn pop_many(&mut self, most: usize) -> Result<Vec<T>, T::Error> {
        let mut items = Vec::new();
        // Where the gap of each was in the end: the way to it is that of its ancestors.
        let mut gaps = Vec::new();
        while items.len() < most && !self.0.is_empty() {
            let gap =
                if self.0.len() == 1 { Ok(0) } else { self.way_down().map(|path| path.places[path.len - 1]) };
            match gap {
                Ok(gap) => {
                    items.extend(self.pop_through(gap));
                    gaps.push(gap);
                }
                Err(error) => {
                    items
                        .into_iter()
                        .rev()
                        .zip(gaps.into_iter().rev())
                        .for_each(|(item, gap)| self.undo(item, gap));
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
        self.0.iter().for_each(visit);
    }

    fn into_items(self) -> Vec<T> {
        self.0
    }
}
