//! Eigenvectors of a matrix from those of its tridiagonal form: V = H_0 H_1 … H_{n−2} U.
//!
//! ```text
//! H_a … H_b = I − Y T Y',   Y = (v_a, …, v_b),   T upper triangular,   T_jj = τ_j,   T_{<j,j} = −τ_j T_{<j,<j} Y_{<j}'v_j
//! ```
//! Schreiber and Van Loan (1989). Y' and Y T of every group of reflectors are packed once. Some columns of U at a time, which stay
//! in the cache, meet all groups.

use rayon::prelude::*;

use crate::linalg::chunks::{Chunk, LANES, flat, flat_mut};
use crate::linalg::eigen::SHARED;
use crate::linalg::eigen::reduction::Reduced;
use crate::linalg::gemm::{Accumulate, Packed, Strided, packed_chunks};
use crate::linalg::scratch::{take, with_scratch};
use crate::linalg::{Real, vectorised};

/// Reflectors in a group.
const GROUP: usize = 48;
/// Bytes of the columns of U that meet all groups together.
const TOGETHER: usize = 512 << 10;

/// First reflector and number of reflectors of the groups, the last group first.
fn groups(n: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = n.saturating_sub(1);
    (0..count).step_by(GROUP).rev().map(move |start| (start, GROUP.min(count - start)))
}

/// Chunks of memory that it needs for n rows and columns.
pub(super) fn chunks<F: Real>(n: usize) -> usize {
    let packed = |(start, width)| {
        let height = n - start - 1;
        packed_chunks::<F>(width, height) + packed_chunks::<F>(height, width)
    };
    (2 * GROUP * GROUP + GROUP * n).div_ceil(LANES)
        + packed_chunks::<F>(n, GROUP)
        + groups(n).map(packed).sum::<usize>()
}

/// Replaces U (n × n, columns without gaps) by V.
pub(super) fn transform<F: Real>(reduced: &Reduced<'_, F>, u: &mut [F], n: usize, mut memory: &mut [Chunk<F>]) {
    let (zero, one) = (F::of(0.0), F::of(1.0));
    let gram = flat_mut(take(&mut memory, GROUP * GROUP / LANES));
    let t = flat_mut(take(&mut memory, GROUP * GROUP / LANES));
    let yt = flat_mut(take(&mut memory, n * GROUP / LANES));
    let spare = take(&mut memory, packed_chunks::<F>(n, GROUP));
    let reflectors = Strided::columns(flat(reduced.reflectors.chunks), reduced.reflectors.stride());
    let mut packed = Vec::with_capacity(n.div_ceil(GROUP));
    for (start, width) in groups(n) {
        let height = n - start - 1;
        let y = reflectors.from(start + 1, start);
        let y_transposed =
            Packed::new(y.transposed(), width, height, take(&mut memory, packed_chunks::<F>(width, height)));
        y_transposed.times(y, width, one, gram, GROUP, Accumulate::Replace);
        triangle(t, gram, &reduced.tau[start..start + width]);
        Packed::new(y, height, width, spare).times(Strided::columns(t, GROUP), width, one, yt, n, Accumulate::Replace);
        let memory = take(&mut memory, packed_chunks::<F>(height, width));
        packed.push((start + 1, y_transposed, Packed::new(Strided::columns(yt, n), height, width, memory)));
    }
    let apply = |u: &mut [F]| {
        let count = u.len() / n;
        with_scratch((count * GROUP).div_ceil(LANES), |inner| {
            let inner = flat_mut(inner);
            for (row, y_transposed, yt) in &packed {
                y_transposed.times(Strided::columns(&u[*row..], n), count, one, inner, GROUP, Accumulate::Replace);
                yt.times(Strided::columns(inner, GROUP), count, zero - one, &mut u[*row..], n, Accumulate::Add);
            }
        });
    };
    let columns = (TOGETHER / size_of::<F>() / n).max(1);
    match n < SHARED {
        true => u.chunks_mut(columns * n).for_each(apply),
        false => u.par_chunks_mut(columns.min(n.div_ceil(8)) * n).for_each(apply),
    }
}

vectorised! {
    /// T from Y'Y.
    fn triangle<F: Real>(t: &mut [F], gram: &[F], tau: &[F]) {
        t.fill(F::of(0.0));
        for j in 0..tau.len() {
            let (done, column) = t.split_at_mut(j * GROUP);
            for (done, gram) in done.chunks_exact(GROUP).zip(&gram[j * GROUP..]) {
                let factor = (F::of(0.0) - tau[j]) * *gram;
                for (out, x) in column.iter_mut().zip(done) {
                    *out = x.fma(factor, *out);
                }
            }
            column[j] = tau[j];
        }
    }
}
