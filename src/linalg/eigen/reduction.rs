//! Reduction of a symmetric matrix to tridiagonal form by Householder reflectors.
//!
//! ```text
//! T = Q'AQ,   Q = H_0 H_1 … H_{n−2},   H_i = I − τ_i v_i v_i',   v_i = (0, …, 0, 1, v_{i,i+2}, …, v_{i,n−1})'
//! A ← H A H = A + v w' + w v',   w = ½ τ² (v'A v) v − τ A v
//! ```
//! Golub and Van Loan (2013), "Matrix computations", algorithm 8.3.1. The matrix lies in blocks of sixteen rows and
//! columns, of one triangle, one after the other as a pass needs them. A pass multiplies it by a reflector and reads each
//! entry once. The updates of a few reflectors wait for one pass that applies them all: entries are read n times, as they
//! must, but written n/4 times. Two threads share the passes of a large matrix, whose two parts have products of their own,
//! added at the end, whatever the number of threads.

use std::ops::Range;

use crate::linalg::chunks::{Chunk, Columns, LANES, flat, flat_mut};
use crate::linalg::companion::Companion;
use crate::linalg::lanes::{Lanes, sixteen};
use crate::linalg::scratch::take;
use crate::linalg::sums::{total, totals};
use crate::linalg::{Real, vectorised};

/// Reflectors whose updates wait for one pass that applies them all.
const WAITING: usize = 4;
/// Rows and columns from which two threads share a pass.
const ROWS_OF_A_PAIR: usize = 384;
/// Sixteen rows of the reflectors that wait, each v beside its w.
type Pairs<F> = [Chunk<F>; 2 * WAITING];

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
    n.div_ceil(LANES) * (2 * WAITING + 3)
}

/// A block of sixteen rows and columns, column by column.
pub(super) type Tile<F> = [Chunk<F>; LANES];

/// Position of a diagonal block, where the blocks of the lower triangle are stored column by column.
fn first_tile(block: usize, blocks: usize) -> usize {
    block * blocks - block * (block.max(1) - 1) / 2
}

/// Reduces a matrix (n × n, a whole number of chunks in both directions). Of the blocks of sixteen rows and columns those
/// on the diagonal are read whole, those below it too, and those above it not at all.
pub(super) fn reduce<'a, F: Real>(
    a: &mut [Tile<F>],
    n: usize,
    reflectors: Columns<'a, F>,
    memory: &mut [Chunk<F>],
) -> Reduced<'a, F> {
    if n < ROWS_OF_A_PAIR {
        return reduce_beside(&mut Companion::none(), a, n, reflectors, memory);
    }
    Companion::beside(|companion| reduce_beside(companion, a, n, reflectors, memory))
}

fn reduce_beside<'a, F: Real>(
    companion: &mut Companion<'_>,
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
    let (v, product, second) = (take(&mut memory, used), take(&mut memory, used), take(&mut memory, used));
    let mut count = 0;
    for i in 0..n {
        let (block, next) = (i / LANES, (i + 1) / LANES);
        let column = &mut reflectors.chunks[i * height..i * height + used];
        let tiles = &a[first_tile(block, used)..];
        for (chunk, tile) in column[block..].iter_mut().zip(tiles) {
            *chunk = tile[i % LANES];
        }
        update_column(&mut column[block..], i % LANES, &mut waiting[block..]);
        diagonal[i] = flat(column)[i];
        flat_mut(column)[..=i].fill(F::of(0.0));
        if i + 1 == n {
            break;
        }
        (tau[i], beside[i]) = reflector(column, i + 1);
        v.copy_from_slice(column);
        let pass = if count == WAITING { update_and_multiply } else { multiply };
        shared(companion, (pass, a), next, waiting, v, product, second);
        if count == WAITING {
            count = 0;
        } else if count > 0 {
            correct(&waiting[next..], &v[next..], &mut product[next..]);
        }
        let above = next * LANES..(i + 1).max(next * LANES);
        flat_mut(product)[above].fill(F::of(0.0));
        let half = F::of(0.5) * tau[i] * tau[i] * dot(&product[next..], &v[next..]);
        blend(&mut product[next..], F::of(0.0) - tau[i], half, &v[next..]);
        for (pairs, (v, w)) in waiting[next..].iter_mut().zip(v[next..].iter().zip(&product[next..])) {
            if count == 0 {
                // The others wait no more.
                *pairs = [Chunk::zero(); 2 * WAITING];
            }
            pairs[2 * count] = *v;
            pairs[2 * count + 1] = *w;
        }
        count += 1;
    }
    Reduced { reflectors, tau, diagonal, beside }
}

/// A pass over the columns of some blocks: the tiles of those columns, the blocks, the pairs, x and the product.
type Pass<F> = fn(&mut [Tile<F>], Range<usize>, &[Pairs<F>], &[Chunk<F>], &mut [Chunk<F>]);

/// Calls a pass for the blocks from `first` on; where there are many, for two parts with as many entries each.
fn shared<F: Real>(
    companion: &mut Companion<'_>,
    (pass, a): (Pass<F>, &mut [Tile<F>]),
    first: usize,
    waiting: &[Pairs<F>],
    x: &[Chunk<F>],
    product: &mut [Chunk<F>],
    second: &mut [Chunk<F>],
) {
    let used = x.len();
    let a = &mut a[first_tile(first, used)..];
    if used - first < ROWS_OF_A_PAIR / LANES {
        return pass(a, first..used, waiting, x, product);
    }
    // Half the entries of a triangle are in the first 1 − √½ of its columns.
    let middle = first + ((used - first) as f64 * (1.0 - std::f64::consts::FRAC_1_SQRT_2)).round() as usize;
    let (left, right) = a.split_at_mut(first_tile(middle, used) - first_tile(first, used));
    companion.join(|| pass(left, first..middle, waiting, x, product), || pass(right, middle..used, waiting, x, second));
    for (sum, x) in product[middle..].iter_mut().zip(&second[middle..]) {
        for l in 0..LANES {
            sum.0[l] += x.0[l];
        }
    }
}

