//! A column-major matrix of doubles and the products that covariance estimation needs.

use std::ops::{Index, IndexMut};

use faer::{MatMut, MatRef};

use crate::error::{Error, Result};
use crate::linalg::gemm::{self, Accumulate, Strided};

/// A dense matrix; entry (i, j) is stored at `j * nrows + i`, so a column is a contiguous slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    nrows: usize,
    ncols: usize,
    entries: Vec<f64>,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(nrows: usize, ncols: usize) -> Self {
        Self { nrows, ncols, entries: vec![0.0; nrows * ncols] }
    }

    /// The matrix whose entry (i, j) is `entry(i, j)`.
    pub fn from_fn(nrows: usize, ncols: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let entries = (0..ncols).flat_map(|j| (0..nrows).map(move |i| (i, j)));
        let entries = entries.map(|(i, j)| entry(i, j)).collect();
        Self { nrows, ncols, entries }
    }

    /// A matrix from its rows, top first. Refuses rows of unequal length.
    ///
    /// ```
    /// use minvar::linalg::Matrix;
    /// let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])?;
    /// assert_eq!((x.nrows(), x.ncols(), x[(2, 0)]), (3, 2, 5.0));
    /// # Ok::<(), minvar::error::Error>(())
    /// ```
    pub fn from_rows(rows: &[impl AsRef<[f64]>]) -> Result<Self> {
        let ncols = rows.first().map_or(0, |row| row.as_ref().len());
        if let Some((number, row)) = rows.iter().enumerate().find(|(_, row)| row.as_ref().len() != ncols) {
            let rule = format!("it has {} entries, the rows above it {ncols}", row.as_ref().len());
            return Err(Error::data(format!("row {} of a matrix", number + 1), rule));
        }
        Ok(Self::from_fn(rows.len(), ncols, |i, j| rows[i].as_ref()[j]))
    }

    /// A matrix from its entries in column-major order. Panics unless there are `nrows * ncols` of them.
    pub fn from_column_major(nrows: usize, ncols: usize, entries: Vec<f64>) -> Self {
        assert_eq!(entries.len(), nrows * ncols, "a {nrows} x {ncols} matrix has rows times columns entries");
        Self { nrows, ncols, entries }
    }

    /// Number of rows.
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// Number of columns.
    pub fn ncols(&self) -> usize {
        self.ncols
    }

    /// Column j.
    pub fn column(&self, j: usize) -> &[f64] {
        &self.entries[j * self.nrows..(j + 1) * self.nrows]
    }

    /// Column j, mutable.
    pub fn column_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.entries[j * self.nrows..(j + 1) * self.nrows]
    }

    /// The columns, first to last.
    pub fn columns(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.ncols).map(|j| self.column(j))
    }

    /// All entries, column-major.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    /// The diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.nrows.min(self.ncols)).map(|i| self[(i, i)]).collect()
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        self.diagonal().iter().sum()
    }

    /// Largest absolute entry; 0 when empty.
    pub fn max_abs(&self) -> f64 {
        self.entries.iter().fold(0.0, |max, x| x.abs().max(max))
    }

    /// Replaces every entry (i, j) by `entry(i, j, old)`.
    pub fn map(mut self, mut entry: impl FnMut(usize, usize, f64) -> f64) -> Self {
        for j in 0..self.ncols {
            for (i, x) in self.column_mut(j).iter_mut().enumerate() {
                *x = entry(i, j, *x);
            }
        }
        self
    }

    /// Every entry times `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        self.map(|_, _, x| x * factor)
    }

    /// The product A v with a vector v.
    pub fn times(&self, v: &[f64]) -> Vec<f64> {
        assert_eq!(v.len(), self.ncols, "matrix has {} columns", self.ncols);
        let mut product = vec![0.0; self.nrows];
        for (column, &factor) in self.columns().zip(v) {
            if factor != 0.0 {
                product.iter_mut().zip(column).for_each(|(sum, x)| *sum += factor * x);
            }
        }
        product
    }

    /// The product A B with another matrix B.
    pub fn product(&self, other: &Matrix) -> Matrix {
        assert_eq!(self.ncols, other.nrows, "inner sizes of a product");
        let mut product = Matrix::zeros(self.nrows, other.ncols);
        let sizes = (self.nrows, other.ncols, self.ncols);
        gemm::product(
            &mut product.entries,
            self.nrows,
            Accumulate::Replace,
            self.strided(),
            other.strided(),
            sizes,
            1.0,
        );
        product
    }

    /// The rows with these indices, in this order.
    pub fn rows(&self, numbers: &[usize]) -> Matrix {
        let columns = self.columns().flat_map(|column| numbers.iter().map(|&t| column[t]));
        Self { nrows: numbers.len(), ncols: self.ncols, entries: columns.collect() }
    }

    /// X'X (n × n) of a T × n matrix X: only the lower triangle is computed, then mirrored.
    pub fn gram(&self) -> Matrix {
        self.gram_with(self)
    }

    /// X' diag(weights) X (n × n) of a T × n matrix X, for T weights.
    pub fn weighted_gram(&self, weights: &[f64]) -> Matrix {
        assert_eq!(weights.len(), self.nrows, "matrix has {} rows", self.nrows);
        let weighted = self.clone().map(|t, _, x| x * weights[t]);
        self.gram_with(&weighted)
    }

    /// X'Y, which must be symmetric.
    fn gram_with(&self, other: &Matrix) -> Matrix {
        let n = self.ncols;
        let mut product = Matrix::zeros(n, n);
        let (a, b) = (self.strided().transposed(), other.strided());
        gemm::symmetric_product(&mut product.entries, a, b, (n, self.nrows), 1.0);
        product
    }

    /// X diag(weights) X' (n × n) of an n × m matrix X, for m weights.
    pub fn weighted_outer(&self, weights: &[f64]) -> Matrix {
        assert_eq!(weights.len(), self.ncols, "matrix has {} columns", self.ncols);
        let n = self.nrows;
        let mut product = Matrix::zeros(n, n);
        gemm::weighted_outer(&mut product.entries, &self.entries, n, weights);
        product
    }

    fn strided(&self) -> Strided<'_, f64> {
        Strided::columns(&self.entries, self.nrows)
    }

    /// The transpose.
    pub fn transposed(&self) -> Matrix {
        let mut transpose = Matrix::zeros(self.ncols, self.nrows);
        gemm::transpose(&mut transpose.entries, &self.entries, self.nrows, None);
        transpose
    }

    /// A faer view of the matrix, without a copy.
    pub fn as_faer(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.entries, self.nrows, self.ncols)
    }

    pub(super) fn view_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_column_major_slice_mut(&mut self.entries, self.nrows, self.ncols)
    }
}

