//! Eigendecomposition A = V diag(λ) V' of a symmetric matrix.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::{Par, Spec};

use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// Eigenvalues in ascending order and the eigenvectors as columns.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// λ (n), ascending.
    pub eigenvalues: Vec<f64>,
    /// V (n × n); column k belongs to λ_k.
    pub eigenvectors: Matrix,
    /// V', the form in which V diag(ξ) V' is fastest to compute.
    transposed: Matrix,
}

impl Spectrum {
    /// Decomposes a symmetric matrix (n × n), reading only its lower triangle. Fails if the decomposition does not
    /// converge.
    pub fn new(symmetric: &Matrix) -> Result<Self> {
        let n = symmetric.nrows();
        let mut eigenvalues = faer::diag::Diag::<f64>::zeros(n);
        let mut eigenvectors = Matrix::zeros(n, n);
        let scratch = evd::self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
        evd::self_adjoint_evd(
            symmetric.as_faer(),
            eigenvalues.as_mut(),
            Some(eigenvectors.view_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Spec::default(),
        )
        .map_err(|error| Error::Undefined { what: "eigendecomposition", why: format!("{error:?}") })?;
        let eigenvalues = eigenvalues.column_vector().iter().copied().collect();
        let transposed = eigenvectors.transposed();
        Ok(Self { eigenvalues, eigenvectors, transposed })
    }

    /// V diag(values) V' (n × n): the matrix with the same eigenvectors and the eigenvalues `values`.
    pub fn with_eigenvalues(&self, values: &[f64]) -> Matrix {
        self.transposed.weighted_gram(values)
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
