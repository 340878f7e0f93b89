//! Reduction of a symmetric matrix to tridiagonal form by Householder reflectors.
//!
//! ```text
//! T = Q'AQ,   Q = H_0 H_1 … H_{n−2},   H_i = I − τ_i v_i v_i',   v_i = (0, …, 0, 1, v_{i,i+2}, …, v_{i,n−1})'
//! A ← H A H = A + v w' + w v',   w = ½ τ² (v'A v) v − τ A v
//! ```
//! Golub and Van Loan (2013), algorithm 8.3.1. The update by one reflector and the product with the next one are a single
//! pass, which reads and writes each element of one triangle once. Blocked panels (LAPACK's latrd) would halve the writes, but
//! their corrections cost more than that at n ≤ 1,000, where the matrix stays in the cache.

use crate::linalg::chunks::{Chunk, Columns, LANES, flat, flat_mut};
use crate::linalg::scratch::take;
use crate::linalg::{Real, vectorised};

/// Columns that a pass handles together.
const TOGETHER: usize = 8;
/// Reflectors whose updates wait for one pass that applies them all.
const WAITING: usize = 4;
/// Rows from which on updates wait; fewer are in the nearest cache, where writing is cheap.
const LARGE: usize = 128;

/// Sixteen rows of the reflectors that wait, each v beside its w.
pub type Pairs<F> = [Chunk<F>; 2 * WAITING];

/// A tridiagonal matrix, and the reflectors that lead to it.
pub(super) struct Reduced<'a, F> {
    /// Column i is v_i.
    pub reflectors: Columns<'a, F>,
    /// τ_i.
    pub tau: Vec<F>,
    /// The diagonal (n).
    pub diagonal: Vec<F>,
    /// The entries beside it (n − 1, then a zero).
    pub beside: Vec<F>,
}

/// Chunks of memory that a reduction needs for n rows and columns, beside the matrix and its reflectors.
pub(super) fn chunks(n: usize) -> usize {
    n.div_ceil(LANES) * (2 * WAITING + 2)
}

/// A block of sixteen rows and columns, column by column.
pub type Tile<F> = [Chunk<F>; LANES];

/// Place of the block on the diagonal, of the blocks of the lower triangle, column by column.
pub fn first_tile(block: usize, blocks: usize) -> usize {
    block * blocks - block * (block.max(1) - 1) / 2
}

/// Reduces a matrix (n × n, a whole number of chunks in both directions). Of the blocks of sixteen rows and columns those on the
/// diagonal are read whole, those below it too, and those above it not at all.
pub(super) fn reduce<'a, F: Real>(
    a: &mut [Tile<F>],
    n: usize,
    reflectors: Columns<'a, F>,
    mut memory: &mut [Chunk<F>],
) -> Reduced<'a, F> {
    let none = || vec![F::of(0.0); n];
    let (mut tau, mut diagonal, mut beside) = (none(), none(), none());
    let used = n.div_ceil(LANES);
    let height = reflectors.height;
    let waiting = take(&mut memory, used * 2 * WAITING).as_chunks_mut().0;
    waiting.fill([Chunk::zero(); 2 * WAITING]);
    let (v, product) = (take(&mut memory, used), take(&mut memory, used));
    let mut count = 0;
    for i in 0..n {
        let (block, next) = (i / LANES, (i + 1) / LANES);
        let column = &mut reflectors.chunks[i * height..i * height + used];
        let tiles = &a[first_tile(block, used)..];
        for (chunk, tile) in column[block..].iter_mut().zip(tiles) {
            *chunk = tile[i % LANES];
        }
        update_column(&mut column[block..], i % LANES, &mut waiting[block..], count);
        diagonal[i] = flat(column)[i];
        flat_mut(column)[..=i].fill(F::of(0.0));
        if i + 1 == n {
            break;
        }
        (tau[i], beside[i]) = reflector(column, i + 1);
        v.copy_from_slice(column);
        if count == 0 {
            multiply(a, next, waiting, v, product);
        } else if count == 1 && n - i < LARGE {
            update_and_multiply(a, next, waiting, v, product);
            count = 0;
        } else if count == WAITING || n - i < LARGE {
            update_all_and_multiply(a, next, waiting, v, product);
            count = 0;
        } else {
            multiply(a, next, waiting, v, product);
            correct(&waiting[next..], &v[next..], &mut product[next..]);
        }
        let above = next * LANES..(i + 1).max(next * LANES);
        flat_mut(product)[above].fill(F::of(0.0));
        let half = F::of(0.5) * tau[i] * tau[i] * dot(&product[next..], &v[next..]);
        blend(&mut product[next..], F::of(0.0) - tau[i], half, &v[next..]);
        for (pairs, (v, w)) in waiting[next..].iter_mut().zip(v[next..].iter().zip(&product[next..])) {
            if count == 0 {
                *pairs = [Chunk::zero(); 2 * WAITING];
            }
            pairs[2 * count] = *v;
            pairs[2 * count + 1] = *w;
        }
        count += 1;
    }
    Reduced { reflectors, tau, diagonal, beside }
}

/// Adds the halves of each group of 2·H numbers: those of a into the lower half of the group, those of b into the upper.
#[inline(always)]
fn halves<F: Real, const H: usize>(a: [F; LANES], b: [F; LANES]) -> [F; LANES] {
    let (x, y) = (|l: usize| if l & H == 0 { a[l] } else { b[l] }, |l: usize| if l & H == 0 { a[l ^ H] } else { b[l ^ H] });
    let mut out = [x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7), x(8), x(9), x(10), x(11), x(12), x(13), x(14), x(15)];
    let other = [y(0), y(1), y(2), y(3), y(4), y(5), y(6), y(7), y(8), y(9), y(10), y(11), y(12), y(13), y(14), y(15)];
    for l in 0..LANES {
        out[l] += other[l];
    }
    out
}

