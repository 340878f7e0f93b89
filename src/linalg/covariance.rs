//! A covariance matrix whose finiteness and symmetry have been checked once, at the door.

use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// A finite symmetric n x n matrix with a positive diagonal.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance(Matrix);

impl Covariance {
    /// Checks shape, symmetry (exact), finiteness and the sign of the variances.
    pub fn new(matrix: Matrix) -> Result<Self> {
        let n = matrix.nrows();
        assert_eq!(n, matrix.ncols(), "a covariance is square");
        if let Some(column) = matrix.columns().position(|c| c.iter().any(|x| !x.is_finite())) {
            return Err(Error::Column { column, rule: "its covariance is not finite" });
        }
        if let Some(column) = matrix.diagonal().iter().position(|&variance| variance <= 0.0) {
            return Err(Error::Column { column, rule: "its variance is not positive" });
        }
        debug_assert!((0..n).all(|j| (0..j).all(|i| matrix[(i, j)] == matrix[(j, i)])));
        Ok(Self(matrix))
    }

    /// The matrix.
    pub fn matrix(&self) -> &Matrix {
        &self.0
    }

    /// Number of assets n.
    pub fn n_assets(&self) -> usize {
        self.0.nrows()
    }

    /// Standard deviations (n), daily.
    pub fn volatilities(&self) -> Vec<f64> {
        self.0.diagonal().iter().map(|variance| variance.sqrt()).collect()
    }

    /// w'Σw.
    pub fn variance_of(&self, weights: &[f64]) -> f64 {
        self.0.times(weights).iter().zip(weights).map(|(s, w)| s * w).sum()
    }
}