/// A += Σ v w' + w v' over P pairs (v, w), then product = A x, for the columns of some blocks; N columns at a time.
#[inline(always)]
fn pass<F: Real, V: Lanes<F>, const N: usize, const P: usize>(
    a: &mut [Tile<F>],
    blocks: Range<usize>,
    waiting: &[Pairs<F>],
    x: &[Chunk<F>],
    product: &mut [Chunk<F>],
) {
    for chunk in &mut product[blocks.start..] {
        *chunk = Chunk::zero();
    }
    let mut rest = a;
    for block in blocks {
        let (tiles, after) = rest.split_at_mut(x.len() - block);
        rest = after;
        let (pairs, x, out) = (&waiting[block..], &x[block..], &mut product[block..]);
        let mut sums = [Chunk::zero(); LANES];
        for (tile_columns, sums) in (0..LANES).step_by(N).zip(sums.chunks_exact_mut(N)) {
            let mut of_columns = [V::all(F::of(0.0)); N];
            for (r, (((tile, pairs_rows), x_rows), out)) in
                tiles.iter_mut().zip(pairs).zip(x).zip(out.iter_mut()).enumerate()
            {
                let tile: &mut [Chunk<F>; N] =
                    (&mut tile[tile_columns..tile_columns + N]).try_into().expect("N columns");
                let (mut of_rows, x_rows) = (out.get::<V>(), x_rows.get::<V>());
                for k in 0..N {
                    let mut a = tile[k].get::<V>();
                    for p in 0..2 * P {
                        let here = V::all(pairs[0][p ^ 1].0[tile_columns + k]);
                        a = pairs_rows[p].get::<V>().fma(here, a);
                    }
                    if P > 0 {
                        tile[k].set(a);
                    }
                    of_rows = a.fma(V::all(x[0].0[tile_columns + k]), of_rows);
                    // The block on the diagonal has both triangles.
                    if r > 0 {
                        of_columns[k] = a.fma(x_rows, of_columns[k]);
                    }
                }
                out.set(of_rows);
            }
            for k in 0..N {
                sums[k].set(of_columns[k]);
            }
        }
        let sums = totals(&sums);
        for l in 0..LANES {
            out[0].0[l] += sums[l];
        }
    }
}

vectorised! {
    fn multiply<F: Real>(a: &mut [Tile<F>], blocks: Range<usize>, waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        sixteen!(pass::<F, 0>(a, blocks, waiting, x, product))
    }
}

vectorised! {
    fn update_and_multiply<F: Real>(a: &mut [Tile<F>], blocks: Range<usize>, waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        sixteen!(pass::<F, WAITING>(a, blocks, waiting, x, product))
    }
}

vectorised! {
    /// product += Σ v (w'x) + w (v'x)
    fn correct<F: Real>(waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
        sixteen!(correct_of::<F>(waiting, x, product))
    }
}

#[inline(always)]
fn correct_of<F: Real, V: Lanes<F>, const N: usize>(waiting: &[Pairs<F>], x: &[Chunk<F>], product: &mut [Chunk<F>]) {
    let mut sums = [V::all(F::of(0.0)); 2 * WAITING];
    for (pairs, x) in waiting.iter().zip(x) {
        for p in 0..2 * WAITING {
            sums[p] = pairs[p].get::<V>().fma(x.get(), sums[p]);
        }
    }
    let mut stored = [Chunk::zero(); LANES];
    for p in 0..2 * WAITING {
        stored[p ^ 1].set(sums[p]);
    }
    let sums = totals(&stored);
    for (pairs, out) in waiting.iter().zip(product) {
        let mut y = out.get::<V>();
        for p in 0..2 * WAITING {
            y = pairs[p].get::<V>().fma(V::all(sums[p]), y);
        }
        out.set(y);
    }
}

vectorised! {
    /// The column whose place in the first chunk is `here`, plus Σ v w' + w v'; its row in the pairs becomes zero.
    fn update_column<F: Real>(column: &mut [Chunk<F>], here: usize, waiting: &mut [Pairs<F>]) {
        sixteen!(update_column_of::<F>(column, here, waiting))
    }
}

#[inline(always)]
fn update_column_of<F: Real, V: Lanes<F>, const N: usize>(
    column: &mut [Chunk<F>],
    here: usize,
    waiting: &mut [Pairs<F>],
) {
    let mut by = [V::all(F::of(0.0)); 2 * WAITING];
    for p in 0..2 * WAITING {
        by[p] = V::all(waiting[0][p ^ 1].0[here]);
    }
    for (pairs, out) in waiting.iter().zip(column.iter_mut()) {
        let mut y = out.get::<V>();
        for p in 0..2 * WAITING {
            y = pairs[p].get::<V>().fma(by[p], y);
        }
        out.set(y);
    }
    for p in 0..2 * WAITING {
        waiting[0][p].0[here] = F::of(0.0);
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
