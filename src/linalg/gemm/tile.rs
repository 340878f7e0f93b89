//! What a product does with registers: tiles of C, and the panels of A that they read.

use std::ops::Range;

use crate::linalg::chunks::LANES;
use crate::linalg::gemm::{Accumulate, Strided};
#[cfg(target_arch = "x86_64")]
use crate::linalg::lanes::x86::{Doubles256, Doubles512, Singles256, Singles512};
use crate::linalg::lanes::{Lanes, Portable};
use crate::linalg::{Real, vector_bits, vectorised};

/// Vectors in a column of a tile.
const ROWS: usize = 2;

/// Rows of a tile.
pub(super) fn tile_rows<F>() -> usize {
    match vector_bits() {
        512 => 128 / size_of::<F>(),
        256 => 64 / size_of::<F>(),
        _ => 32 / size_of::<F>(),
    }
}

/// The entries of C that are computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    All,
    /// Those on and below the diagonal; whether others are is not said.
    Lower,
}

/// Where the rows of C that some panels make go, and how.
#[derive(Clone, Copy)]
pub(super) struct Target<F> {
    pub first: usize,
    /// The column of C with which it begins.
    pub first_column: usize,
    pub nrows: usize,
    pub stride: usize,
    pub scale: F,
    pub accumulate: Accumulate,
    pub entries: Entries,
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
    pub(super) fn tiles<F: Real>(panels: &[F], count: usize, b: Strided<'_, F>, ncols: usize, target: Target<F>, out: &mut [F]) {
        shaped!(tiles_of::<F>(panels, count, b, ncols, target, out))
    }
}

vectorised! {
    /// Panels of as many rows as a tile has; rows that are missing in the last become zeros.
    pub(super) fn pack<F: Real>(a: Strided<'_, F>, nrows: usize, count: usize, panels: &mut [F]) {
        shaped!(pack_of::<F>(a, nrows, count, panels))
    }
}

vectorised! {
    /// One panel, of columns anywhere.
    pub(super) fn gather<F: Real>(entries: &[F], starts: &[usize], nrows: usize, panel: &mut [F]) {
        shaped!(gather_of::<F>(entries, starts, nrows, panel))
    }
}

vectorised! {
    /// Some rows of a matrix with columns `height` apart, each column times its factor or one, as columns `stride` apart.
    pub(super) fn rows_as_columns<F: Real>(columns: &[F], height: usize, rows: Range<usize>, factors: Option<&[F]>, out: &mut [F], stride: usize) {
        shaped!(rows_as_columns_of::<F>(columns, height, rows, factors, out, stride))
    }
}

#[inline(always)]
fn rows_as_columns_of<F: Real, V: Lanes<F>, const N: usize>(
    columns: &[F],
    height: usize,
    rows: Range<usize>,
    factors: Option<&[F]>,
    out: &mut [F],
    stride: usize,
) {
    let (size, width) = (V::COUNT, columns.len() / height);
    let factor = |j: usize| factors.map_or(F::of(1.0), |factors| factors[j]);
    let in_blocks = (rows.len() - rows.len() % size, width - width % size);
    for i in (0..in_blocks.0).step_by(size) {
        for j in (0..in_blocks.1).step_by(size) {
            let mut block = [V::all(F::of(0.0)); LANES];
            for l in 0..size {
                // SAFETY: as many as the slice has.
                let column = unsafe { V::load(columns[(j + l) * height + rows.start + i..][..size].as_ptr()) };
                block[l] = column.times(V::all(factor(j + l)));
            }
            transpose(&mut block);
            for l in 0..size {
                // SAFETY: as many as the slice has.
                unsafe { block[l].store(out[(i + l) * stride + j..][..size].as_mut_ptr()) };
            }
        }
    }
    for (i, (row, out)) in rows.zip(out.chunks_mut(stride)).enumerate() {
        let done = if i < in_blocks.0 { in_blocks.1 } else { 0 };
        for j in done..width {
            out[j] = columns[j * height + row] * factor(j);
        }
    }
}

/// Panels that are packed side by side, for longer pieces of a column at once.
pub(super) const PANELS_TOGETHER: usize = 8;

#[inline(always)]
fn pack_of<F: Real, V: Lanes<F>, const N: usize>(a: Strided<'_, F>, nrows: usize, count: usize, panels: &mut [F]) {
    let rows = ROWS * V::COUNT;
    let n_whole = if a.row == 1 { nrows / rows } else { 0 };
    let (whole, rest) = panels.split_at_mut(n_whole * rows * count);
    for (group, panels) in whole.chunks_mut(PANELS_TOGETHER * rows * count).enumerate() {
        for k in 0..count {
            let from = &a.entries[k * a.column + group * PANELS_TOGETHER * rows..];
            for (from, panel) in from.chunks_exact(rows).zip(panels.chunks_exact_mut(rows * count)) {
                copy::<F, V>(from, &mut panel[k * rows..]);
            }
        }
    }
    for (number, panel) in rest.chunks_exact_mut(rows * count).enumerate() {
        let first = (n_whole + number) * rows;
        pack_panel::<F, V>(a.from(first, 0), (nrows - first).min(rows), count, panel);
    }
}

