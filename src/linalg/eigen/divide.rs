//! Divide and conquer for a symmetric tridiagonal matrix.
//!
//! ```text
//! T = diag(T_1, T_2) + ρ u u',   T_k = Q_k D_k Q_k',   z = diag(Q_1, Q_2)'u,   D + ρ z z' = S Λ S',   Q = diag(Q_1, Q_2) S
//! ```
//! Cuppen (1981), "A divide and conquer method for the symmetric tridiagonal eigenproblem". Entries of z that are
//! negligible, and pairs of poles that are equal to rounding, are deflated: their eigenvectors stay as they are. Columns of
//! Q_1 and Q_2 are zero in the other half, so the product with S is two products of half the height (Gu and Eisenstat 1995,
//! "A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem").

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::linalg::chunks::{Chunk, Columns, LANES, flat, flat_mut};
use crate::linalg::eigen::{SHARED_ROWS, leaf, secular};
use crate::linalg::gemm::{Accumulate, Packed, Strided, packed_chunks};
use crate::linalg::scratch::{take, with_scratch};
use crate::linalg::{Real, vectorised};

/// Roots, entries of z or columns of S that a thread takes at once where a merge is shared.
const ROOTS_TOGETHER: usize = 4 * LANES;

/// Half of the rows in which a column of diag(Q_1, Q_2) is not zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Upper,
    Both,
    Lower,
}

/// Chunks of memory that a merge needs for n rows and columns: S, column by column, then the columns that are deflated;
/// poles and z; one of Q_1 and Q_2.
fn chunks<F: Real>(n: usize) -> usize {
    n.div_ceil(LANES) * (n + 2) + packed_chunks::<F>(n.div_ceil(2), n)
}

/// Eigenvalues of diag(d) and `beside`, into d, and eigenvectors, into the columns of q (n × n); returns their ascending
/// order. `None` if the rotations of a leaf do not converge; roots of merges are taken as they are after many steps, and
/// judged by the check of the whole. The matrix must be scaled to about one.
pub(super) fn solve<F: Real>(d: &mut [F], beside: &mut [F], q: Columns<'_, F>) -> Option<Vec<usize>> {
    q.chunks.fill(Chunk::zero());
    part(d, beside, q, 0)
}

/// Solves a part of the matrix, whose columns are q and whose rows begin at `at`.
fn part<F: Real>(d: &mut [F], beside: &mut [F], mut q: Columns<'_, F>, at: usize) -> Option<Vec<usize>> {
    let n = d.len();
    if n <= leaf::LEAF {
        let stride = q.stride();
        return leaf::solve(d, &beside[..n - 1], flat_mut(q.chunks), stride, at).then(|| ascending(d, 0..n));
    }
    let middle = n / 2;
    let coupling = beside[middle - 1];
    d[middle - 1] -= coupling.magnitude();
    d[middle] -= coupling.magnitude();
    let (d_1, d_2) = d.split_at_mut(middle);
    let (beside_1, beside_2) = beside.split_at_mut(middle);
    let (q_1, q_2) = q.split_at(middle);
    let upper = || part(d_1, &mut beside_1[..middle - 1], q_1, at);
    let lower = || part(d_2, beside_2, q_2, at + middle);
    let (first, second) = if n < SHARED_ROWS { (upper(), lower()) } else { rayon::join(upper, lower) };
    let (first, second) = (first?, second?);
    Some(with_scratch(chunks::<F>(n), |memory| merge(d, &mut q, at, coupling, (&first, &second), memory)))
}

/// Positions in the ascending order of their values.
fn ascending<F: Real>(d: &[F], positions: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<usize> = positions.collect();
    order.sort_by(|a, b| compared(d[*a], d[*b]));
    order
}

fn compared<F: Real>(a: F, b: F) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Two ascending orders as one.
fn merged<F: Real>(d: &[F], a: impl Iterator<Item = usize>, b: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut order = Vec::with_capacity(d.len());
    while let (Some(&i), Some(&j)) = (a.peek(), b.peek()) {
        if d[i] <= d[j] {
            order.extend(a.next());
        } else {
            order.extend(b.next());
        }
    }
    order.extend(a);
    order.extend(b);
    order
}

