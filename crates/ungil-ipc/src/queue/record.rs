//! How items lie in the ring: as records of whole units of eight bytes, the first of which says how long the record is, and of which part of an item.

use std::cmp::min;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// How many bytes a ring holds: a power of two. A guess.
pub(super) const CAPACITY: usize = 1 << 18;
pub(super) const UNIT: usize = 8;
pub(super) const UNITS: u32 = (CAPACITY / UNIT) as u32;

/// Of a record's first unit: whether it is its item's first, and its last. The low half is how many bytes follow.
const FIRST: u64 = 1 << 32;
const LAST: u64 = 1 << 33;

/// How much has been moved: one word, so that both numbers change at once. They begin anew after 2**32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) units: u32,
    pub(super) items: u32,
}

impl Moved {
    pub(super) fn of(word: u64) -> Self {
        Self { units: word as u32, items: (word >> 32) as u32 }
    }

    pub(super) fn word(self) -> u64 {
        u64::from(self.items) << 32 | u64::from(self.units)
    }

    /// After one more record.
    pub(super) fn and(self, record: Record) -> Self {
        Self {
            units: self.units.wrapping_add(record.units()),
            items: self.items.wrapping_add(u32::from(record.is_last)),
        }
    }
}

/// A record's first unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) len: u32,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

impl Record {
    /// How many units it takes.
    pub(super) fn units(self) -> u32 {
        (self.len.saturating_add(UNIT as u32 - 1) / UNIT as u32).saturating_add(1)
    }
}

/// The ring's bytes; reached by one producer and one consumer at a time, each where the other does not.
#[derive(Clone, Copy)]
pub(super) struct Ring<'a> {
    at: *mut u8,
    memory: PhantomData<&'a ()>,
}

impl<'a> Ring<'a> {
    /// # Safety
    ///
    /// [`CAPACITY`] bytes may be read and written there, aligned to eight, for as long as `'a`.
    pub(super) unsafe fn at(at: *mut u8) -> Ring<'a> {
        Ring { at, memory: PhantomData }
    }

    /// Writes a record to that unit and on, around the end; it is no longer than the ring.
    pub(super) fn write(self, unit: u32, record: Record, bytes: &[u8]) {
        let flags = (u64::from(record.is_first) * FIRST) | (u64::from(record.is_last) * LAST);
        self.unit(unit).store(u64::from(record.len) | flags, Relaxed);
        let place = place(unit.wrapping_add(1));
        let (first, rest) = bytes.split_at(min(bytes.len(), CAPACITY - place));
        debug_assert!(rest.len() <= place);
        // SAFETY: `place` is below the capacity.
        let to = unsafe { self.at.add(place) };
        // SAFETY: the bytes end at the capacity or before; the consumer keeps away from what has not been put.
        unsafe { ptr::copy_nonoverlapping(first.as_ptr(), to, first.len()) };
        // SAFETY: no more than the record's length, which is less than the capacity.
        unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), self.at, rest.len()) };
    }

    /// Which record begins at that unit, if it may be: it ends within the `used` units.
    pub(super) fn read(self, unit: u32, used: u32) -> Option<Record> {
        let word = self.unit(unit).load(Relaxed);
        let record = Record { len: word as u32, is_first: word & FIRST != 0, is_last: word & LAST != 0 };
        (record.units() <= used && used <= UNITS).then_some(record)
    }

    /// Appends a record's bytes, which begin behind that unit, to `to`. The record is one that `read` has returned.
    pub(super) fn copy_out(self, unit: u32, record: Record, to: &mut Vec<u8>) {
        let len = min(record.len as usize, CAPACITY);
        to.reserve(len);
        let place = place(unit.wrapping_add(1));
        let first = min(len, CAPACITY - place);
        // SAFETY: `place` is below the capacity.
        let from = unsafe { self.at.add(place) };
        // SAFETY: reserved above.
        let end = unsafe { to.as_mut_ptr().add(to.len()) };
        // SAFETY: `first` bytes end at the capacity or before; there is room for them. A hostile producer may write them meanwhile: they are bytes, and any
        // are as good.
        unsafe { ptr::copy_nonoverlapping(from, end, first) };
        // SAFETY: within what was reserved.
        let end = unsafe { end.add(first) };
        // SAFETY: as above, from the beginning on.
        unsafe { ptr::copy_nonoverlapping(self.at, end, len - first) };
        // SAFETY: so many have been written.
        unsafe { to.set_len(to.len() + len) };
    }

    fn unit(self, unit: u32) -> &'a AtomicU64 {
        // SAFETY: below the capacity.
        let at = unsafe { self.at.add(place(unit)) };
        // SAFETY: within the ring, aligned to eight bytes as the ring is, for as long as `'a`.
        unsafe { AtomicU64::from_ptr(at.cast()) }
    }
}

/// Where a unit is.
fn place(unit: u32) -> usize {
    (unit % UNITS) as usize * UNIT
}
