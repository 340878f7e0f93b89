//! Matrix products C = α A B. Large ones are shared by threads, column by column of C.
//!
//! A is packed into panels of as many rows as a tile of C has; a tile is accumulated in registers over at most [`depth`]
//! products and then written. B is read in place. Which processor runs it decides the shape of a tile, not the order of the
//! products of an entry: the bits are the same on all.
//!
//! Goto and van de Geijn (2008), "Anatomy of high-performance matrix multiplication", without their packing of B: at n ≤
//! 1,000 the few columns that a tile needs are in the nearest cache as they are.

mod tile;

use rayon::prelude::*;

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES, flat_mut};
use crate::linalg::scratch::with_scratch;
use tile::{Entries, Target, gather, pack, rows_as_columns, tile_rows, tiles};

/// Rows of A in bytes that are packed together, such that they stay in the second-level cache.
const BLOCK: usize = 512 << 10;

/// Multiplications and additions from which threads share a product.
const SHARED_OPERATIONS: usize = 4 << 20;
/// Entries from which they share a copy.
const SHARED_ENTRIES: usize = 64 << 10;
/// Columns of C that a thread then takes at once.
const COLUMNS_TOGETHER: usize = 72;

/// Products that are summed before an entry of C is written, the same on every processor.
pub(crate) fn depth<F>() -> usize {
    3072 / size_of::<F>()
}

/// A matrix in a slice: entry (i, j) is at `i * row + j * column`.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a, F> {
    pub entries: &'a [F],
    pub row: usize,
    pub column: usize,
}

impl<'a, F> Strided<'a, F> {
    /// Columns `stride` apart.
    pub fn columns(entries: &'a [F], stride: usize) -> Self {
        Self { entries, row: 1, column: stride }
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self { entries: self.entries, row: self.column, column: self.row }
    }

    /// The part from (i, j) on.
    pub fn from(self, i: usize, j: usize) -> Self {
        Self { entries: &self.entries[i * self.row + j * self.column..], ..self }
    }
}

/// C = α A B, or C += α A B, for A (m × k), B (k × n) and C with columns `stride` apart.
#[allow(clippy::too_many_arguments)]
pub(crate) fn product<F: Real>(
    out: &mut [F],
    stride: usize,
    accumulate: Accumulate,
    a: Strided<'_, F>,
    b: Strided<'_, F>,
    (m, n, k): (usize, usize, usize),
    scale: F,
) {
    if m * n > 0 {
        with_scratch(packed_chunks::<F>(m, k), |memory| {
            Packed::new(a, m, k, memory).times(b, n, scale, out, stride, accumulate);
        });
    }
}

/// C = α A B (n × n) for A (n × k) and B (k × n) whose product is symmetric: half of it is computed.
pub(crate) fn symmetric_product<F: Real>(
    out: &mut [F],
    a: Strided<'_, F>,
    b: Strided<'_, F>,
    (n, k): (usize, usize),
    scale: F,
) {
    if n == 0 {
        return;
    }
    with_scratch(packed_chunks::<F>(n, k), |memory| {
        Packed::new(a, n, k, memory).multiply(b, n, scale, out, n, Accumulate::Replace, Entries::Lower);
    });
    mirror(out, n, 0);
}

/// Copies the triangle below the diagonal of a square to the one above it. The square lies in columns of `height` entries, from
/// row `first` on.
fn mirror<F: Real>(columns: &mut [F], height: usize, first: usize) {
    let width = columns.len() / height;
    if width <= LANES {
        for j in 0..width {
            for i in j + 1..width {
                columns[i * height + first + j] = columns[j * height + first + i];
            }
        }
        return;
    }
    let middle = (width / 2).next_multiple_of(LANES);
    let (left, right) = columns.split_at_mut(middle * height);
    let is_shared = width * width >= SHARED_ENTRIES;
    let together = if is_shared { 2 * LANES } else { width };
    right.par_chunks_mut(together * height).enumerate().for_each(|(number, right)| {
        let rows = first + middle + number * together;
        let rows = rows..rows + right.len() / height;
        rows_as_columns(left, height, rows, None, &mut right[first..], height);
    });
    if is_shared {
        rayon::join(|| mirror(left, height, first), || mirror(right, height, first + middle));
    } else {
        mirror(left, height, first);
        mirror(right, height, first + middle);
    }
}

/// C = A diag(d) A' (n × n) for A (n × k, column by column) and k numbers d.
pub(crate) fn weighted_outer<F: Real>(out: &mut [F], columns: &[F], nrows: usize, weights: &[F]) {
    with_scratch(columns.len().div_ceil(LANES), |memory| {
        let weighted = &mut flat_mut(memory)[..columns.len()];
        transpose(weighted, columns, nrows, Some(weights));
        let (a, b) = (Strided::columns(columns, nrows), Strided::columns(weighted, weights.len()));
        symmetric_product(out, a, b, (nrows, weights.len()), F::of(1.0));
    });
}

