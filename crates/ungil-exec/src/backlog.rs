//! [`Backlog`]: tasks that wait for a worker, by priority, and among equals in the order in which they came.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

/// Tasks that wait.
///
/// ```
/// use ungil_exec::backlog::Backlog;
///
/// let mut backlog = Backlog::new();
/// backlog.push("soon", 0);
/// backlog.push("sooner", 1);
/// assert_eq!(backlog.pop(), Some("sooner"));
/// ```
#[derive(Debug)]
pub struct Backlog<T> {
    /// Those of priority 0, which nearly all are.
    plain: VecDeque<T>,
    /// The others; no list is empty.
    others: BTreeMap<i64, VecDeque<T>>,
    n_others: usize,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Backlog<T> {
    /// None.
    pub const fn new() -> Self {
        Self { plain: VecDeque::new(), others: BTreeMap::new(), n_others: 0 }
    }

    /// How many wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.plain.len() + self.n_others
    }

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a task; those of higher priority come out first.
    #[inline]
    pub fn push(&mut self, task: T, priority: i64) {
        if priority == 0 {
            self.plain.push_back(task);
        } else {
            self.others.entry(priority).or_default().push_back(task);
            self.n_others += 1;
        }
    }

    /// Adds a task that had left, before all of its priority.
    pub fn put_back(&mut self, task: T, priority: i64) {
        if priority == 0 {
            self.plain.push_front(task);
        } else {
            self.others.entry(priority).or_default().push_front(task);
            self.n_others += 1;
        }
    }

    /// Takes out the next task.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.n_others == 0 { self.plain.pop_front() } else { self.pop_by_priority() }
    }

    fn pop_by_priority(&mut self) -> Option<T> {
        let mut highest = self.others.last_entry()?;
        if *highest.key() < 0 && !self.plain.is_empty() {
            return self.plain.pop_front();
        }
        let task = highest.get_mut().pop_front();
        if highest.get().is_empty() {
            highest.remove();
        }
        self.n_others -= 1;
        task
    }

    /// Takes all out, in the order in which they would have come.
    pub fn take(&mut self) -> Vec<T> {
        let mut all = mem::take(self);
        std::iter::from_fn(|| all.pop()).collect()
    }

    /// Shows all to a collector.
    pub fn each(&self, visit: impl FnMut(&T)) {
        self.plain.iter().chain(self.others.values().flatten()).for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::Backlog;

    #[test]
    fn higher_priorities_come_first_and_equals_in_their_order() {
        let mut backlog = Backlog::new();
        for (task, priority) in [("a", 0), ("b", -1), ("c", 5), ("d", 0), ("e", 5), ("f", 1)] {
            backlog.push(task, priority);
        }
        assert_eq!(backlog.len(), 6);
        assert_eq!(backlog.take(), ["c", "e", "f", "a", "d", "b"]);
        assert_eq!((backlog.len(), backlog.pop()), (0, None));
        for (task, priority) in [("a", 0), ("b", 1), ("c", 1), ("d", 0)] {
            backlog.put_back(task, priority);
        }
        assert_eq!(backlog.take(), ["c", "b", "d", "a"]);
    }
}
