//! Many items at once: all or none, whatever comparison fails.

use std::cell::Cell;
use std::rc::Rc;

use ungil_queue::{Fifo, GetError, Heap, Lifo, Priority, PriorityQueue, Queue, Store};

/// A number of which the `n`th comparison fails, counted over all that share the count.
#[derive(Clone, Debug, PartialEq)]
struct Fails {
    key: u32,
    left: Rc<Cell<u32>>,
}

impl Priority for Fails {
    type Key = ();
    type Error = ();

    fn key(&self) {}

    fn plainly_before(_left: (&(), &Self), _right: (&(), &Self)) -> Option<bool> {
        None
    }

    fn comes_before(&self, other: &Self) -> Result<bool, ()> {
        self.left.set(self.left.get().wrapping_sub(1));
        if self.left.get() == 0 { Err(()) } else { Ok(self.key < other.key) }
    }
}

#[test]
fn a_heap_is_as_it_was_when_a_comparison_fails() {
    let left = Rc::new(Cell::new(0));
    let heap = || {
        let mut heap = Heap::default();
        for key in [5, 3, 8, 3, 9, 1, 7, 2, 6, 0, 4, 3] {
            heap.push(Fails { key, left: Rc::clone(&left) }).unwrap();
        }
        heap
    };
    let whole = heap().into_items();
    let (mut n_failed, mut fail_at) = (0, 1);
    loop {
        let mut heap = heap();
        left.set(fail_at);
        let popped = heap.pop_many(11);
        left.set(0);
        if let Ok(items) = popped {
            let keys: Vec<_> = items.iter().map(|item| item.key).collect();
            assert_eq!(keys, [0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8]);
            assert_eq!(heap.into_items()[0].key, 9);
            break;
        }
        assert_eq!(heap.into_items(), whole);
        n_failed += 1;
        fail_at += 1;
    }
    assert!(n_failed > 20);
}

#[test]
fn items_come_in_the_order_in_which_they_would_one_by_one() {
    let (mut fifo, mut lifo) = (Fifo::default(), Lifo::default());
    for item in 0..5 {
        fifo.push(item).unwrap();
        lifo.push(item).unwrap();
    }
    assert_eq!(fifo.pop_many(3), Ok(vec![0, 1, 2]));
    assert_eq!(fifo.pop_many(3), Ok(vec![3, 4]));
    assert_eq!(lifo.pop_many(3), Ok(vec![4, 3, 2]));
    assert_eq!(lifo.pop_many(3), Ok(vec![1, 0]));
}

#[test]
fn the_room_of_all_of_them_is_free_again() {
    let queue = Queue::<_>::new(2);
    queue.put(1, None).unwrap();
    queue.put(2, None).unwrap();
    std::thread::scope(|scope| {
        for item in [3, 4] {
            let queue = &queue;
            scope.spawn(move || queue.put(item, None).unwrap());
        }
        while queue.statistics().waiters < 2 {
            std::thread::yield_now();
        }
        assert_eq!(queue.try_get_many(5), Ok(vec![1, 2]));
    });
    let mut items = queue.try_get_many(5).unwrap();
    items.sort_unstable();
    assert_eq!(items, [3, 4]);
    assert_eq!(queue.try_get_many(1), Err(GetError::Empty));
}

#[test]
fn what_goes_back_to_a_retired_queue_is_returned() {
    let queue = PriorityQueue::new(0);
    queue.put(1, None).unwrap();
    let item = queue.try_get().unwrap();
    queue.retire().unwrap();
    assert_eq!(queue.give_back(item).unwrap_err().item, 1);
}