vectorised! {
    /// (x, y) ← (c x + s y, c y − s x)
    fn rotate<F: Real>(x: &mut [F], y: &mut [F], c: F, s: F) {
        for (x, y) in x.iter_mut().zip(y) {
            (*x, *y) = (c.fma(*x, s * *y), c.fma(*y, F::of(0.0) - s * *x));
        }
    }
}

/// What deflation leaves of a merge.
struct Deflation<F> {
    z: Vec<F>,
    half: Vec<Half>,
    /// Columns that take part, by ascending pole.
    kept: Vec<usize>,
    deflated: Vec<usize>,
}

/// Deflates negligible entries of z and equal poles by the rules of LAPACK's dlaed2, with twice its tolerance.
fn deflate<F: Real>(
    d: &mut [F],
    mut z: Vec<F>,
    rho: F,
    sorted: &[usize],
    middle: usize,
    q: &mut Columns<'_, F>,
    at: usize,
) -> Deflation<F> {
    let (n, zero) = (d.len(), F::of(0.0));
    let largest = |all: &[F]| all.iter().fold(zero, |most, x| most.at_least(x.magnitude()));
    let tolerance = F::of(8.0) * F::UNIT * largest(d).at_least(largest(&z));
    let mut half: Vec<Half> = (0..n).map(|j| if j < middle { Half::Upper } else { Half::Lower }).collect();
    let (mut kept, mut deflated) = (Vec::with_capacity(n), Vec::new());
    let mut last: Option<usize> = None;
    for &j in sorted {
        if rho * z[j].magnitude() <= tolerance {
            deflated.push(j);
            continue;
        }
        if let Some(p) = last {
            let norm = (z[p] * z[p] + z[j] * z[j]).root();
            let (c, s) = (z[j] / norm, zero - z[p] / norm);
            if ((d[j] - d[p]) * c * s).magnitude() <= tolerance {
                // A rotation makes z_p zero; what it adds beside the diagonal is negligible.
                (z[j], z[p]) = (norm, zero);
                if half[j] != half[p] {
                    half[j] = Half::Both;
                }
                let stride = q.stride();
                let (low, high) = (p.min(j), p.max(j));
                let (x, y) = flat_mut(q.chunks).split_at_mut(high * stride);
                let (x, y) = (&mut x[low * stride + at..low * stride + at + n], &mut y[at..at + n]);
                if p < j {
                    rotate(x, y, c, s)
                } else {
                    rotate(y, x, c, s)
                }
                let (dp, dj) = (d[p], d[j]);
                (d[p], d[j]) = (dp * c * c + dj * s * s, dp * s * s + dj * c * c);
                deflated.push(p);
            } else {
                kept.push(p);
            }
        }
        last = Some(j);
    }
    kept.extend(last);
    Deflation { z, half, kept, deflated }
}

/// Joins two solved halves.
fn merge<F: Real>(
    d: &mut [F],
    q: &mut Columns<'_, F>,
    at: usize,
    coupling: F,
    (first, second): (&[usize], &[usize]),
    mut memory: &mut [Chunk<F>],
) -> Vec<usize> {
    let (n, middle) = (d.len(), first.len());
    let s = take(&mut memory, n.div_ceil(LANES) * n);
    // |z|² = 2 before it is scaled.
    let scale = F::of(std::f64::consts::FRAC_1_SQRT_2);
    let rho = F::of(2.0) * coupling.magnitude();
    let z = (0..n).map(|j| match j < middle {
        true => q.column(j)[at + middle - 1] * scale,
        false => q.column(j)[at + middle] * scale.signed_as(coupling),
    });
    let z = z.collect();
    let sorted = merged(d, first.iter().copied(), second.iter().map(|j| j + middle));
    let deflation = deflate(d, z, rho, &sorted, middle, q, at);
    let Deflation { kept, deflated, .. } = &deflation;
    // Deflated columns go to the end.
    let k = kept.len();
    let (s, saved) = s.split_at_mut(k * k.div_ceil(LANES));
    for (&j, to) in deflated.iter().zip(saved.chunks_exact_mut(n.div_ceil(LANES))) {
        flat_mut(to)[..n].copy_from_slice(&q.column(j)[at..at + n]);
    }
    let values: Vec<F> = deflated.iter().map(|&j| d[j]).collect();
    let roots = update(d, q, at, rho, middle, &deflation, s, memory);
    for (slot, from) in (0..deflated.len()).zip(saved.chunks_exact(n.div_ceil(LANES))) {
        q.column_mut(k + slot)[at..at + n].copy_from_slice(&flat(from)[..n]);
    }
    d[..k].copy_from_slice(&roots);
    d[k..].copy_from_slice(&values);
    let rest = ascending(d, k..n);
    merged(d, 0..k, rest.into_iter())
}

