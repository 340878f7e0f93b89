//! Products and eigendecompositions of f32 or f64 matrices in row-major slices, as the network's kernels need them.
//! Each runs on one thread; callers distribute a batch among threads.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

use crate::error::Result;
use crate::linalg::{Real, eigen};

/// Rows and columns of a tile that fits into the first-level cache.
const TILE: usize = 32;

/// A matrix in a slice, or its transpose.
#[derive(Clone, Copy)]
pub struct View<'a, F: Real>(MatRef<'a, F>);

impl<'a, F: Real> View<'a, F> {
    /// A matrix of `nrows` rows with `ncols` entries each.
    pub fn rows(entries: &'a [F], nrows: usize, ncols: usize) -> Self {
        Self(MatRef::from_row_major_slice(entries, nrows, ncols))
    }

    /// A matrix whose rows are `stride` entries apart; the first `ncols` entries of each belong to it.
    pub fn rows_of(entries: &'a [F], nrows: usize, ncols: usize, stride: usize) -> Self {
        Self(MatRef::from_row_major_slice_with_stride(entries, nrows, ncols, stride))
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self(self.0.transpose())
    }
}

/// out = scale · A B, or out += scale · A B if `add`.
pub fn product<F: Real>(out: &mut [F], add: bool, a: View<'_, F>, b: View<'_, F>, scale: F) {
    let out = MatMut::from_row_major_slice_mut(out, a.0.nrows(), b.0.ncols());
    let accumulate = if add { Accum::Add } else { Accum::Replace };
    faer::linalg::matmul::matmul(out, accumulate, a.0, b.0, scale, Par::Seq);
}

/// out = scale · A B (n × n), which must be symmetric: only half of it is computed.
pub fn symmetric_product<F: Real>(out: &mut [F], a: View<'_, F>, b: View<'_, F>, scale: F) {
    let n = a.0.nrows();
    triangular::matmul(
        MatMut::from_column_major_slice_mut(&mut *out, n, n),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a.0,
        BlockStructure::Rectangular,
        b.0,
        BlockStructure::Rectangular,
        scale,
        Par::Seq,
    );
    // The lower triangle in column-major order is the upper one in row-major order.
    for i0 in (0..n).step_by(TILE) {
        for j0 in (i0..n).step_by(TILE) {
            for i in i0..(i0 + TILE).min(n) {
                for j in j0.max(i + 1)..(j0 + TILE).min(n) {
                    out[j * n + i] = out[i * n + j];
                }
            }
        }
    }
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
        product(&mut out, true, view, view.transposed(), 1.0);
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
}
