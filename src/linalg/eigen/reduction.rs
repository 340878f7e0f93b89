//! Reduction of a symmetric matrix to tridiagonal form by Householder reflectors.
//!
//! ```text
//! T = Q'AQ,   Q = H_0 H_1 … H_{n−2},   H_i = I − τ_i v_i v_i',   v_i = (0, …, 0, 1, v_{i,i+2}, …, v_{i,n−1})'
//! A ← H A H = A − v w' − w v',   w = τ A v − ½ τ² (v'A v) v
//! ```
//! Golub and Van Loan (2013), algorithm 8.3.1. The update by one reflector and the product with the next one are a single
//! pass, which reads and writes each element of one triangle once. Blocked panels (LAPACK's latrd) would halve the writes, but
//! their corrections cost more than that at n ≤ 1,000, where the matrix stays in the cache.

use crate::linalg::eigen::chunks::{Chunk, Columns, LANES, flat, flat_mut, zeros};
use crate::linalg::{Real, vectorised};

/// Columns that a pass handles together.
const TOGETHER: usize = 4;

/// A tridiagonal matrix, and the reflectors that lead to it.
pub(super) struct Reduced<F> {
    /// Column i is v_i.
    pub reflectors: Columns<F>,
    /// τ_i.
    pub tau: Vec<F>,
    /// The diagonal (n).
    pub diagonal: Vec<F>,
    /// The entries beside it (n − 1, then a zero).
    pub beside: Vec<F>,
}

/// Reduces a matrix (n × n, a whole number of chunks in both directions). Of the blocks of sixteen rows and columns those on the
/// diagonal are read whole, those below it too, and those above it not at all.
pub(super) fn reduce<F: Real>(mut a: Columns<F>, n: usize) -> Reduced<F> {
    let none = || vec![F::of(0.0); n];
    let (mut tau, mut diagonal, mut beside) = (none(), none(), none());
    let height = a.height;
    let used = n.div_ceil(LANES);
    // The last reflector v with its w, not yet applied; then the new ones.
    let (mut v, mut w, mut new, mut product) = (zeros(n), zeros(n), zeros(n), zeros(n));
    for i in 0..n {
        let (block, next) = (i / LANES, (i + 1) / LANES);
        let column = &mut a.chunks[i * height..i * height + used];
        subtract(&mut column[block..], flat(&w)[i], &v[block..], flat(&v)[i], &w[block..]);
        // Column i is complete; the passes below must not touch it.
        flat_mut(&mut v)[i] = F::of(0.0);
        flat_mut(&mut w)[i] = F::of(0.0);
        diagonal[i] = flat(column)[i];
        flat_mut(column)[..=i].fill(F::of(0.0));
        if i + 1 == n {
            break;
        }
        (tau[i], beside[i]) = reflector(column, i + 1);
        new.copy_from_slice(column);
        update_and_multiply(&mut a.chunks, height, next..used, &v, &w, &new, &mut product);
        let above = next * LANES..(i + 1).max(next * LANES);
        flat_mut(&mut product)[above].fill(F::of(0.0));
        let half = F::of(-0.5) * tau[i] * tau[i] * dot(&product[next..], &new[next..]);
        blend(&mut product[next..], tau[i], half, &new[next..]);
        std::mem::swap(&mut v, &mut new);
        std::mem::swap(&mut w, &mut product);
    }
    Reduced { reflectors: a, tau, diagonal, beside }
}

/// Adds the halves of each group of 2·H numbers: those of a into the lower half of the group, those of b into the upper.
#[inline(always)]
fn halves<F: Real, const H: usize>(a: &[F; LANES], b: &[F; LANES]) -> [F; LANES] {
    std::array::from_fn(|l| if l & H == 0 { a[l] + a[l ^ H] } else { b[l] + b[l ^ H] })
}

/// The sums of sixteen vectors. Sums that are formed one by one and stored into a vector that is read soon after would stall.
#[inline(always)]
fn totals<F: Real>(v: &[[F; LANES]; LANES]) -> [F; LANES] {
    let eight: [[F; LANES]; 8] = std::array::from_fn(|i| halves::<F, 8>(&v[i], &v[i + 8]));
    let four: [[F; LANES]; 4] = std::array::from_fn(|i| halves::<F, 4>(&eight[i], &eight[i + 4]));
    let two: [[F; LANES]; 2] = std::array::from_fn(|i| halves::<F, 2>(&four[i], &four[i + 2]));
    halves::<F, 1>(&two[0], &two[1])
}

