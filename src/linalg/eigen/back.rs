//! Eigenvectors of a matrix from those of its tridiagonal form: V = H_0 H_1 … H_{n−2} U.
//!
//! ```text
//! H_a … H_b = I − Y T Y',   Y = (v_a, …, v_b),   T upper triangular,   T_jj = τ_j,   T_{<j,j} = −τ_j T_{<j,<j} Y_{<j}'v_j
//! ```
//! Schreiber and Van Loan (1989). Groups of reflectors are applied by three matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatRef, Par};

use crate::linalg::eigen::chunks::{Columns, LANES, flat};
use crate::linalg::eigen::reduction::Reduced;
use crate::linalg::{Real, vectorised};

/// Reflectors in a group.
const GROUP: usize = 48;

/// Replaces U (n × n) by V.
pub(super) fn transform<F: Real>(reduced: &Reduced<F>, u: &mut Columns<F>, n: usize) {
    let (one, count) = (F::of(1.0), n.saturating_sub(1));
    let mut t = vec![F::of(0.0); GROUP * GROUP];
    let mut gram = Columns::zeros(GROUP, GROUP);
    let (mut inner, mut scaled) = (Columns::zeros(GROUP, n), Columns::zeros(GROUP, n));
    for start in (0..count).step_by(GROUP).rev() {
        let width = GROUP.min(count - start);
        let row = (start + 1) / LANES * LANES;
        let y = reduced.reflectors.block(row, start, n - row, width);
        matmul(gram.block_mut(0, 0, width, width), Accum::Replace, y.transpose(), y, one, Par::Seq);
        triangle(&mut t, flat(&gram.chunks), gram.stride(), &reduced.tau[start..start + width]);
        let t = MatRef::from_column_major_slice_with_stride(&t, width, width, GROUP);
        let below = u.block(row, 0, n - row, n);
        matmul(inner.block_mut(0, 0, width, n), Accum::Replace, y.transpose(), below, one, Par::Seq);
        matmul(scaled.block_mut(0, 0, width, n), Accum::Replace, t, inner.block(0, 0, width, n), one, Par::Seq);
        let below = u.block_mut(row, 0, n - row, n);
        matmul(below, Accum::Add, y, scaled.block(0, 0, width, n), F::of(-1.0), Par::Seq);
    }
}

vectorised! {
    /// T (columns GROUP apart) from Y'Y.
    fn triangle<F: Real>(t: &mut [F], gram: &[F], stride: usize, tau: &[F]) {
        t.fill(F::of(0.0));
        for j in 0..tau.len() {
            let (done, column) = t.split_at_mut(j * GROUP);
            for k in 0..j {
                let factor = (F::of(0.0) - tau[j]) * gram[j * stride + k];
                for (out, x) in column[..GROUP].iter_mut().zip(&done[k * GROUP..(k + 1) * GROUP]) {
                    *out = x.fma(factor, *out);
                }
            }
            column[j] = tau[j];
        }
    }
}