/// Replaces the first k columns of a part by diag(Q_1, Q_2) S of the k columns kept; returns their eigenvalues. S is formed
/// in `s`.
#[allow(clippy::too_many_arguments)]
fn update<F: Real>(
    d: &[F],
    q: &mut Columns<'_, F>,
    at: usize,
    rho: F,
    middle: usize,
    deflation: &Deflation<F>,
    s: &mut [Chunk<F>],
    mut memory: &mut [Chunk<F>],
) -> Vec<F> {
    let Deflation { z, half, kept, .. } = deflation;
    let (n, k, zero, one) = (d.len(), kept.len(), F::of(0.0), F::of(1.0));
    if k == 0 {
        return Vec::new();
    }
    let kept_poles: Vec<F> = kept.iter().map(|&j| d[j]).collect();
    let squares: Vec<F> = kept.iter().map(|&j| z[j] * z[j]).collect();
    let (mut origin, mut offset) = (kept_poles.clone(), vec![zero; k]);
    let last_gap = rho * squares.iter().fold(zero, |sum, x| sum + *x) * (one + F::of(4.0) * F::UNIT);
    let together = if k < SHARED_ROWS { k.next_multiple_of(LANES) } else { ROOTS_TOGETHER };
    if k == 1 {
        offset[0] = last_gap;
    } else {
        let each = origin.par_chunks_mut(together).zip(offset.par_chunks_mut(together)).enumerate();
        each.for_each(|(number, (origin, offset))| {
            secular::roots(&kept_poles, &squares, one / rho, last_gap, number * together, origin, offset);
        });
    }
    // Poles of the padding are far away, and their z zero.
    let height = k.div_ceil(LANES);
    let (poles, exact) = (take(&mut memory, height), take(&mut memory, height));
    let far = F::of(16.0) * kept_poles[k - 1].magnitude().at_least(one);
    let fill = |chunks: &mut [Chunk<F>], of: &dyn Fn(usize) -> F, beyond: F| {
        for (row, x) in flat_mut(chunks).iter_mut().enumerate() {
            *x = if row < k { of(row) } else { beyond };
        }
    };
    fill(poles, &|row| kept_poles[row], far);
    fill(exact, &|row| z[kept[row]], zero);
    let blocks = together / LANES;
    exact.par_chunks_mut(blocks).enumerate().for_each(|(number, z)| {
        secular::exact_z(poles, k, number * blocks, &origin, &offset, z);
    });
    let exact_z = flat(exact)[..k].to_vec();
    let mut rows: Vec<usize> = (0..k).collect();
    rows.sort_by_key(|&row| half[kept[row]]);
    fill(poles, &|row| kept_poles[rows[row]], far);
    fill(exact, &|row| exact_z[rows[row]], zero);
    s.par_chunks_mut(together * height).enumerate().for_each(|(number, s)| {
        let columns = number * together..(number * together + s.len() / height);
        secular::vectors(poles, exact, &origin[columns.clone()], &offset[columns], s);
    });
    let s = Strided::columns(flat(s), height * LANES);
    // Rows of S from `lower` on meet columns that are not zero below, rows up to `upper` those that are not zero above.
    let upper = rows.iter().filter(|&&row| half[kept[row]] != Half::Lower).count();
    let lower = rows.iter().filter(|&&row| half[kept[row]] == Half::Upper).count();
    let stride = q.stride();
    let mut starts = Vec::with_capacity(k);
    for (first, count, from, to) in [(0, middle, 0, upper), (middle, n - middle, lower, k)] {
        starts.clear();
        starts.extend(rows[from..to].iter().map(|&row| kept[row] * stride + at + first));
        let q = flat_mut(q.chunks);
        let packed = Packed::gathered(q, &starts, count, memory);
        packed.times(s.from(from, 0), k, one, &mut q[at + first..], stride, Accumulate::Replace);
    }
    origin.iter().zip(&offset).map(|(origin, offset)| *origin + *offset).collect()
}
