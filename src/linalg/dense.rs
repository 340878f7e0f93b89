//! Products and eigendecompositions of f32 or f64 matrices in row-major slices, as the network's kernels need them.
//! Callers distribute a batch among threads.

use crate::error::Result;
use crate::linalg::chunks::{LANES, flat_mut};
pub use crate::linalg::gemm::Accumulate;
use crate::linalg::gemm::{self, Packed, Strided, packed_chunks};
use crate::linalg::scratch::with_scratch;
use crate::linalg::{Real, eigen};

/// Rows of a product that are computed together where they are used at once.
const ROWS: usize = 24;

/// A matrix in a slice, or its transpose.
#[derive(Clone, Copy)]
pub struct View<'a, F: Real> {
    nrows: usize,
    ncols: usize,
    entries: Strided<'a, F>,
}

impl<'a, F: Real> View<'a, F> {
    /// A matrix of `nrows` rows with `ncols` entries each.
    pub fn rows(entries: &'a [F], nrows: usize, ncols: usize) -> Self {
        Self::rows_of(entries, nrows, ncols, ncols)
    }

    /// A matrix whose rows are `stride` entries apart; the first `ncols` entries of each belong to it.
    pub fn rows_of(entries: &'a [F], nrows: usize, ncols: usize, stride: usize) -> Self {
        assert!(
            ncols <= stride && (nrows == 0 || (nrows - 1) * stride + ncols <= entries.len()),
            "a matrix in a slice"
        );
        Self { nrows, ncols, entries: Strided::columns(entries, stride).transposed() }
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self { nrows: self.ncols, ncols: self.nrows, entries: self.entries.transposed() }
    }
}

/// out = scale · A B, or out += scale · A B.
pub fn product<F: Real>(out: &mut [F], accumulate: Accumulate, a: View<'_, F>, b: View<'_, F>, scale: F) {
    assert_eq!((a.ncols, out.len()), (b.nrows, a.nrows * b.ncols), "sizes of a product");
    // Rows of A B are columns of B'A'.
    let sizes = (b.ncols, a.nrows, a.ncols);
    gemm::product(out, b.ncols, accumulate, b.entries.transposed(), a.entries.transposed(), sizes, scale);
}

/// Calls `each` with every row of scale · A B, a few rows at a time that stay in the cache: the number of the first, and
/// the rows, which `each` may change.
pub fn product_by_rows<F: Real>(a: View<'_, F>, b: View<'_, F>, scale: F, mut each: impl FnMut(usize, &mut [F])) {
    assert_eq!(a.ncols, b.nrows, "sizes of a product");
    let (nrows, ncols, inner) = (a.nrows, b.ncols, a.ncols);
    if ncols == 0 {
        return; // rows without entries
    }
    let packed = packed_chunks::<F>(ncols, inner);
    with_scratch(packed + (ROWS * ncols).div_ceil(LANES), |memory| {
        let (packed, rows) = memory.split_at_mut(packed);
        let packed = Packed::new(b.entries.transposed(), ncols, inner, packed);
        for first in (0..nrows).step_by(ROWS) {
            let count = ROWS.min(nrows - first);
            let rows = &mut flat_mut(rows)[..count * ncols];
            // Rows of A B are columns of B'A'.
            packed.times(a.entries.transposed().from(0, first), count, scale, rows, ncols, Accumulate::Replace);
            each(first, rows);
        }
    });
}

/// out = scale · A B (n × n), which must be symmetric: only half of it is computed.
pub fn symmetric_product<F: Real>(out: &mut [F], a: View<'_, F>, b: View<'_, F>, scale: F) {
    assert_eq!((a.ncols, a.nrows, out.len()), (b.nrows, b.ncols, a.nrows * b.ncols), "sizes of a product");
    gemm::symmetric_product(out, a.entries, b.entries, (a.nrows, a.ncols), scale);
}

/// Eigenvalues (n, ascending) and eigenvectors (n × n, one per row) of a symmetric matrix (n × n).
pub fn eigen<F: Real>(symmetric: &[F], n: usize) -> Result<(Vec<F>, Vec<F>)> {
    // Rows of a symmetric matrix are its columns, and a column of V is a row of V'.
    eigen::decompose(symmetric, n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_rows_are_matrix_products() {
        let a: Vec<f64> = (0..6).map(f64::from).collect(); // 2 x 3
        let mut out = vec![1.0; 4];
        let view = View::rows(&a, 2, 3);
        product(&mut out, Accumulate::Add, view, view.transposed(), 1.0);
        assert_eq!(out, [6.0, 15.0, 15.0, 51.0]);
        symmetric_product(&mut out, view, view.transposed(), 2.0);
        assert_eq!(out, [10.0, 28.0, 28.0, 100.0]);
        let mut square = vec![0.0; 70 * 70];
        let rows: Vec<f32> = (0..70 * 5).map(|k| ((k * 7) % 11) as f32 - 5.0).collect();
        let mut gram = vec![0.0f32; 70 * 70];
        symmetric_product(&mut gram, View::rows(&rows, 70, 5), View::rows(&rows, 70, 5).transposed(), 1.0);
        for i in 0..70 {
            for j in 0..70 {
                square[i * 70 + j] = (0..5).map(|k| rows[i * 5 + k] * rows[j * 5 + k]).sum();
            }
        }
        assert_eq!(gram, square);
    }

    #[test]
    fn eigenvectors_stand_in_rows() {
        let (values, vectors) = eigen(&[2.0, 1.0, 1.0, 2.0], 2).unwrap();
        assert!((values[0] - 1.0f64).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
        assert!((vectors[0] + vectors[1]).abs() < 1e-15 && (vectors[2] - vectors[3]).abs() < 1e-15);
    }

    #[test]
    fn rows_of_a_product_are_its_rows() {
        let (a, b): (Vec<f64>, Vec<f64>) = ((0..50 * 7).map(f64::from).collect(), (0..7 * 9).map(f64::from).collect());
        let (a, b) = (View::rows(&a, 50, 7), View::rows(&b, 7, 9));
        let mut whole = vec![0.0; 50 * 9];
        product(&mut whole, Accumulate::Replace, a, b, 0.5);
        let mut rows = Vec::new();
        product_by_rows(a, b, 0.5, |first, some| {
            assert_eq!(first * 9, rows.len());
            rows.extend_from_slice(some);
        });
        assert_eq!(rows, whole);
        let nothing = View::rows(&[], 3, 0);
        let mut out = [1.0; 9];
        product(&mut out, Accumulate::Replace, nothing, nothing.transposed(), 0.5);
        assert_eq!(out, [0.0; 9]);
        product_by_rows(nothing.transposed(), View::rows(&[1.0; 6], 3, 2), 0.5, |_, rows| assert!(rows.is_empty()));
        product_by_rows(View::rows(&[1.0; 6], 2, 3), nothing, 0.5, |_, rows| assert!(rows.is_empty()));
    }
}
