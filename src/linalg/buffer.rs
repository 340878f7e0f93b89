//! Numbers in memory that goes from one owner to the next: what a forward pass leaves to its backward pass, in every step anew.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES, flat, flat_mut};
use crate::linalg::scratch::{Line, chunks_of, lines_for, zeros};

/// Bytes that are kept without an owner at most: about twice what a step of 32 samples of 350 assets over 1,200 days needs.
const KEPT_WITHOUT_OWNER: usize = 512 << 20;

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
        // SAFETY: `new` made enough lines for so many chunks, lines are aligned for chunks of both types, and any bits are
        // a number.
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
        if kept + size_of_val(self.lines.as_slice()) <= KEPT_WITHOUT_OWNER {
            free.push(std::mem::take(&mut self.lines));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::scratch::with_scratch;

    #[test]
    fn buffers_and_scratch_hold_what_is_written_whatever_they_held_before() {
        let (mut one, mut other) = (Buffer::<f32>::new(1000), Buffer::<f64>::new(0));
        one.fill(1.0);
        assert!(one.len() == 1000 && one.iter().all(|x| *x == 1.0) && other.is_empty());
        other.copy_from_slice(&[]);
        drop(one);
        let mut again = Buffer::<f64>::new(500); // as many bytes
        let mut beside = Buffer::<f64>::new(500);
        again.fill(2.0);
        beside.fill(3.0);
        assert!(again.iter().all(|x| *x == 2.0) && beside.iter().all(|x| *x == 3.0));
        drop(again);
        let mut larger = Buffer::<f64>::new(900);
        larger.fill(4.0);
        assert!(larger.len() == 900 && larger.iter().all(|x| *x == 4.0));
        let sum = with_scratch::<f64, _>(4, |outer| {
            outer.iter_mut().for_each(|chunk| chunk.0.fill(1.0));
            with_scratch::<f32, _>(9, |inner| inner.iter_mut().for_each(|chunk| chunk.0.fill(7.0)));
            outer.iter().flat_map(|chunk| chunk.0).sum::<f64>()
        });
        assert_eq!(sum, 64.0);
    }
}
