//! Upper limits of this processor: the rate of fused multiply-adds in registers, and of reading memory.

use crate::linalg::chunks::{Chunk, LANES};
use crate::linalg::lanes::{Lanes, sixteen};
use crate::linalg::{Real, vectorised};

/// Independent sums, so that none waits for another.
const SUMS: usize = 8;

/// Runs `rounds` rounds of fused multiply-adds in registers; returns the number of operations, two for each.
pub fn multiply_adds<F: Real>(rounds: usize) -> usize {
    std::hint::black_box(rounds_of::<F>(rounds));
    2 * SUMS * LANES * rounds
}

vectorised! {
    fn rounds_of<F: Real>(rounds: usize) -> F {
        sixteen!(rounds_in::<F>(rounds))
    }
}

#[inline(always)]
fn rounds_in<F: Real, V: Lanes<F>, const N: usize>(rounds: usize) -> F {
    let mut sums = [V::all(F::of(1.0)); SUMS];
    let factor = V::all(F::of(0.999));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.fma(factor, factor);
        }
    }
    some(&sums)
}

/// Memory to be read.
pub struct Memory<F>(Vec<Chunk<F>>);

impl<F: Real> Memory<F> {
    /// Memory of about `bytes` bytes.
    pub fn new(bytes: usize) -> Self {
        let chunks = (bytes / size_of::<Chunk<F>>()).next_multiple_of(SUMS);
        Self(vec![Chunk([F::of(1.0); LANES]); chunks])
    }

    /// Reads it once; returns the number of bytes.
    pub fn read(&self) -> usize {
        std::hint::black_box(sum_of_all(&self.0));
        size_of_val(self.0.as_slice())
    }
}

vectorised! {
    fn sum_of_all<F: Real>(chunks: &[Chunk<F>]) -> F {
        sixteen!(sum_in::<F>(chunks))
    }
}

#[inline(always)]
fn sum_in<F: Real, V: Lanes<F>, const N: usize>(chunks: &[Chunk<F>]) -> F {
    let mut sums = [V::all(F::of(0.0)); SUMS];
    let one = V::all(F::of(1.0));
    for group in chunks.as_chunks::<SUMS>().0 {
        for (sum, chunk) in sums.iter_mut().zip(group) {
            *sum = chunk.get::<V>().fma(one, *sum);
        }
    }
    some(&sums)
}

/// One number; none of the sums is left out.
#[inline(always)]
fn some<F: Real, V: Lanes<F>>(sums: &[V; SUMS]) -> F {
    let mut stored = [Chunk::zero(); SUMS];
    for (to, sum) in stored.iter_mut().zip(sums) {
        to.set(*sum);
    }
    std::hint::black_box(stored)[0].0[0]
}