/// The transpose (n × m, column by column) of a matrix (m × n) whose columns are multiplied by n factors or one.
pub(crate) fn transpose<F: Real>(out: &mut [F], columns: &[F], nrows: usize, factors: Option<&[F]>) {
    if out.is_empty() {
        return;
    }
    let width = out.len() / nrows;
    let together = if out.len() < SHARED_ENTRIES { nrows } else { COLUMNS_TOGETHER };
    out.par_chunks_mut(together * width).enumerate().for_each(|(number, out)| {
        let first = number * together;
        rows_as_columns(columns, nrows, first..first + out.len() / width, factors, out, width);
    });
}

/// What a product does with C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// C = α A B
    Replace,
    /// C += α A B
    Add,
}

/// Chunks of memory that a packed matrix of `nrows` × `ncols` needs.
pub(crate) fn packed_chunks<F: Real>(nrows: usize, ncols: usize) -> usize {
    (nrows.next_multiple_of(tile_rows::<F>()) * ncols).div_ceil(LANES)
}

/// A packed for products: panels of `tile_rows` rows, column by column, for every `depth` columns.
pub(crate) struct Packed<'a, F> {
    panels: &'a [F],
    nrows: usize,
    ncols: usize,
}

impl<'a, F: Real> Packed<'a, F> {
    /// Packs a matrix into some chunks of memory.
    pub fn new(a: Strided<'_, F>, nrows: usize, ncols: usize, memory: &'a mut [Chunk<F>]) -> Self {
        let panels = flat_mut(memory);
        let rows = tile_rows::<F>();
        let padded = nrows.next_multiple_of(rows);
        for k in (0..ncols).step_by(depth::<F>()) {
            let count = depth::<F>().min(ncols - k);
            let panels = &mut panels[k * padded..(k + count) * padded];
            let together = if nrows * ncols < SHARED_ENTRIES { padded } else { tile::PANELS_TOGETHER * rows };
            panels.par_chunks_mut(together * count).enumerate().for_each(|(number, panels)| {
                let first = number * together;
                pack(a.from(first, k), (nrows - first).min(together), count, panels);
            });
        }
        Self { panels, nrows, ncols }
    }

    /// Packs columns that begin at some places of a slice.
    pub fn gathered(entries: &[F], starts: &[usize], nrows: usize, memory: &'a mut [Chunk<F>]) -> Self {
        let panels = flat_mut(memory);
        let rows = tile_rows::<F>();
        let padded = nrows.next_multiple_of(rows);
        for (number, starts) in starts.chunks(depth::<F>()).enumerate() {
            let panels = &mut panels[number * depth::<F>() * padded..];
            for (first, panel) in (0..nrows).step_by(rows).zip(panels.chunks_mut(rows * starts.len())) {
                gather(&entries[first..], starts, nrows - first, panel);
            }
        }
        Self { panels, nrows, ncols: starts.len() }
    }

    /// C = α A B or C += α A B for the `ncols` columns of B; columns of C are `stride` apart.
    pub fn times(
        &self,
        b: Strided<'_, F>,
        ncols: usize,
        scale: F,
        out: &mut [F],
        stride: usize,
        accumulate: Accumulate,
    ) {
        self.multiply(b, ncols, scale, out, stride, accumulate, Entries::All)
    }

    /// The same for some entries of C.
    #[allow(clippy::too_many_arguments)]
    fn multiply(
        &self,
        b: Strided<'_, F>,
        ncols: usize,
        scale: F,
        out: &mut [F],
        stride: usize,
        accumulate: Accumulate,
        entries: Entries,
    ) {
        if self.ncols == 0 && accumulate == Accumulate::Replace {
            // A sum without terms.
            for column in out.chunks_mut(stride).take(ncols) {
                column[..self.nrows].fill(F::of(0.0));
            }
        }
        if ncols == 0 {
            return;
        }
        let out = &mut out[..(ncols - 1) * stride + self.nrows];
        let target = Target { first: 0, first_column: 0, nrows: self.nrows, stride, scale, accumulate, entries };
        if self.nrows * ncols * self.ncols < SHARED_OPERATIONS {
            return self.columns(b, ncols, target, out);
        }
        out.par_chunks_mut(COLUMNS_TOGETHER * stride).enumerate().with_max_len(1).for_each(|(number, out)| {
            let first = number * COLUMNS_TOGETHER;
            self.columns(
                b.from(0, first),
                COLUMNS_TOGETHER.min(ncols - first),
                Target { first_column: first, ..target },
                out,
            );
        });
    }