/// The sum of a vector.
#[inline(always)]
fn total<F: Real>(v: &[F; LANES]) -> F {
    let eight: [F; 8] = std::array::from_fn(|l| v[l] + v[l + 8]);
    let four: [F; 4] = std::array::from_fn(|l| eight[l] + eight[l + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

vectorised! {
    /// A −= v w' + w v', then product = A x, over some chunks of rows and their columns.
    fn update_and_multiply<F: Real>(a: &mut [Chunk<F>], height: usize, range: std::ops::Range<usize>, v: &[Chunk<F>], w: &[Chunk<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        let zero = F::of(0.0);
        product[range.clone()].fill(Chunk([zero; LANES]));
        for block in range.clone() {
            let rows = block..range.end;
            let (v, w, x, out) = (&v[rows.clone()], &w[rows.clone()], &x[rows.clone()], &mut product[rows.clone()]);
            let mut sums = [[zero; LANES]; LANES];
            for first in (0..LANES).step_by(TOGETHER) {
                let start = (block * LANES + first) * height;
                let mut rest = a[start..start + TOGETHER * height].chunks_exact_mut(height);
                let columns: [&mut [Chunk<F>]; TOGETHER] =
                    std::array::from_fn(|_| &mut rest.next().expect("a column")[rows.clone()]);
                let v_here: [F; TOGETHER] = std::array::from_fn(|k| zero - v[0].0[first + k]);
                let w_here: [F; TOGETHER] = std::array::from_fn(|k| zero - w[0].0[first + k]);
                let x_here: [F; TOGETHER] = std::array::from_fn(|k| x[0].0[first + k]);
                let mut of_columns = [[zero; LANES]; TOGETHER];
                for r in 0..rows.len() {
                    let (v, w, x, mut of_rows) = (v[r].0, w[r].0, x[r].0, out[r].0);
                    for k in 0..TOGETHER {
                        let mut a = columns[k][r].0;
                        for l in 0..LANES {
                            a[l] = v[l].fma(w_here[k], a[l]);
                        }
                        for l in 0..LANES {
                            a[l] = w[l].fma(v_here[k], a[l]);
                        }
                        columns[k][r].0 = a;
                        for l in 0..LANES {
                            of_rows[l] = a[l].fma(x_here[k], of_rows[l]);
                        }
                        for l in 0..LANES {
                            of_columns[k][l] = a[l].fma(x[l], of_columns[k][l]);
                        }
                    }
                    out[r].0 = of_rows;
                    if r == 0 {
                        // The block on the diagonal has both triangles.
                        of_columns = [[zero; LANES]; TOGETHER];
                    }
                }
                sums[first..first + TOGETHER].copy_from_slice(&of_columns);
            }
            let sums = totals(&sums);
            for l in 0..LANES {
                out[0].0[l] += sums[l];
            }
        }
    }
}

vectorised! {
    /// y −= a p + b q
    fn subtract<F: Real>(y: &mut [Chunk<F>], a: F, p: &[Chunk<F>], b: F, q: &[Chunk<F>]) {
        for ((y, p), q) in y.iter_mut().zip(p).zip(q) {
            for l in 0..LANES {
                y.0[l] = p.0[l].fma(F::of(0.0) - a, q.0[l].fma(F::of(0.0) - b, y.0[l]));
            }
        }
    }
}

vectorised! {
    /// Turns a column that is zero above a row into the reflector that leaves only that row, with a one there. Returns τ and
    /// what is left. A rest whose square underflows is dropped: it is below rounding, as the matrix is scaled.
    fn reflector<F: Real>(column: &mut [Chunk<F>], row: usize) -> (F, F) {
        let first = row / LANES;
        let alpha = flat(column)[row];
        flat_mut(column)[row] = F::of(0.0);
        let mut squares = [F::of(0.0); LANES];
        for chunk in &column[first..] {
            for l in 0..LANES {
                squares[l] = chunk.0[l].fma(chunk.0[l], squares[l]);
            }
        }
        let rest = total(&squares);
        let (tau, left, scale) = if rest > F::of(0.0) {
            let left = F::of(0.0) - alpha.fma(alpha, rest).root().signed_as(alpha);
            ((left - alpha) / left, left, F::of(1.0) / (alpha - left))
        } else {
            (F::of(0.0), alpha, F::of(0.0))
        };
        for chunk in &mut column[first..] {
            for l in 0..LANES {
                chunk.0[l] *= scale;
            }
        }
        flat_mut(column)[row] = F::of(1.0);
        (tau, left)
    }
}

vectorised! {
    /// The inner product.
    fn dot<F: Real>(x: &[Chunk<F>], y: &[Chunk<F>]) -> F {
        let mut sums = [F::of(0.0); LANES];
        for (x, y) in x.iter().zip(y) {
            for l in 0..LANES {
                sums[l] = x.0[l].fma(y.0[l], sums[l]);
            }
        }
        total(&sums)
    }
}

vectorised! {
    /// y = factor · y + by · x
    fn blend<F: Real>(y: &mut [Chunk<F>], factor: F, by: F, x: &[Chunk<F>]) {
        for (y, x) in y.iter_mut().zip(x) {
            for l in 0..LANES {
                y.0[l] = x.0[l].fma(by, y.0[l] * factor);
            }
        }
    }
}
