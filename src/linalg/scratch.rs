//! Memory that a thread keeps from one call to the next: a page that is touched for the first time costs as much as thousands of
//! operations.

use std::cell::RefCell;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES};

/// Bytes that a thread keeps at most for each level of calls inside each other; more are returned at once.
const KEPT_BY_THREAD: usize = 64 << 20;

/// Memory in units that fit chunks of both types.
pub(super) type Line = Chunk<f64>;

/// Chunks of lines.
pub(super) fn chunks_of<F: Real>(lines: &mut [Line], chunks: usize) -> &mut [Chunk<F>] {
    assert!(chunks * size_of::<Chunk<F>>() <= size_of_val(lines));
    // SAFETY: the memory is large enough, aligned for chunks of both types, and any bits are a number of either type.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), chunks) }
}

pub(super) fn lines_for<F: Real>(chunks: usize) -> usize {
    (chunks * size_of::<Chunk<F>>()).div_ceil(size_of::<Line>())
}

pub(super) fn zeros(lines: usize) -> Vec<Line> {
    vec![Chunk([0.0; LANES]); lines]
}

thread_local! {
    /// One for each level of calls inside each other.
    static MEMORY: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Calls a function with some chunks, whose contents are arbitrary numbers.
pub(crate) fn with_scratch<F: Real, R>(chunks: usize, work: impl FnOnce(&mut [Chunk<F>]) -> R) -> R {
    let mut memory = MEMORY.with_borrow_mut(Vec::pop).unwrap_or_default();
    let needed = lines_for::<F>(chunks);
    if memory.len() < needed {
        memory = zeros(needed);
    }
    let result = work(chunks_of(&mut memory, chunks));
    if size_of_val(memory.as_slice()) <= KEPT_BY_THREAD {
        MEMORY.with_borrow_mut(|all| all.push(memory));
    }
    result
}

/// Takes some chunks from the front.
pub(crate) fn take<'a, F>(memory: &mut &'a mut [Chunk<F>], chunks: usize) -> &'a mut [Chunk<F>] {
    let (front, rest) = std::mem::take(memory).split_at_mut(chunks);
    *memory = rest;
    front
}
