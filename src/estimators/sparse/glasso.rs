//! Graphical lasso: penalised maximum likelihood of a Gaussian with a sparse inverse correlation.
//!
//! ```text
//! Θ minimises tr(E Θ) − ln det Θ + ρ Σ_{i≠j} |θ_ij|,   Ξ = Θ⁻¹,  Ξ_ii = 1
//! column j:  β minimises ½ β'W₁₁β − e_j'β + ρ ‖β‖₁,   w_j ← W₁₁ β
//! ```
//! Columns are solved in turn by coordinate descent until no entry of W changes by more than the tolerance, relative
//! to the mean absolute off-diagonal correlation. The method is slow beyond a few hundred assets. Friedman, Hastie,
//! Tibshirani (2008), "Sparse inverse covariance estimation with the graphical lasso".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::GraphicalLasso;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = GraphicalLasso::new(0.1, 1e-4)?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, check};

/// The graphical lasso of a correlation.
#[derive(Clone, Copy, Debug)]
pub struct GraphicalLasso {
    penalty: f64,
    tolerance: f64,
}

const MOST_SWEEPS: usize = 200;
const MOST_PASSES: usize = 1000;

impl GraphicalLasso {
    /// Refuses a penalty ρ or a tolerance outside (0, 1).
    pub fn new(penalty: f64, tolerance: f64) -> Result<Self> {
        check(penalty > 0.0 && penalty < 1.0, "glasso.penalty", "in (0, 1)", penalty)?;
        check(tolerance > 0.0 && tolerance < 1.0, "glasso.tolerance", "in (0, 1)", tolerance)?;
        Ok(Self { penalty, tolerance })
    }

    /// Ξ for a correlation.
    fn solve(&self, e: &Matrix) -> Result<Matrix> {
        let n = e.nrows();
        let off_diagonal: f64 = e.entries().iter().map(|x| x.abs()).sum::<f64>() - n as f64;
        let limit = self.tolerance * (off_diagonal / (n * n) as f64).max(1e-12);
        let mut w = e.clone();
        // Column j holds the β of variable j, zero in row j.
        let mut betas = Matrix::zeros(n, n);
        for _ in 0..MOST_SWEEPS {
            let mut moved = 0.0f64;
            for j in 0..n {
                let fitted = lasso(&w, e.column(j), betas.column_mut(j), j, self.penalty, limit);
                for i in (0..n).filter(|i| *i != j) {
                    moved = moved.max((w[(i, j)] - fitted[i]).abs());
                    w[(i, j)] = fitted[i];
                    w[(j, i)] = fitted[i];
                }
            }
            if moved <= limit {
                return Ok(w);
            }
        }
        let why = format!("{MOST_SWEEPS} sweeps over {n} assets did not converge; raise the penalty or the tolerance");
        Err(Error::Undefined { what: "glasso", why })
    }
}

/// Solves for β in place and returns W β; row j is left out.
fn lasso(w: &Matrix, target: &[f64], beta: &mut [f64], j: usize, penalty: f64, limit: f64) -> Vec<f64> {
    let mut fitted = w.times(beta);
    for _ in 0..MOST_PASSES {
        let mut moved = 0.0f64;
        for k in (0..beta.len()).filter(|k| *k != j) {
            let column = w.column(k);
            let gap = target[k] - (fitted[k] - column[k] * beta[k]);
            let new = gap.signum() * (gap.abs() - penalty).max(0.0) / column[k];
            let change = new - beta[k];
            if change != 0.0 {
                beta[k] = new;
                moved = moved.max(change.abs());
                fitted.iter_mut().zip(column).for_each(|(f, w)| *f += change * w);
            }
        }
        if moved <= limit {
            break;
        }
    }
    fitted
}

impl CovarianceEstimator for GraphicalLasso {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let correlation = self.solve(window.correlation())?;
        Covariance::new(rescaled(correlation, &window.volatilities(), Diagonal::Kept))
    }
}

/// Parameters of `glasso`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    penalty: f64,
    tolerance: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { penalty: 0.1, tolerance: 1e-6 } // chosen
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { penalty, tolerance } = choice.parameters()?;
    Ok(Box::new(GraphicalLasso::new(penalty, tolerance)?))
}
