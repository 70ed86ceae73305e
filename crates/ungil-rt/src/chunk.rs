//! How the iterations of a parallel loop are cut into chunks: by their number alone.
//!
//! A reduction has one partial result a chunk, and generated code combines them in the order of the chunks. Since the cut
//! depends on the length alone, the result has the same bits for any number of threads.

/// The most chunks that a loop is cut into: generated code reserves as many partial results.
pub const MAX_CHUNKS: i64 = 256;

/// From how many iterations a chunk on its size is a multiple of [`WIDE`], and below that of [`NARROW`].
const WIDE_FROM: i64 = 512;
/// A multiple of every vector width times LLVM's interleaving, so that only a loop's last chunk has a scalar rest.
const WIDE: i64 = 64;
const NARROW_FROM: i64 = 64;
const NARROW: i64 = 8;

/// The chunks of a loop of some length: consecutive, of equal size but for the last, together the whole loop.
///
/// ```
/// let chunks = ungil_rt::chunk::Chunks::of(1_000_000);
/// assert_eq!(chunks.count(), 253);
/// assert_eq!(chunks.bounds(0), (0, 3968));
/// assert_eq!(chunks.bounds(252), (999_936, 1_000_000));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chunks {
    len: i64,
    size: i64,
    count: i64,
}

impl Chunks {
    /// The chunks of a loop of `len` iterations; a length of zero or less has none.
    pub fn of(len: i64) -> Self {
        if len <= 0 {
            return Self { len: 0, size: 1, count: 0 };
        }
        let even = div_ceil(len, MAX_CHUNKS);
        let size = match even {
            WIDE_FROM.. => div_ceil(even, WIDE) * WIDE,
            NARROW_FROM.. => div_ceil(even, NARROW) * NARROW,
            _ => even,
        };
        Self { len, size, count: div_ceil(len, size) }
    }

    /// How many chunks there are: at most [`MAX_CHUNKS`], each with at least one iteration.
    pub fn count(self) -> i64 {
        self.count
    }

    /// The first iteration of `chunk` and the one after its last.
    pub fn bounds(self, chunk: i64) -> (i64, i64) {
        debug_assert!((0..self.count).contains(&chunk));
        let first = chunk * self.size;
        // Not `min(first + size, len)`: that sum can pass the largest integer.
        let end = if chunk == self.count - 1 { self.len } else { first + self.size };
        (first, end)
    }
}

/// The number of chunks of a loop of `len` iterations, for generated code.
pub(crate) extern "C" fn ungil_rt_chunk_count(len: i64) -> i64 {
    Chunks::of(len).count()
}

/// For positive numbers; the sum that rounds up cannot overflow.
fn div_ceil(dividend: i64, divisor: i64) -> i64 {
    (dividend - 1) / divisor + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(len: i64) {
        let chunks = Chunks::of(len);
        assert!(chunks.count() <= MAX_CHUNKS);
        assert_eq!(ungil_rt_chunk_count(len), chunks.count());
        let mut next = 0;
        for chunk in 0..chunks.count() {
            let (first, end) = chunks.bounds(chunk);
            assert_eq!(first, next);
            assert!(first < end);
            next = end;
        }
        assert_eq!(next, len.max(0));
    }

    #[test]
    fn edges() {
        for len in
            [i64::MIN, -1, 0, 1, 2, 255, 256, 257, 511, 512, 513, 16_384, 131_072, i64::MAX - 1, i64::MAX]
        {
            check(len);
        }
    }

    #[test]
    fn a_short_loop_has_a_chunk_an_iteration() {
        assert_eq!(Chunks::of(256).count(), 256);
        assert_eq!(Chunks::of(3).count(), 3);
    }

    proptest! {
        #[test]
        fn chunks_partition_the_loop(len in 0..100_000_i64) {
            check(len);
        }

        #[test]
        fn chunks_partition_any_loop(len in any::<i64>()) {
            check(len);
        }

        #[test]
        fn long_loops_keep_most_of_the_chunks(len in 257..i64::MAX) {
            prop_assert!(Chunks::of(len).count() > MAX_CHUNKS / 2);
        }
    }
}