impl From<MatRef<'_, f64>> for Matrix {
    fn from(matrix: MatRef<'_, f64>) -> Self {
        Self::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
    }
}

impl From<&Matrix> for faer::Mat<f64> {
    fn from(matrix: &Matrix) -> Self {
        matrix.as_faer().to_owned()
    }
}

#[cfg(feature = "nalgebra")]
impl From<&nalgebra::DMatrix<f64>> for Matrix {
    fn from(matrix: &nalgebra::DMatrix<f64>) -> Self {
        Self::from_column_major(matrix.nrows(), matrix.ncols(), matrix.as_slice().to_vec())
    }
}

#[cfg(feature = "nalgebra")]
impl From<&Matrix> for nalgebra::DMatrix<f64> {
    fn from(matrix: &Matrix) -> Self {
        Self::from_column_slice(matrix.nrows, matrix.ncols, &matrix.entries)
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;
    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.column(j)[i]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.column_mut(j)[i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gram_of_a_small_matrix_is_the_sum_of_outer_products() {
        let x = Matrix::from_fn(3, 2, |i, j| (i + 2 * j) as f64);
        let gram = x.gram();
        assert_eq!(gram, Matrix::from_column_major(2, 2, vec![5.0, 11.0, 11.0, 29.0]));
        assert_eq!(x.times(&[1.0, -1.0]), [-2.0, -2.0, -2.0]);
        let weighted = x.weighted_gram(&[0.0, 1.0, 2.0]);
        assert_eq!(weighted, Matrix::from_column_major(2, 2, vec![9.0, 19.0, 19.0, 41.0]));
        assert_eq!(x.transposed(), Matrix::from_fn(2, 3, |i, j| x[(j, i)]));
    }

    #[test]
    fn rows_of_unequal_length_are_refused_by_their_number() {
        let error = Matrix::from_rows(&[vec![1.0, 2.0], vec![3.0]]).unwrap_err().to_string();
        assert!(error.contains("row 2 of a matrix") && error.contains("1 entries, the rows above it 2"), "{error}");
        assert_eq!(Matrix::from_rows(&[[0.0; 0]; 0]).unwrap(), Matrix::zeros(0, 0));
    }

    #[test]
    fn other_libraries_see_the_same_entries() {
        let x = Matrix::from_fn(3, 2, |i, j| (i + 10 * j) as f64);
        let theirs = faer::Mat::from(&x);
        assert_eq!(theirs[(2, 1)], 12.0);
        assert_eq!(Matrix::from(theirs.as_ref()), x);
        assert_eq!(Matrix::from(theirs.as_ref().transpose()), x.transposed());
        #[cfg(feature = "nalgebra")]
        {
            let theirs = nalgebra::DMatrix::from(&x);
            assert_eq!(theirs[(2, 1)], 12.0);
            assert_eq!(Matrix::from(&theirs), x);
        }
    }

    #[test]
    fn a_product_larger_than_a_tile_is_symmetric() {
        let x = Matrix::from_fn(5, 70, |i, j| ((7 * i + 3 * j) % 11) as f64 - 5.0);
        let gram = x.gram();
        for i in 0..70 {
            for j in 0..70 {
                let expected: f64 = x.column(i).iter().zip(x.column(j)).map(|(a, b)| a * b).sum();
                assert_eq!(gram[(i, j)], expected);
            }
        }
    }
}
