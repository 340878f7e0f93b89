//! Memory that a thread keeps from one call to the next: a page that is touched for the first time costs as much as thousands of
//! operations.

use std::cell::Cell;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES};

/// Bytes that a thread keeps at most; more are returned at once.
const KEPT: usize = 64 << 20;

/// Memory in units that fit chunks of both types.
type Line = Chunk<f64>;

thread_local! {
    static MEMORY: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Calls a function with some chunks, whose contents are arbitrary numbers.
pub(crate) fn with_scratch<F: Real, R>(chunks: usize, work: impl FnOnce(&mut [Chunk<F>]) -> R) -> R {
    let mut memory = MEMORY.take();
    let needed = (chunks * LANES * size_of::<F>()).div_ceil(size_of::<Line>());
    if memory.len() < needed {
        memory = vec![Chunk([0.0; LANES]); needed];
    }
    // SAFETY: the memory is large enough, aligned for both types of chunks, and any bits are a number of either type.
    let result = work(unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), chunks) });
    if memory.len() * size_of::<Line>() <= KEPT {
        MEMORY.set(memory);
    }
    result
}

/// Takes some chunks from the front.
pub(crate) fn take<'a, F>(memory: &mut &'a mut [Chunk<F>], chunks: usize) -> &'a mut [Chunk<F>] {
    let (front, rest) = std::mem::take(memory).split_at_mut(chunks);
    *memory = rest;
    front
}
