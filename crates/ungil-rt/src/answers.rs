//! Room in which a strip of a loop has its calls of the C library answered (`libm::many`): each thread has its own.
//!
//! It is not on the stack, of which compiled functions take no more than they can count. One room is enough: between the question and the last use of its answer the
//! thread runs one loop, which contains no other.

use std::cell::{Cell, OnceCell};

/// A loop has so many calls answered at most.
pub const MAX_CALLS: usize = 4;
/// And so many turns at once.
pub const MAX_TURNS: usize = 512;

const LEN: usize = MAX_CALLS * MAX_TURNS;

thread_local! {
    /// Made when it is first wanted: 16 KiB.
    static ROOM: OnceCell<Box<[Cell<f64>]>> = const { OnceCell::new() };
}

/// This thread's room: [`MAX_CALLS`] times [`MAX_TURNS`] numbers, for generated code.
pub(crate) extern "C" fn ungil_rt_answers() -> *mut f64 {
    ROOM.with(|room| {
        room.get_or_init(|| vec![Cell::new(0.0); LEN].into_boxed_slice()).as_ptr().cast_mut().cast()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_room_and_another_thread_another() {
        let room = ungil_rt_answers();
        // SAFETY: within the room.
        let last = unsafe { room.add(LEN - 1) };
        // SAFETY: the room's last number, of this thread.
        unsafe { last.write(1.0) };
        assert_eq!(ungil_rt_answers(), room);
        let other = std::thread::spawn(|| ungil_rt_answers().addr()).join().expect("no panic");
        assert_ne!(other, room.addr());
    }
}
