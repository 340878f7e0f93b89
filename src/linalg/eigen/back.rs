//! Eigenvectors of a matrix from those of its tridiagonal form: V = H_0 H_1 … H_{n−2} U.
//!
//! ```text
//! H_a … H_b = I − Y T Y',   Y = (v_a, …, v_b),   T upper triangular,   T_jj = τ_j,   T_{<j,j} = −τ_j T_{<j,<j} Y_{<j}'v_j
//! ```
//! Schreiber and Van Loan (1989), "A storage-efficient WY representation for products of Householder transformations". Y'
//! and Y T of every group of reflectors are packed once. Some columns of U at a time, which stay in the cache, meet all
//! groups.

use rayon::prelude::*;

use crate::linalg::chunks::{Chunk, LANES, flat, flat_mut};
use crate::linalg::eigen::SHARED_ROWS;
use crate::linalg::eigen::reduction::Reduced;
use crate::linalg::gemm::{Accumulate, Packed, Strided, packed_chunks};
use crate::linalg::scratch::{take, with_scratch};
use crate::linalg::{Real, vectorised};

/// Reflectors in a group.
const GROUP: usize = 48;
/// Bytes of the columns of U that meet all groups together.
const BYTES_TOGETHER: usize = 512 << 10;

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
    groups(n).map(packed).sum()
}

/// Replaces U (n × n, columns without gaps) by V.
pub(super) fn transform<'a, F: Real>(reduced: &Reduced<'_, F>, u: &mut [F], n: usize, mut memory: &'a mut [Chunk<F>]) {
    let (zero, one) = (F::of(0.0), F::of(1.0));
    let reflectors = Strided::columns(flat(reduced.reflectors.chunks), reduced.reflectors.stride());
    let of_group = |(start, width)| {
        let height = n - start - 1;
        let (first, second) = (packed_chunks::<F>(width, height), packed_chunks::<F>(height, width));
        (start, width, take(&mut memory, first), take(&mut memory, second))
    };
    let parts: Vec<_> = groups(n).map(of_group).collect();
    let pack = |(start, width, first, second): (usize, usize, &'a mut [Chunk<F>], &'a mut [Chunk<F>])| {
        let height = n - start - 1;
        let y = reflectors.from(start + 1, start);
        let y_transposed = Packed::new(y.transposed(), width, height, first);
        let square = GROUP * GROUP / LANES;
        let yt = with_scratch(2 * square + GROUP * n.div_ceil(LANES) + packed_chunks::<F>(n, GROUP), |mut memory| {
            let (gram, t) = (flat_mut(take(&mut memory, square)), flat_mut(take(&mut memory, square)));
            let yt = flat_mut(take(&mut memory, GROUP * n.div_ceil(LANES)));
            y_transposed.times(y, width, one, gram, GROUP, Accumulate::Replace);
            triangle(t, gram, &reduced.tau[start..start + width]);
            let packed = Packed::new(y, height, width, memory);
            packed.times(Strided::columns(t, GROUP), width, one, yt, n, Accumulate::Replace);
            Packed::new(Strided::columns(yt, n), height, width, second)
        });
        (start + 1, y_transposed, yt)
    };
    let packed: Vec<_> = match n < SHARED_ROWS {
        true => parts.into_iter().map(pack).collect(),
        false => parts.into_par_iter().map(pack).collect(),
    };
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
    // A multiple of the columns of a tile of the product.
    let columns = (BYTES_TOGETHER / size_of::<F>() / n).next_multiple_of(12).max(12);
    match n < SHARED_ROWS {
        true => u.chunks_mut(columns * n).for_each(apply),
        false => u.par_chunks_mut(columns.min(n.div_ceil(8).next_multiple_of(12)) * n).with_max_len(1).for_each(apply),
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
