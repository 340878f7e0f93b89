//! Numbers in memory that goes from one owner to the next: what a forward pass leaves to its backward pass, in every step anew.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES, flat, flat_mut};
use crate::linalg::scratch::{Line, chunks_of, lines_for, zeros};

/// Bytes that are kept without an owner at most.
const KEPT: usize = 512 << 20;

/// Memory without an owner.
static FREE: Mutex<Vec<Vec<Line>>> = Mutex::new(Vec::new());

/// Numbers whose memory another buffer has when this one is dropped.
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
        if kept + size_of_val(self.lines.as_slice()) <= KEPT {
            free.push(std::mem::take(&mut self.lines));
        }
    }
}
