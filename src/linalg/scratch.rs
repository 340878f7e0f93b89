//! Memory that a thread keeps from one call to the next: a page that is touched for the first time costs as much as thousands of
//! operations.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES, flat, flat_mut};

/// Bytes that a thread keeps at most; more are returned at once.
const KEPT: usize = 64 << 20;
/// Bytes that all buffers together keep at most.
const KEPT_BY_ALL: usize = 512 << 20;

/// Memory in units that fit chunks of both types.
type Line = Chunk<f64>;

/// Chunks of lines.
fn chunks_of<F: Real>(lines: &mut [Line], chunks: usize) -> &mut [Chunk<F>] {
    assert!(chunks * size_of::<Chunk<F>>() <= size_of_val(lines));
    // SAFETY: the memory is large enough, aligned for chunks of both types, and any bits are a number of either type.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), chunks) }
}

fn lines_for<F: Real>(chunks: usize) -> usize {
    (chunks * size_of::<Chunk<F>>()).div_ceil(size_of::<Line>())
}

fn zeros(lines: usize) -> Vec<Line> {
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
    if size_of_val(memory.as_slice()) <= KEPT {
        MEMORY.with_borrow_mut(|all| all.push(memory));
    }
    result
}

/// Memory of numbers that no buffer has.
static FREE: Mutex<Vec<Vec<Line>>> = Mutex::new(Vec::new());

/// Numbers in memory that goes from one buffer to the next: what a forward pass leaves to its backward pass, in every step anew.
pub(crate) struct Buffer<F> {
    lines: Vec<Line>,
    len: usize,
    number: PhantomData<F>,
}

impl<F: Real> Buffer<F> {
    /// `len` arbitrary numbers.
    pub fn new(len: usize) -> Self {
        let needed = lines_for::<F>(len.div_ceil(LANES));
        let mut free = FREE.lock().expect("nothing panics here");
        let fits = |lines: &Vec<Line>| lines.len() >= needed && lines.len() <= 2 * needed + 64;
        let lines = free.iter().position(fits).map(|place| free.swap_remove(place));
        drop(free);
        Self { lines: lines.unwrap_or_else(|| zeros(needed)), len, number: PhantomData }
    }
}

impl<F: Real> Deref for Buffer<F> {
    type Target = [F];

    fn deref(&self) -> &[F] {
        // SAFETY: as in `chunks_of`.
        let chunks =
            unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast::<Chunk<F>>(), self.len.div_ceil(LANES)) };
        &flat(chunks)[..self.len]
    }
}

impl<F: Real> DerefMut for Buffer<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        let chunks = self.len.div_ceil(LANES);
        &mut flat_mut(chunks_of::<F>(&mut self.lines, chunks))[..self.len]
    }
}

impl<F> Drop for Buffer<F> {
    fn drop(&mut self) {
        let Ok(mut free) = FREE.lock() else { return };
        let kept: usize = free.iter().map(|lines| size_of_val(lines.as_slice())).sum();
        if kept + size_of_val(self.lines.as_slice()) <= KEPT_BY_ALL {
            free.push(std::mem::take(&mut self.lines));
        }
    }
}

/// Takes some chunks from the front.
pub(crate) fn take<'a, F>(memory: &mut &'a mut [Chunk<F>], chunks: usize) -> &'a mut [Chunk<F>] {
    let (front, rest) = std::mem::take(memory).split_at_mut(chunks);
    *memory = rest;
    front
}
