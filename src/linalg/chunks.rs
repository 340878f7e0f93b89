//! Numbers in aligned chunks of sixteen: loops over a chunk become vector instructions without a remainder.

use crate::linalg::Real;
use crate::linalg::lanes::Lanes;

/// Numbers in a chunk. It is the same on every processor, so that sums have the same bits on each.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers at an address that is a multiple of 64 bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Chunk<F>(pub [F; LANES]);

impl<F: Real> Chunk<F> {
    pub fn zero() -> Self {
        Self([F::of(0.0); LANES])
    }

    /// The numbers as a vector of sixteen.
    #[inline(always)]
    pub fn get<V: Lanes<F>>(&self) -> V {
        const { assert!(V::COUNT == LANES) };
        // SAFETY: there are sixteen.
        unsafe { V::load(self.0.as_ptr()) }
    }

    /// Stores a vector of sixteen.
    #[inline(always)]
    pub fn set<V: Lanes<F>>(&mut self, numbers: V) {
        const { assert!(V::COUNT == LANES) };
        // SAFETY: there is room for sixteen.
        unsafe { numbers.store(self.0.as_mut_ptr()) }
    }
}

/// Chunks as numbers.
pub(crate) fn flat<F: Real>(chunks: &[Chunk<F>]) -> &[F] {
    // SAFETY: a chunk is sixteen numbers without padding, as its size is a multiple of its alignment.
    unsafe { std::slice::from_raw_parts(chunks.as_ptr().cast(), chunks.len() * LANES) }
}

/// Chunks as numbers, mutable.
pub(crate) fn flat_mut<F: Real>(chunks: &mut [Chunk<F>]) -> &mut [F] {
    // SAFETY: as in `flat`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(chunks.as_mut_ptr().cast(), chunks.len() * LANES) }
}

/// A column-major matrix each of whose columns begins with a chunk.
pub(crate) struct Columns<'a, F> {
    /// Chunks in a column.
    pub height: usize,
    /// All chunks; column j begins at `j * height`.
    pub chunks: &'a mut [Chunk<F>],
}

impl<F: Real> Columns<'_, F> {
    /// Chunks in a column of some rows.
    pub fn height_of(nrows: usize) -> usize {
        let height = nrows.div_ceil(LANES);
        // Columns whose distance is a large power of two would share the same few sets of the cache.
        if height > 1 && (height * LANES * size_of::<F>()).is_multiple_of(1024) { height + 1 } else { height }
    }

    /// The first j columns, and the others.
    pub fn split_at(&mut self, j: usize) -> (Columns<'_, F>, Columns<'_, F>) {
        let (left, right) = self.chunks.split_at_mut(j * self.height);
        (Columns { height: self.height, chunks: left }, Columns { height: self.height, chunks: right })
    }

    /// Column j with its padding.
    pub fn column(&self, j: usize) -> &[F] {
        flat(&self.chunks[j * self.height..(j + 1) * self.height])
    }

    /// Column j with its padding, mutable.
    pub fn column_mut(&mut self, j: usize) -> &mut [F] {
        flat_mut(&mut self.chunks[j * self.height..(j + 1) * self.height])
    }

    /// Distance of two columns in numbers.
    pub fn stride(&self) -> usize {
        self.height * LANES
    }
}