    /// Some columns of C.
    fn columns(&self, b: Strided<'_, F>, ncols: usize, target: Target<F>, out: &mut [F]) {
        let rows = tile_rows::<F>();
        let padded = self.nrows.next_multiple_of(rows);
        for k in (0..self.ncols).step_by(depth::<F>()) {
            let count = depth::<F>().min(self.ncols - k);
            let together = (BLOCK / (count * size_of::<F>())).next_multiple_of(rows);
            for first in (0..self.nrows).step_by(together) {
                let past = (first + together).min(padded);
                let panels = &self.panels[k * padded + first * count..k * padded + past * count];
                let accumulate = if k > 0 { Accumulate::Add } else { target.accumulate };
                tiles(panels, count, b.from(k, 0), ncols, Target { first, accumulate, ..target }, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::same_on_all_vectors;

    /// Small integers: their sums of products are exact.
    fn integers<F: Real>(count: usize, seed: usize) -> Vec<F> {
        (0..count).map(|k| F::of(((k * 7919 + seed * 104_729) % 17) as f64 - 8.0)).collect()
    }

    fn check<F: Real>(m: usize, n: usize, k: usize) {
        let (a, b, before) = (integers::<F>(m * k, 1), integers::<F>(k * n, 2), integers::<F>((m + 3) * n, 3));
        for (a_transposed, b_transposed) in [(false, false), (true, false), (false, true), (true, true)] {
            let view = |entries, rows, columns, is_transposed| match is_transposed {
                true => Strided::columns(entries, columns).transposed(),
                false => Strided::columns(entries, rows),
            };
            let (left, right) = (view(&a, m, k, a_transposed), view(&b, k, n, b_transposed));
            let entry = |x: Strided<'_, F>, i: usize, j: usize| x.entries[i * x.row + j * x.column];
            for accumulate in [Accumulate::Replace, Accumulate::Add] {
                let ours = same_on_all_vectors("product", || {
                    let mut out = before.clone();
                    product(&mut out, m + 3, accumulate, left, right, (m, n, k), F::of(2.0));
                    out
                });
                for (at, (ours, before)) in ours.iter().zip(&before).enumerate() {
                    let (i, j) = (at % (m + 3), at / (m + 3));
                    let sum = (0..k).map(|l| entry(left, i.min(m - 1), l) * entry(right, l, j)).sum::<F>();
                    let base = if accumulate == Accumulate::Add { *before } else { F::of(0.0) };
                    // Rows that do not belong to C stay as they are.
                    let expected = if i < m { base + F::of(2.0) * sum } else { *before };
                    assert!(*ours == expected, "{m} x {n} x {k} at ({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn products_of_all_shapes_are_sums_of_products() {
        let many = depth::<f32>() + 5;
        for (m, n, k) in
            [(1, 1, 1), (2, 3, 4), (16, 12, 7), (17, 13, 5), (33, 7, 9), (48, 30, 3), (65, 25, 31), (3, 2, many)]
        {
            check::<f32>(m, n, k);
            check::<f64>(m, n, k);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_processor() {
        let noise = |count: usize| (0..count).map(|k| ((k * k) as f64).sin() as f32).collect::<Vec<_>>();
        let (m, n, k) = (37, 29, 800);
        let (a, b) = (noise(m * k), noise(k * n));
        same_on_all_vectors("product", || {
            let mut out = vec![0.0; m * n];
            product(&mut out, m, Accumulate::Replace, Strided::columns(&a, m), Strided::columns(&b, k), (m, n, k), 0.3);
            out
        });
    }

    #[test]
    fn bits_do_not_depend_on_the_threads() {
        let noise = |count: usize| (0..count).map(|k| ((k * k) as f64).sin()).collect::<Vec<_>>();
        let (n, k) = (170, 400);
        assert!(n * n * k > SHARED_OPERATIONS && n * k > SHARED_ENTRIES);
        let a = noise(n * k);
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut full, mut half) = (vec![0.0; n * n], vec![0.0; n * n]);
                let a = Strided::columns(&a, n);
                product(&mut full, n, Accumulate::Replace, a, a.transposed(), (n, n, k), 0.3);
                symmetric_product(&mut half, a, a.transposed(), (n, k), 0.3);
                assert!(full == half);
                full
            })
        };
        assert!(of(1) == of(3));
    }

    #[test]
    fn rows_become_columns() {
        let factors = integers::<f64>(301, 5);
        for (m, n) in [(1, 1), (7, 5), (16, 16), (33, 50), (300, 301)] {
            let a = integers::<f64>(m * n, 4);
            let turned = same_on_all_vectors("transpose", || {
                let mut turned = vec![0.0; m * n];
                transpose(&mut turned, &a, m, Some(&factors[..n]));
                turned
            });
            assert!((0..m * n).all(|k| turned[(k % m) * n + k / m] == a[k] * factors[k / m]), "{m} x {n}");
        }
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let mut out = vec![1.0; 6];
        product(&mut out, 3, Accumulate::Replace, Strided::columns(&[], 3), Strided::columns(&[], 0), (3, 2, 0), 1.0);
        assert_eq!(out, [0.0; 6]);
    }
}