/// The sums of sixteen vectors. Sums that are formed one by one and stored into a vector that is read soon after would stall.
#[inline(always)]
fn totals<F: Real>(v: &[[F; LANES]; LANES]) -> [F; LANES] {
    let eight = |i: usize| halves::<F, 8>(v[i], v[i + 8]);
    let four = |i: usize| halves::<F, 4>(eight(i), eight(i + 4));
    let two = |i: usize| halves::<F, 2>(four(i), four(i + 2));
    halves::<F, 1>(two(0), two(1))
}

/// The sum of a vector.
#[inline(always)]
fn total<F: Real>(v: &[F; LANES]) -> F {
    let v = halves::<F, 8>(*v, *v);
    let v = halves::<F, 4>(v, v);
    let v = halves::<F, 2>(v, v);
    v[0] + v[1]
}

/// A += Σ v w' + w v' over P pairs (v, w), then product = A x, for the blocks from `first` on.
#[inline(always)]
fn pass<F: Real, const P: usize, const TOGETHER: usize>(
    a: &mut [Tile<F>],
    first: usize,
    waiting: &[Pairs<F>],
    x: &[Chunk<F>],
    product: &mut [Chunk<F>],
) {
    let zero = F::of(0.0);
    for chunk in &mut product[first..] {
        *chunk = Chunk::zero();
    }
    let mut rest = &mut a[first_tile(first, x.len())..];
    for block in first..x.len() {
        let (tiles, after) = rest.split_at_mut(x.len() - block);
        rest = after;
        let (pairs, x, out) = (&waiting[block..], &x[block..], &mut product[block..]);
        let mut sums = [[zero; LANES]; LANES];
        for half in (0..LANES).step_by(TOGETHER) {
            let mut of_columns = [[zero; LANES]; TOGETHER];
            for (r, tile) in tiles.iter_mut().enumerate() {
                let tile = &mut tile[half..half + TOGETHER];
                let (mut of_rows, x_rows) = (out[r].0, x[r].0);
                for k in 0..TOGETHER {
                    let mut a = tile[k].0;
                    for p in 0..2 * P {
                        for l in 0..LANES {
                            a[l] = pairs[r][p].0[l].fma(pairs[0][p ^ 1].0[half + k], a[l]);
                        }
                    }
                    if P > 0 {
                        tile[k].0 = a;
                    }
                    for l in 0..LANES {
                        of_rows[l] = a[l].fma(x[0].0[half + k], of_rows[l]);
                    }
                    for l in 0..LANES {
                        of_columns[k][l] = a[l].fma(x_rows[l], of_columns[k][l]);
                    }
                }
                out[r].0 = of_rows;
                if r == 0 {
                    // The block on the diagonal has both triangles.
                    of_columns = [[zero; LANES]; TOGETHER];
                }
            }
            for k in 0..TOGETHER {
                sums[half + k] = of_columns[k];
            }
        }
        let sums = totals(&sums);
        for l in 0..LANES {
            out[0].0[l] += sums[l];
        }
    }
}

vectorised! {
    pub fn multiply<F: Real>(a: &mut [Tile<F>], first: usize, waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        if size_of::<F>() == 4 { pass::<F, 0, 16>(a, first, waiting, x, product) } else { pass::<F, 0, 8>(a, first, waiting, x, product) }
    }
}

vectorised! {
    pub fn update_and_multiply<F: Real>(a: &mut [Tile<F>], first: usize, waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        pass::<F, 1, 8>(a, first, waiting, x, product)
    }
}

vectorised! {
    pub fn update_all_and_multiply<F: Real>(a: &mut [Tile<F>], first: usize, waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        pass::<F, WAITING, 8>(a, first, waiting, x, product)
    }
}

vectorised! {
    /// product += Σ v (w'x) + w (v'x)
    fn correct<F: Real>(waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        let mut sums = [[F::of(0.0); LANES]; LANES];
        let mut some = [[F::of(0.0); LANES]; 2 * WAITING];
        for (pairs, x) in waiting.iter().zip(x) {
            for p in 0..2 * WAITING {
                for l in 0..LANES {
                    some[p][l] = pairs[p].0[l].fma(x.0[l], some[p][l]);
                }
            }
        }
        for p in 0..2 * WAITING {
            sums[p ^ 1] = some[p];
        }
        let sums = totals(&sums);
        for (pairs, out) in waiting.iter().zip(product) {
            let mut y = out.0;
            for p in 0..2 * WAITING {
                for l in 0..LANES {
                    y[l] = pairs[p].0[l].fma(sums[p], y[l]);
                }
            }
            out.0 = y;
        }
    }
}

vectorised! {
    /// The column whose place in the first chunk is `here`, plus Σ v w' + w v'; its row in the pairs becomes zero.
    fn update_column<F: Real>(column: &mut [Chunk<F>], here: usize, waiting: &mut [Pairs<F>], count: usize) {
        for p in 0..2 * count {
            let by = waiting[0][p ^ 1].0[here];
            for (pairs, out) in waiting.iter().zip(column.iter_mut()) {
                for l in 0..LANES {
                    out.0[l] = pairs[p].0[l].fma(by, out.0[l]);
                }
            }
        }
        for p in 0..2 * count {
            waiting[0][p].0[here] = F::of(0.0);
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
