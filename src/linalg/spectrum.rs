//! Eigendecomposition A = V diag(λ) V' of a symmetric matrix.

use crate::error::Result;
use crate::linalg::{Matrix, eigen};

/// Eigenvalues in ascending order and the eigenvectors as columns.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// λ (n), ascending.
    pub eigenvalues: Vec<f64>,
    /// V (n × n); column k belongs to λ_k.
    pub eigenvectors: Matrix,
}

impl Spectrum {
    /// Decomposes a symmetric matrix (n × n), reading only its lower triangle. Fails if an entry is not finite.
    pub fn new(symmetric: &Matrix) -> Result<Self> {
        let n = symmetric.nrows();
        let (eigenvalues, eigenvectors) = eigen::decompose(symmetric.entries(), n)?;
        Ok(Self { eigenvalues, eigenvectors: Matrix::from_column_major(n, n, eigenvectors) })
    }

    /// V diag(values) V' (n × n): the matrix with the same eigenvectors and the eigenvalues `values`.
    pub fn with_eigenvalues(&self, values: &[f64]) -> Matrix {
        self.eigenvectors.weighted_outer(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decomposition_recomposes_to_the_matrix() {
        let a = Matrix::from_fn(40, 40, |i, j| 1.0 / (1.0 + i.abs_diff(j) as f64));
        let spectrum = Spectrum::new(&a).unwrap();
        assert!(spectrum.eigenvalues.is_sorted());
        let again = spectrum.with_eigenvalues(&spectrum.eigenvalues);
        let error = again.map(|i, j, x| x - a[(i, j)]).max_abs();
        assert!(error < 1e-13, "{error}");
    }
}