/// One panel of some rows, which do not lie side by side or are too few.
#[inline(always)]
fn pack_panel<F: Real, V: Lanes<F>>(a: Strided<'_, F>, height: usize, count: usize, panel: &mut [F]) {
    let rows = ROWS * V::COUNT;
    let zero = V::all(F::of(0.0));
    // Rows whose entries lie side by side are transposed in blocks.
    let in_blocks = if a.column == 1 { count - count % V::COUNT } else { 0 };
    for k in (0..in_blocks).step_by(V::COUNT) {
        for i in (0..rows).step_by(V::COUNT) {
            let mut block = [zero; LANES];
            for l in 0..V::COUNT {
                if i + l < height {
                    let from = &a.entries[(i + l) * a.row + k..][..V::COUNT];
                    // SAFETY: as many as the slice has.
                    block[l] = unsafe { V::load(from.as_ptr()) };
                }
            }
            transpose(&mut block);
            for l in 0..V::COUNT {
                let to = &mut panel[(k + l) * rows + i..][..V::COUNT];
                // SAFETY: as many as the slice has.
                unsafe { block[l].store(to.as_mut_ptr()) };
            }
        }
    }
    for (k, to) in panel.chunks_exact_mut(rows).enumerate().skip(in_blocks) {
        let from = &a.entries[k * a.column..][..(height - 1) * a.row + 1];
        for (i, to) in to.iter_mut().enumerate() {
            *to = if i < height { from[i * a.row] } else { F::of(0.0) };
        }
    }
}

/// Transposes a block of as many vectors as each has numbers.
#[inline(always)]
fn transpose<F: Real, V: Lanes<F>>(block: &mut [V; LANES]) {
    turn::<F, V, 8>(block);
    turn::<F, V, 4>(block);
    turn::<F, V, 2>(block);
    turn::<F, V, 1>(block);
}

/// Exchanges, in all pairs of rows whose numbers differ by H, the entries whose numbers differ by H: such steps for all bits of
/// the numbers transpose.
#[inline(always)]
#[allow(clippy::bad_bit_mask)] // in row 0
fn turn<F: Real, V: Lanes<F>, const H: usize>(block: &mut [V; LANES]) {
    // Written out for every row, as an index that is not a constant would keep the block in memory.
    macro_rules! rows {
        ($($i:literal)*) => {
            $(
                if H < V::COUNT && $i < V::COUNT && $i & H == 0 {
                    (block[$i], block[($i + H) % LANES]) = block[$i].exchange::<H>(block[($i + H) % LANES]);
                }
            )*
        };
    }
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
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
    target: Target<F>,
    out: &mut [F],
) {
    let rows = ROWS * V::COUNT;
    for j in (0..ncols).step_by(N) {
        let width = (ncols - j).min(N);
        let b = b.from(0, j);
        for (number, panel) in panels.chunks_exact(rows * count).enumerate() {
            let mut i = target.first + number * rows;
            let mut height = (target.nrows - i).min(rows);
            let mut panel = panel;
            if target.entries == Entries::Lower {
                let above = (target.first_column + j).saturating_sub(i);
                if above >= height {
                    continue;
                }
                if above >= V::COUNT {
                    (i, height, panel) = (i + V::COUNT, height - V::COUNT, &panel[V::COUNT..]);
                }
            }
            let out = &mut out[j * target.stride + i..];
            match (height <= V::COUNT, width) {
                (false, _) if width == N => tile::<F, V, 2, N, true>(panel, b, out, target, height, width),
                (true, _) if width == N => tile::<F, V, 1, N, true>(panel, b, out, target, height, width),
                (false, ..=6) => tile::<F, V, 2, 6, false>(panel, b, out, target, height, width),
                (true, ..=6) => tile::<F, V, 1, 6, false>(panel, b, out, target, height, width),
                (false, _) => tile::<F, V, 2, N, false>(panel, b, out, target, height, width),
                (true, _) => tile::<F, V, 1, N, false>(panel, b, out, target, height, width),
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
    target: Target<F>,
    height: usize,
    width: usize,
) {
    // Of a panel whose first vectors do not count, one is missing at the end.
    let count = panel.len().div_ceil(ROWS * V::COUNT);
    let mut columns = [0; N];
    for j in 0..N {
        columns[j] = j.min(width - 1) * b.column;
    }
    assert!(count > 0 && (count - 1) * b.row + (width - 1) * b.column < b.entries.len());
    let mut sums = [[V::all(F::of(0.0)); R]; N];
    // SAFETY: a panel has ROWS ≥ R vectors for each k < count, one less at the end if R is 1, and the last k and j are
    // those of the assertion.
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
    assert!(out.len() >= (width - 1) * target.stride + height);
    // Written out for every column, as an index that is not a constant would keep the sums in memory.
    macro_rules! columns {
        ($($j:literal)*) => {
            $(
                if $j < N && (FULL || $j < width) {
                    write_column::<F, V, R>(&sums[$j % N], &mut out[$j * target.stride..], target, height);
                }
            )*
        };
    }
    columns!(0 1 2 3 4 5 6 7 8 9 10 11);
}

/// A column of a tile.
#[inline(always)]
fn write_column<F: Real, V: Lanes<F>, const R: usize>(sums: &[V; R], out: &mut [F], target: Target<F>, height: usize) {
    let is_added = target.accumulate == Accumulate::Add;
    if height == R * V::COUNT {
        assert!(out.len() >= height);
        let scale = V::all(target.scale);
        for r in 0..R {
            // SAFETY: as many rows as the assertion says.
            unsafe {
                let to = out.as_mut_ptr().add(r * V::COUNT);
                let sum = if is_added { sums[r].fma(scale, V::load(to)) } else { sums[r].times(scale) };
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
            *to = if is_added { from.fma(target.scale, *to) } else { *from * target.scale };
        }
    }
}
