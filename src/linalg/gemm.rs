//! Matrix products C = α A B, one thread.
//!
//! A is packed into panels of as many rows as a tile of C has; a tile is accumulated in registers over at most [`DEPTH`] products
//! and then written. B is read in place. Which processor runs it decides the shape of a tile, not the order of the products of an
//! entry: the bits are the same on all.
//!
//! Goto and van de Geijn (2008), without their packing of B: at n ≤ 1,000 the few columns that a tile needs are in the nearest
//! cache as they are.

use crate::linalg::chunks::{Chunk, LANES, flat_mut};
#[cfg(target_arch = "x86_64")]
use crate::linalg::lanes::x86::{Doubles256, Doubles512, Singles256, Singles512};
use crate::linalg::lanes::{Lanes, Portable};
use crate::linalg::scratch::with_scratch;
use crate::linalg::{Real, vector_bits, vectorised};

/// Rows of A in bytes that are packed together, such that they stay in the second-level cache.
const BLOCK: usize = 512 << 10;
/// Vectors in a row of a tile.
const ROWS: usize = 2;

/// Products that are summed before an entry of C is written, the same on every processor.
pub(crate) fn depth<F>() -> usize {
    3072 / size_of::<F>()
}

/// Rows of a tile.
fn tile_rows<F>() -> usize {
    match vector_bits() {
        512 => 128 / size_of::<F>(),
        256 => 64 / size_of::<F>(),
        _ => 32 / size_of::<F>(),
    }
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

/// Rows and columns of a block whose two copies fit the first-level cache.
const MIRRORED: usize = 32;

/// C = α A B, or C += α A B, for A (m × k), B (k × n) and C with columns `stride` apart.
#[allow(clippy::too_many_arguments)]
pub(crate) fn product<F: Real>(
    out: &mut [F],
    stride: usize,
    into: Into,
    a: Strided<'_, F>,
    b: Strided<'_, F>,
    (m, n, k): (usize, usize, usize),
    scale: F,
) {
    if k == 0 && into == Into::Replaced {
        out.chunks_mut(stride.max(1)).take(n).for_each(|column| column[..m].fill(F::of(0.0)));
    }
    if m * n * k > 0 {
        with_scratch(packed_chunks::<F>(m, k), |memory| {
            Packed::new(a, m, k, memory).times(b, n, scale, out, stride, into);
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
    if k == 0 {
        out.fill(F::of(0.0));
    } else if n > 0 {
        with_scratch(packed_chunks::<F>(n, k), |memory| {
            Packed::new(a, n, k, memory).times_lower(b, n, scale, out, n, Into::Replaced);
        });
    }
    // In blocks, as columns of one triangle are rows of the other.
    for j0 in (0..n).step_by(MIRRORED) {
        for i0 in (j0..n).step_by(MIRRORED) {
            for j in j0..(j0 + MIRRORED).min(n) {
                for i in i0.max(j + 1)..(i0 + MIRRORED).min(n) {
                    out[i * n + j] = out[j * n + i];
                }
            }
        }
    }
}

/// What a product does with C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// C = α A B
    Replaced,
    /// C += α A B
    Added,
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
        for_blocks::<F>(nrows, ncols, |first, k, count, at| {
            pack(a.from(first, k), nrows - first, count, &mut panels[at..]);
        });
        Self { panels, nrows, ncols }
    }

    /// Packs columns that begin at some places of a slice.
    pub fn gathered(entries: &[F], starts: &[usize], nrows: usize, memory: &'a mut [Chunk<F>]) -> Self {
        let panels = flat_mut(memory);
        for_blocks::<F>(nrows, starts.len(), |first, k, count, at| {
            gather(&entries[first..], &starts[k..k + count], nrows - first, &mut panels[at..]);
        });
        Self { panels, nrows, ncols: starts.len() }
    }

    /// C = α A B or C += α A B for the `ncols` columns of B; columns of C are `stride` apart.
    pub fn times(&self, b: Strided<'_, F>, ncols: usize, scale: F, out: &mut [F], stride: usize, into: Into) {
        self.multiply(b, ncols, scale, out, stride, into, false)
    }

    /// The same, of which entries above the diagonal of C are not all computed.
    pub fn times_lower(&self, b: Strided<'_, F>, ncols: usize, scale: F, out: &mut [F], stride: usize, into: Into) {
        self.multiply(b, ncols, scale, out, stride, into, true)
    }

    #[allow(clippy::too_many_arguments)]
    fn multiply(
        &self,
        b: Strided<'_, F>,
        ncols: usize,
        scale: F,
        out: &mut [F],
        stride: usize,
        into: Into,
        lower: bool,
    ) {
        let rows = tile_rows::<F>();
        let padded = self.nrows.next_multiple_of(rows);
        for k in (0..self.ncols).step_by(depth::<F>()) {
            let count = depth::<F>().min(self.ncols - k);
            let together = (BLOCK / (count * size_of::<F>())).next_multiple_of(rows);
            for first in (0..self.nrows).step_by(together) {
                let past = (first + together).min(padded);
                tiles(
                    &self.panels[k * padded + first * count..k * padded + past * count],
                    count,
                    b.from(k, 0),
                    ncols,
                    Part { first, nrows: self.nrows, stride, scale, add: into == Into::Added || k > 0, lower },
                    out,
                );
            }
        }
    }
}

/// The panels of a matrix: first row, first column, number of columns and place of each.
fn for_blocks<F>(nrows: usize, ncols: usize, mut each: impl FnMut(usize, usize, usize, usize)) {
    let rows = tile_rows::<F>();
    let padded = nrows.next_multiple_of(rows);
    for k in (0..ncols).step_by(depth::<F>()) {
        let count = depth::<F>().min(ncols - k);
        for first in (0..nrows).step_by(rows) {
            each(first, k, count, k * padded + first * count);
        }
    }
}

/// The rows of C that some panels make, and what becomes of them.
#[derive(Clone, Copy)]
struct Part<F> {
    first: usize,
    nrows: usize,
    stride: usize,
    scale: F,
    add: bool,
    lower: bool,
}

/// Calls the version of a function for the vectors of this processor; the second parameter is the number of columns of a tile.
macro_rules! shaped {
    ($function:ident::<$real:ident>($($argument:expr),*)) => {
        match (BITS, size_of::<$real>()) {
            #[cfg(target_arch = "x86_64")]
            (512, 4) => $function::<$real, Singles512, 12>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (512, _) => $function::<$real, Doubles512, 12>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (256, 4) => $function::<$real, Singles256, 6>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            (256, _) => $function::<$real, Doubles256, 6>($($argument),*),
            (_, 4) => $function::<$real, Portable<$real, 4>, 12>($($argument),*),
            (_, _) => $function::<$real, Portable<$real, 2>, 12>($($argument),*),
        }
    };
}

vectorised! {
    /// The tiles of some panels.
    fn tiles<F: Real>(panels: &[F], count: usize, b: Strided<'_, F>, ncols: usize, part: Part<F>, out: &mut [F]) {
        shaped!(tiles_of::<F>(panels, count, b, ncols, part, out))
    }
}

vectorised! {
    /// One panel of at most as many rows as a tile has; rows that are missing become zeros.
    fn pack<F: Real>(a: Strided<'_, F>, nrows: usize, count: usize, panel: &mut [F]) {
        shaped!(pack_of::<F>(a, nrows, count, panel))
    }
}

vectorised! {
    /// The same for columns anywhere.
    fn gather<F: Real>(entries: &[F], starts: &[usize], nrows: usize, panel: &mut [F]) {
        shaped!(gather_of::<F>(entries, starts, nrows, panel))
    }
}

#[inline(always)]
fn pack_of<F: Real, V: Lanes<F>, const N: usize>(a: Strided<'_, F>, nrows: usize, count: usize, panel: &mut [F]) {
    let rows = ROWS * V::COUNT;
    for (k, to) in panel[..rows * count].chunks_exact_mut(rows).enumerate() {
        let from = &a.entries[k * a.column..];
        if nrows >= rows && a.row == 1 {
            copy::<F, V>(from, to);
        } else {
            let height = nrows.min(rows);
            let from = &from[..(height - 1) * a.row + 1];
            for (i, to) in to.iter_mut().enumerate() {
                *to = if i < height { from[i * a.row] } else { F::of(0.0) };
            }
        }
    }
}

#[inline(always)]
fn gather_of<F: Real, V: Lanes<F>, const N: usize>(entries: &[F], starts: &[usize], nrows: usize, panel: &mut [F]) {
    let rows = ROWS * V::COUNT;
    for (&start, to) in starts.iter().zip(panel.chunks_exact_mut(rows)) {
        let from = &entries[start..];
        if nrows >= rows {
            copy::<F, V>(from, to);
        } else {
            to.fill(F::of(0.0));
            for (to, from) in to.iter_mut().zip(&from[..nrows]) {
                *to = *from;
            }
        }
    }
}

/// The rows of a tile.
#[inline(always)]
fn copy<F: Real, V: Lanes<F>>(from: &[F], to: &mut [F]) {
    assert!(from.len() >= ROWS * V::COUNT && to.len() >= ROWS * V::COUNT);
    for r in 0..ROWS {
        // SAFETY: both are long enough.
        unsafe { V::load(from.as_ptr().add(r * V::COUNT)).store(to.as_mut_ptr().add(r * V::COUNT)) }
    }
}

#[inline(always)]
fn tiles_of<F: Real, V: Lanes<F>, const N: usize>(
    panels: &[F],
    count: usize,
    b: Strided<'_, F>,
    ncols: usize,
    part: Part<F>,
    out: &mut [F],
) {
    let rows = ROWS * V::COUNT;
    for j in (0..ncols).step_by(N) {
        let width = (ncols - j).min(N);
        let b = b.from(0, j);
        for (number, panel) in panels.chunks_exact(rows * count).enumerate() {
            let i = part.first + number * rows;
            if part.lower && i + rows <= j {
                continue;
            }
            let height = (part.nrows - i).min(rows);
            let out = &mut out[j * part.stride + i..];
            match (height <= V::COUNT, width) {
                (false, _) if width == N => tile::<F, V, 2, N, true>(panel, b, out, part, height, width),
                (true, _) if width == N => tile::<F, V, 1, N, true>(panel, b, out, part, height, width),
                (false, ..=6) => tile::<F, V, 2, 6, false>(panel, b, out, part, height, width),
                (true, ..=6) => tile::<F, V, 1, 6, false>(panel, b, out, part, height, width),
                (false, _) => tile::<F, V, 2, N, false>(panel, b, out, part, height, width),
                (true, _) => tile::<F, V, 1, N, false>(panel, b, out, part, height, width),
            }
        }
    }
}

/// A tile of R vectors by N columns. Where fewer columns are left, the last of them stands for those that are missing.
#[inline(always)]
fn tile<F: Real, V: Lanes<F>, const R: usize, const N: usize, const FULL: bool>(
    panel: &[F],
    b: Strided<'_, F>,
    out: &mut [F],
    part: Part<F>,
    height: usize,
    width: usize,
) {
    let count = panel.len() / (ROWS * V::COUNT);
    let mut columns = [0; N];
    for j in 0..N {
        columns[j] = j.min(width - 1) * b.column;
    }
    assert!(count > 0 && (count - 1) * b.row + (width - 1) * b.column < b.entries.len());
    let mut sums = [[V::all(F::of(0.0)); R]; N];
    // SAFETY: a panel has ROWS ≥ R vectors for each k < count, and the last k and j are those of the assertion.
    unsafe {
        for k in 0..count {
            let mut a = [V::all(F::of(0.0)); R];
            for r in 0..R {
                a[r] = V::load(panel.as_ptr().add((k * ROWS + r) * V::COUNT));
            }
            for j in 0..N {
                let column = if FULL { j * b.column } else { columns[j] };
                let b = V::all(*b.entries.get_unchecked(k * b.row + column));
                for r in 0..R {
                    sums[j][r] = a[r].fma(b, sums[j][r]);
                }
            }
        }
    }
    assert!(out.len() >= (width - 1) * part.stride + height);
    // Written out for every column, as an index that is not a constant would keep the sums in memory.
    macro_rules! write {
        ($($j:literal)*) => {
            $(
                if $j < N && (FULL || $j < width) {
                    write::<F, V, R>(&sums[$j % N], &mut out[$j * part.stride..], part, height);
                }
            )*
        };
    }
    write!(0 1 2 3 4 5 6 7 8 9 10 11);
}

/// A column of a tile.
#[inline(always)]
fn write<F: Real, V: Lanes<F>, const R: usize>(sums: &[V; R], out: &mut [F], part: Part<F>, height: usize) {
    if height == R * V::COUNT {
        assert!(out.len() >= height);
        let scale = V::all(part.scale);
        for r in 0..R {
            // SAFETY: as many rows as the assertion says.
            unsafe {
                let to = out.as_mut_ptr().add(r * V::COUNT);
                let sum = if part.add { sums[r].fma(scale, V::load(to)) } else { sums[r].times(scale) };
                sum.store(to);
            }
        }
    } else {
        let mut rows = [F::of(0.0); 32];
        for r in 0..R {
            // SAFETY: a tile has at most 32 rows.
            unsafe { sums[r].store(rows.as_mut_ptr().add(r * V::COUNT)) }
        }
        for (to, from) in out.iter_mut().zip(&rows[..height]) {
            *to = if part.add { from.fma(part.scale, *to) } else { *from * part.scale };
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
            for into in [Into::Replaced, Into::Added] {
                let ours = same_on_all_vectors("product", || {
                    let mut out = before.clone();
                    product(&mut out, m + 3, into, left, right, (m, n, k), F::of(2.0));
                    out
                });
                for (at, (ours, before)) in ours.iter().zip(&before).enumerate() {
                    let (i, j) = (at % (m + 3), at / (m + 3));
                    let sum = (0..k).map(|l| entry(left, i.min(m - 1), l) * entry(right, l, j)).sum::<F>();
                    let base = if into == Into::Added { *before } else { F::of(0.0) };
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
            product(&mut out, m, Into::Replaced, Strided::columns(&a, m), Strided::columns(&b, k), (m, n, k), 0.3);
            out
        });
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let mut out = vec![1.0; 6];
        product(&mut out, 3, Into::Replaced, Strided::columns(&[], 3), Strided::columns(&[], 0), (3, 2, 0), 1.0);
        assert_eq!(out, [0.0; 6]);
    }
}
