//! A covariance matrix that is checked once, when it is created.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// A finite symmetric n × n matrix with a positive diagonal, and the repairs that were needed to get it.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    matrix: Matrix,
    repairs: Vec<Repair>,
}

/// A documented repair or fallback that an estimator used, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Name of the repair in results: `negative_eigenvalues`, `garch_fallback`.
    pub what: String,
    /// Number of eigenvalues, assets or steps repaired.
    pub count: usize,
}

impl Covariance {
    /// Refuses a matrix with entries that are not finite or variances that are not positive. The matrix must be
    /// square and exactly symmetric.
    pub fn new(matrix: Matrix) -> Result<Self> {
        let n = matrix.nrows();
        assert_eq!(n, matrix.ncols(), "a covariance is square");
        // Without an early exit the loop over a column becomes one over vectors.
        let is_broken = |column: &[f64]| column.iter().fold(false, |broken, x| broken | !x.is_finite());
        if let Some(column) = matrix.columns().position(is_broken) {
            return Err(Error::Column { column, rule: "its covariance is not finite" });
        }
        if let Some(column) = matrix.diagonal().iter().position(|&variance| variance <= 0.0) {
            return Err(Error::Column { column, rule: "its variance is not positive" });
        }
        debug_assert!((0..n).all(|j| (0..j).all(|i| matrix[(i, j)] == matrix[(j, i)])));
        Ok(Self { matrix, repairs: Vec::new() })
    }

    /// Records a repair, unless `count` is zero.
    pub fn repaired(mut self, what: &str, count: usize) -> Self {
        if count > 0 {
            self.repairs.push(Repair { what: what.to_string(), count });
        }
        self
    }

    /// The repairs that were needed.
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// The matrix (n × n).
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Number of assets n.
    pub fn n_assets(&self) -> usize {
        self.matrix.nrows()
    }

    /// Standard deviations (n), daily.
    pub fn volatilities(&self) -> Vec<f64> {
        self.matrix.diagonal().iter().map(|variance| variance.sqrt()).collect()
    }

    /// The variance w'Σw of weights w (n).
    pub fn variance_of(&self, weights: &[f64]) -> f64 {
        self.matrix.times(weights).iter().zip(weights).map(|(s, w)| s * w).sum()
    }
}
