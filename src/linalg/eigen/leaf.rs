//! Implicit QL for a small tridiagonal matrix.
//!
//! ```text
//! T − μI = QL,   T ← LQ + μI,   μ the eigenvalue of the leading 2 × 2 block that is nearer to its first entry
//! ```
//! Bowdler, Martin, Reinsch and Wilkinson (1968), "The QR and QL algorithms for symmetric matrices", by plane rotations.

use crate::linalg::chunks::{Chunk, LANES};
use crate::linalg::lanes::{Lanes, sixteen};
use crate::linalg::{Real, vectorised};

/// Largest matrix that it takes.
pub(super) const LEAF: usize = 24;
/// Chunks in a column.
const HEIGHT: usize = LEAF.div_ceil(LANES);
/// Sweeps for an eigenvalue; two or three are usual.
const MOST_SWEEPS: usize = 60;

vectorised! {
    /// Eigenvalues of diag(d) and e beside it, into d, in no order; eigenvectors into rows `at..at + n` of the n columns of
    /// `q`, which are `stride` apart. Returns whether it converged. The matrix must be scaled to about one.
    pub(super) fn solve<F: Real>(d: &mut [F], e: &[F], q: &mut [F], stride: usize, at: usize) -> bool {
        sixteen!(solve_of::<F>(d, e, q, stride, at))
    }
}

#[inline(always)]
fn solve_of<F: Real, V: Lanes<F>, const N: usize>(d: &mut [F], e: &[F], q: &mut [F], stride: usize, at: usize) -> bool {
    let n = d.len();
    let (zero, one) = (F::of(0.0), F::of(1.0));
    let mut beside = [zero; LEAF];
    beside[..n - 1].copy_from_slice(&e[..n - 1]);
    let e = &mut beside;
    let mut columns = [[Chunk::zero(); HEIGHT]; LEAF];
    for j in 0..n {
        columns[j][j / LANES].0[j % LANES] = one;
    }
    let height = n.div_ceil(LANES);
    for l in 0..n {
        let mut sweeps = 0;
        loop {
            let is_small = |m: &usize| e[*m].magnitude() <= F::UNIT * (d[*m].magnitude() + d[*m + 1].magnitude());
            let m = (l..n - 1).find(is_small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            sweeps += 1;
            if sweeps > MOST_SWEEPS {
                return false;
            }
            let half_gap = (d[l + 1] - d[l]) / (e[l] + e[l]);
            let root = half_gap.fma(half_gap, one).root();
            let mut g = d[m] - d[l] + e[l] / (half_gap + root.signed_as(half_gap));
            let (mut s, mut c, mut p) = (one, one, zero);
            let mut i = m;
            // Chases the bulge from m up to l.
            let is_whole = loop {
                i -= 1;
                let (f, b) = (s * e[i], c * e[i]);
                let r = f.fma(f, g * g).root();
                e[i + 1] = r;
                if r == zero {
                    d[i + 1] -= p;
                    e[m] = zero;
                    break false;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let t = (d[i] - g).fma(s, (c + c) * b);
                p = s * t;
                d[i + 1] = g + p;
                g = c.fma(t, zero - b);
                let (x, y) = columns[i..].split_at_mut(1);
                rotate::<F, V>(&mut x[0][..height], &mut y[0][..height], c, s);
                if i == l {
                    break true;
                }
            };
            if is_whole {
                d[l] -= p;
                e[l] = g;
                e[m] = zero;
            }
        }
    }
    for (column, to) in columns[..n].iter().zip(q.chunks_mut(stride)) {
        for (to, from) in to[at..at + n].chunks_mut(LANES).zip(column) {
            to.copy_from_slice(&from.0[..to.len()]);
        }
    }
    true
}

/// (x, y) ← (c x − s y, s x + c y)
#[inline(always)]
fn rotate<F: Real, V: Lanes<F>>(x: &mut [Chunk<F>], y: &mut [Chunk<F>], c: F, s: F) {
    let (c, s, minus) = (V::all(c), V::all(s), V::all(F::of(0.0) - s));
    for (x, y) in x.iter_mut().zip(y) {
        let (a, b) = (x.get::<V>(), y.get::<V>());
        x.set(a.fma(c, b.times(minus)));
        y.set(a.fma(s, b.times(c)));
    }
}
