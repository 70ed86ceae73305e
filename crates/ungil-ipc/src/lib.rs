//! Between processes: anonymous shared memory, byte rings in it, channels of messages, and locks that outlive their holders.
//!
//! The crate knows no Python. Reading order: [`memory`] is what two processes share; `ring.rs` puts bytes through it; `doorbell.rs` wakes the
//! other side and tells whether it is still there; [`channel`] makes messages of that. [`primitives`] has the locks, and [`queue`] queues that many processes share.
//!
//! # Trust
//!
//! Whatever another process writes is checked before it is believed. A peer that writes nonsense can end a channel, and no more: no
//! index leads out of the memory, no length is allocated before the bytes have come, and the memory cannot be made smaller under its readers' feet.
//!
//! Linux only, so far.
#![cfg(target_os = "linux")]

pub mod arena;
pub mod channel;
mod doorbell;
pub mod frame;
#[cfg(test)]
mod fuzz;
pub mod link;
pub mod memory;
pub mod pool;
pub mod primitives;
pub mod queue;
mod ring;
