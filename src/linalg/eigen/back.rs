//! Eigenvectors of a matrix from those of its tridiagonal form: V = H_0 H_1 … H_{n−2} U.
//!
//! ```text
//! H_a … H_b = I − Y T Y',   Y = (v_a, …, v_b),   T upper triangular,   T_jj = τ_j,   T_{<j,j} = −τ_j T_{<j,<j} Y_{<j}'v_j
//! ```
//! Schreiber and Van Loan (1989). Groups of reflectors are applied by three matrix products.

use crate::linalg::chunks::{Chunk, Columns, LANES, flat, flat_mut};
use crate::linalg::eigen::reduction::Reduced;
use crate::linalg::gemm::{Into, Packed, Strided, packed_chunks};
use crate::linalg::scratch::take;
use crate::linalg::{Real, vectorised};

/// Reflectors in a group.
const GROUP: usize = 48;
/// Its chunks.
const HEIGHT: usize = GROUP / LANES;

/// Chunks of memory that it needs for n rows and columns.
pub(super) fn chunks<F: Real>(n: usize) -> usize {
    2 * GROUP * HEIGHT + 2 * HEIGHT * n + packed_chunks::<F>(n.max(GROUP), n.min(GROUP)).max(packed_chunks::<F>(GROUP, n))
}

/// Replaces U (n × n, columns without gaps) by V.
pub(super) fn transform<F: Real>(reduced: &Reduced<'_, F>, u: &mut [F], n: usize, mut memory: &mut [Chunk<F>]) {
    let (zero, one) = (F::of(0.0), F::of(1.0));
    let gram = flat_mut(take(&mut memory, GROUP * HEIGHT));
    let t = flat_mut(take(&mut memory, GROUP * HEIGHT));
    let inner = flat_mut(take(&mut memory, n * HEIGHT));
    let scaled = flat_mut(take(&mut memory, n * HEIGHT));
    let count = n.saturating_sub(1);
    let reflectors = Strided::columns(flat(reduced.reflectors.chunks), reduced.reflectors.stride());
    for start in (0..count).step_by(GROUP).rev() {
        let width = GROUP.min(count - start);
        let (row, height) = (start + 1, n - start - 1);
        let y = reflectors.from(row, start);
        // Y'Y, T, Y'U, T Y'U, U − Y T Y'U
        let packed = Packed::new(y.transposed(), width, height, memory);
        packed.times(y, width, one, gram, GROUP, Into::Replaced);
        packed.times(Strided::columns(&u[row..], n), n, one, inner, GROUP, Into::Replaced);
        triangle(t, gram, &reduced.tau[start..start + width]);
        let packed = Packed::new(Strided::columns(t, GROUP), width, width, memory);
        packed.times(Strided::columns(inner, GROUP), n, one, scaled, GROUP, Into::Replaced);
        let packed = Packed::new(y, height, width, memory);
        packed.times(Strided::columns(scaled, GROUP), n, zero - one, &mut u[row..], n, Into::Added);
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
