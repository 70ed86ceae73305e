//! A heap in a list of Python: that of an opened `PriorityQueue`.
//!
//! The algorithm is `heapq`'s, comparison for comparison. It differs in what `ungil_queue::Heap` differs in: all comparisons are made
//! before anything is moved, so one that raises leaves the list as it was. What the program does to the list meanwhile is as
//! with `heapq`: another length is refused, and other items are moved in place of those that were compared.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use ungil_queue::Priority;

use crate::queue::item::Item;

/// `heapq.heappush`.
pub(crate) fn push(container: &Bound<'_, PyAny>, item: &Bound<'_, PyAny>) -> PyResult<()> {
    let Ok(list) = container.cast::<PyList>() else {
        return by_heapq("heappush", [container, item]).map(drop);
    };
    let len = list.len();
    let new = Item(item.clone().unbind());
    let mut way = vec![len];
    let mut place = len;
    while place > 0 {
        let parent = (place - 1) / 2;
        if !new.comes_before(&at(list, parent)?)? {
            break;
        }
        is_still(list, len)?;
        way.push(parent);
        place = parent;
    }
    is_still(list, len)?;
    list.append(item)?;
    move_along(list, &way)
}

/// `heapq.heappop`.
pub(crate) fn pop<'py>(container: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let list = match container.cast::<PyList>() {
        Ok(list) if !list.is_empty() => list,
        _ => return by_heapq("heappop", [container]),
    };
    let len = list.len();
    let end = len - 1;
    let mut way = vec![0];
    let mut child = 1;
    while child < end {
        let right = child + 1;
        if right < end && !at(list, child)?.comes_before(&at(list, right)?)? {
            child = right;
        }
        is_still(list, len)?;
        way.push(child);
        child = 2 * child + 1;
    }
    // The gap is at a leaf; the last item rises from there past those that have moved up.
    while way.len() > 1 && at(list, end)?.comes_before(&at(list, way[way.len() - 1])?)? {
        is_still(list, len)?;
        way.pop();
    }
    is_still(list, len)?;
    move_along(list, &way)?;
    let gap = way[way.len() - 1];
    if gap != end {
        move_along(list, &[gap, end])?;
    }
    let popped = list.get_item(end)?;
    list.del_slice(end, len)?;
    Ok(popped)
}

fn at(list: &Bound<'_, PyList>, place: usize) -> PyResult<Item> {
    Ok(Item(list.get_item(place)?.unbind()))
}

/// Exchanges the items of each two places that follow one another.
fn move_along(list: &Bound<'_, PyList>, way: &[usize]) -> PyResult<()> {
    for step in way.windows(2) {
        let (one, other) = (list.get_item(step[0])?, list.get_item(step[1])?);
        list.set_item(step[0], &other)?;
        list.set_item(step[1], &one)?;
    }
    Ok(())
}

/// Fails if the list has another length than before.
fn is_still(list: &Bound<'_, PyList>, len: usize) -> PyResult<()> {
    if list.len() == len {
        return Ok(());
    }
    Err(PyRuntimeError::new_err("list changed size during iteration"))
}

/// For what is no list, or empty, in the words of the standard library.
fn by_heapq<'py, const N: usize>(
    function: &str,
    args: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let py = args[0].py();
    py.import("heapq")?.getattr(function)?.call1(PyTuple::new(py, args)?)
}
