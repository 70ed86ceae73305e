//! [`Frame`]: what passes between a pool and a worker, and how it lies in a ring.
//!
//! A frame is put in whole or not at all, by one change of the ring's index: a peer that dies leaves none in part. It has a header of 32 bytes, the
//! places of its blocks in the sender's arena, and its bytes. What is longer than [`MOST_INLINE`] goes by a block.

use crate::arena::Block;
use crate::ring::{self, Corrupt, Ring};

/// The most bytes that a frame carries itself.
pub const MOST_INLINE: usize = 1 << 15;
/// The most blocks that it tells of.
pub const MOST_BLOCKS: usize = 1024;

const HEADER: usize = 32;
const BLOCK: usize = 24;
const MOST: usize = HEADER + MOST_BLOCKS * BLOCK + MOST_INLINE;

/// A message to a worker or from one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// What it is; the meaning is the user's.
    pub kind: u16,
    /// Of a task and of what came of it: the same number.
    pub seq: u64,
    /// Two numbers more, whose meaning is the user's.
    pub times: [u64; 2],
    /// Blocks in the arena of who sends it.
    pub blocks: Vec<Block>,
    /// Bytes, at most [`MOST_INLINE`].
    pub bytes: Vec<u8>,
}

impl Frame {
    /// How many bytes it takes in a ring.
    pub(crate) fn size(&self) -> usize {
        HEADER + self.blocks.len() * BLOCK + self.bytes.len()
    }

    /// Puts it into the ring; false if there is no room for it.
    ///
    /// # Errors
    ///
    /// The other side wrote impossible indices.
    ///
    /// # Panics
    ///
    /// There are more bytes or blocks than may be.
    pub(crate) fn put(&self, ring: Ring) -> Result<bool, Corrupt> {
        assert!(self.bytes.len() <= MOST_INLINE && self.blocks.len() <= MOST_BLOCKS, "the frame is too long");
        let len = self.size();
        if ring::CAPACITY.checked_sub(ring.len()).ok_or(Corrupt)? < len {
            return Ok(false);
        }
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&(len as u32).to_le_bytes());
        header[4..6].copy_from_slice(&self.kind.to_le_bytes());
        header[6..8].copy_from_slice(&(self.blocks.len() as u16).to_le_bytes());
        for (to, word) in header[8..].chunks_exact_mut(8).zip([self.seq, self.times[0], self.times[1]]) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let n_put = if self.blocks.is_empty() {
            ring.put([&header, &self.bytes])?
        } else {
            let mut head = header.to_vec();
            for word in self.blocks.iter().flat_map(|block| [block.index, block.offset, block.len]) {
                head.extend_from_slice(&word.to_le_bytes());
            }
            ring.put([&head, &self.bytes])?
        };
        if n_put == len { Ok(true) } else { Err(Corrupt) }
    }

    /// The first frame in the ring, taken out; none if there is none.
    ///
    /// # Errors
    ///
    /// What lies there is no frame.
    pub(crate) fn take(ring: Ring) -> Result<Option<Self>, Corrupt> {
        let mut header = [0; HEADER];
        // SAFETY: so many bytes are ours.
        let n = unsafe { ring.peek(header.as_mut_ptr(), HEADER) }?;
        if n == 0 {
            return Ok(None);
        }
        if n < HEADER {
            return Err(Corrupt);
        }
        let mut reader = Reader(&header);
        let len = u32::from_le_bytes(reader.take()?) as usize;
        let kind = u16::from_le_bytes(reader.take()?);
        let n_blocks = usize::from(u16::from_le_bytes(reader.take()?));
        let mut frame =
            Self { kind, seq: reader.word()?, times: [reader.word()?, reader.word()?], ..Self::default() };
        let n_bytes = len.checked_sub(HEADER + n_blocks * BLOCK).ok_or(Corrupt)?;
        if len > MOST || n_bytes > MOST_INLINE || n_blocks > MOST_BLOCKS {
            return Err(Corrupt);
        }
        let mut head = [0; HEADER];
        take(ring, &mut head)?;
        if n_blocks > 0 {
            let mut blocks = vec![0; n_blocks * BLOCK];
            take(ring, &mut blocks)?;
            let mut reader = Reader(&blocks);
            for _ in 0..n_blocks {
                frame.blocks.push(Block {
                    index: reader.word()?,
                    offset: reader.word()?,
                    len: reader.word()?,
                });
            }
        }
        frame.bytes = vec![0; n_bytes];
        take(ring, &mut frame.bytes)?;
        Ok(Some(frame))
    }
}

/// Takes so many bytes out of the ring; it has none less unless the other side breaks the rules.
fn take(ring: Ring, bytes: &mut [u8]) -> Result<(), Corrupt> {
    // SAFETY: so many bytes are ours.
    let n = unsafe { ring.take(bytes.as_mut_ptr(), bytes.len()) }?;
    if n == bytes.len() { Ok(()) } else { Err(Corrupt) }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn word(&mut self) -> Result<u64, Corrupt> {
        self.take().map(u64::from_le_bytes)
    }
}
