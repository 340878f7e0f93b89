//! Cholesky factor L of a symmetric positive definite matrix, A = L L'.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::triangular_solve;
use faer::{MatMut, Par, Spec};

use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// A pivot below this share of its diagonal entry has lost all its digits, so the matrix counts as singular.
pub(super) const PIVOT_FLOOR: f64 = 1e-14;

/// The lower factor L (n × n); solves A x = b.
pub struct Cholesky(Matrix);

impl Cholesky {
    /// Factors A (n × n), reading only its lower triangle. Refuses a singular or indefinite matrix.
    pub fn new(symmetric: &Matrix) -> Result<Self> {
        let n = symmetric.nrows();
        let mut factor = symmetric.clone();
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Spec::default());
        let outcome = llt::factor::cholesky_in_place(
            factor.view_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Spec::default(),
        );
        let pivot_is_sound = |i: usize| factor[(i, i)].powi(2) > PIVOT_FLOOR * symmetric[(i, i)];
        let factor = (outcome.is_ok() && (0..n).all(pivot_is_sound)).then_some(Self(factor));
        match factor.filter(|factor| factor.is_sound_for(symmetric)) {
            Some(factor) => Ok(factor),
            None => {
                let why = format!("the {n} x {n} covariance is not positive definite");
                Err(Error::Undefined { what: "inverse covariance", why })
            }
        }
    }

    /// Whether the smallest eigenvalue of the correlations exceeds what rounding makes of a zero, n ε |C|₁. A singular
    /// matrix can have large pivots, if the vector that it sends to zero has small entries. Two steps of inverse iteration
    /// find it.
    fn is_sound_for(&self, symmetric: &Matrix) -> bool {
        let n = symmetric.nrows();
        let sigma: Vec<f64> = symmetric.diagonal().iter().map(|x| x.sqrt()).collect();
        let row = |j: usize| symmetric.column(j).iter().zip(&sigma).map(|(x, s)| x.abs() / s).sum::<f64>() / sigma[j];
        let norm = (0..n).map(row).fold(0.0, f64::max);
        // Any fixed vector without structure.
        let mut x: Vec<f64> = (0..n).map(|i| 1.0 + 0.3 * ((i * i) as f64).sin()).collect();
        let mut growth = 0.0;
        for _ in 0..2 {
            let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let scaled: Vec<f64> = x.iter().zip(&sigma).map(|(x, s)| x / length * s).collect();
            x = self.solve(&scaled).iter().zip(&sigma).map(|(x, s)| x * s).collect();
            growth = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        }
        growth * norm * n as f64 * f64::EPSILON < 1.0
    }

    /// The diagonal of L (n).
    pub fn diagonal(&self) -> Vec<f64> {
        self.0.diagonal()
    }

    /// L⁻¹ b (n): uncorrelated, with variance one, if A is the covariance of b.
    pub fn whiten(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        let rhs = MatMut::from_column_major_slice_mut(&mut x, b.len(), 1);
        triangular_solve::solve_lower_triangular_in_place(self.0.as_faer(), rhs, Par::Seq);
        x
    }

    /// L⁻¹ (n × n), lower triangular.
    pub fn inverse_factor(&self) -> Matrix {
        let n = self.0.nrows();
        let mut inverse = Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)));
        triangular_solve::solve_lower_triangular_in_place(self.0.as_faer(), inverse.view_mut(), Par::Seq);
        inverse
    }

    /// The inverse A⁻¹ (n × n), exactly symmetric.
    pub fn inverse(&self) -> Matrix {
        let n = self.0.nrows();
        let mut inverse = Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)));
        llt::solve::solve_in_place(self.0.as_faer(), inverse.view_mut(), Par::Seq, MemStack::new(&mut []));
        let lower = inverse.transposed();
        inverse.map(|i, j, x| 0.5 * (x + lower[(i, j)]))
    }

    /// ln det A = 2 Σ ln L_ii.
    pub fn log_determinant(&self) -> f64 {
        2.0 * self.0.diagonal().iter().map(|x| x.ln()).sum::<f64>()
    }

    /// The solution x (n) of A x = b.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        let rhs = MatMut::from_column_major_slice_mut(&mut x, b.len(), 1);
        llt::solve::solve_in_place(self.0.as_faer(), rhs, Par::Seq, MemStack::new(&mut []));
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves_the_equations() {
        let a = Matrix::from_fn(30, 30, |i, j| if i == j { 3.0 } else { 1.0 / (1.0 + i.abs_diff(j) as f64) });
        let b: Vec<f64> = (0..30).map(|i| i as f64).collect();
        let x = Cholesky::new(&a).unwrap().solve(&b);
        assert!(a.times(&x).iter().zip(&b).all(|(p, q)| (p - q).abs() < 1e-12));
    }

    #[test]
    fn a_whitened_vector_is_the_inverse_factor_times_it_and_both_give_the_inverse() {
        let a = Matrix::from_fn(12, 12, |i, j| if i == j { 2.0 } else { 1.0 / (1.0 + i.abs_diff(j) as f64) });
        let b: Vec<f64> = (0..12).map(|i| (i as f64).sin()).collect();
        let factor = Cholesky::new(&a).unwrap();
        let inverse = factor.inverse_factor();
        assert!(inverse.times(&b).iter().zip(factor.whiten(&b)).all(|(x, y)| (x - y).abs() < 1e-13));
        let whole = factor.inverse();
        assert!(inverse.gram().map(|i, j, x| x - whole[(i, j)]).max_abs() < 1e-13);
        assert!((0..12).all(|i| (factor.diagonal()[i] * inverse[(i, i)] - 1.0).abs() < 1e-13));
    }

    #[test]
    fn the_determinant_of_two_by_two_is_a_difference_of_products() {
        let a = Matrix::from_column_major(2, 2, vec![3.0, 1.0, 1.0, 2.0]);
        assert!((Cholesky::new(&a).unwrap().log_determinant() - 5f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn a_singular_matrix_with_large_pivots_is_refused() {
        // As Kahan's (1966): C = R'R for R with ones on the diagonal, −½ above it, and columns scaled to length one. Its
        // pivots are 1 / (1 + j/4), yet it sends a vector that grows by half from entry to entry to almost nothing.
        let n = 40;
        let above = |i: usize, j: usize| if i < j { -0.5 } else { f64::from(u8::from(i == j)) };
        let r = Matrix::from_fn(n, n, |i, j| above(i, j) / (1.0 + 0.25 * j as f64).sqrt());
        assert!(Cholesky::new(&r.gram()).is_err());
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        assert!(Cholesky::new(&Matrix::from_fn(3, 3, |_, _| 1.0)).is_err());
        assert!(Cholesky::new(&Matrix::from_fn(2, 2, |i, j| if i == j { -1.0 } else { 0.0 })).is_err());
    }
}
