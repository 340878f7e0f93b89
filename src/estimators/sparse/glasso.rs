//! Graphical lasso: penalised maximum likelihood of a Gaussian with a sparse inverse correlation.
//!
//! ```text
//! Θ minimises tr(E Θ) − ln det Θ + ρ Σ_{i≠j} |θ_ij|,   Ξ = Θ⁻¹,  Ξ_ii = 1
//! at the minimum, i ≠ j:  ξ_ij − e_ij = ρ sign θ_ij  where θ_ij ≠ 0,   |ξ_ij − e_ij| ≤ ρ  elsewhere
//! column j:  β minimises ½ β'Ξ₁₁β − e_j'β + ρ ‖β‖₁,   ξ_j ← Ξ₁₁ β,   θ_j = −θ_jj β
//! ```
//! Columns are solved in turn, each by coordinate descent over its few non-zero β, until for all columns at once the
//! conditions of the minimum and ξ_j = Ξ₁₁ β hold to the tolerance times Σ_{i≠j} |e_ij| / n².
//! Friedman, Hastie, Tibshirani (2008), "Sparse inverse covariance estimation with the graphical lasso".
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

/// Most sweeps over the columns; returns of 1,000 stocks take about 50.
const MOST_SWEEPS: usize = 1000;
/// Most times that variables join the β of a column in one sweep, and most passes of coordinate descent in between.
const MOST_ROUNDS: usize = 100;
const MOST_PASSES: usize = 1000;
/// A variable joins β when it misses its condition by more than this share of the largest miss, so that few join
/// that leave again.
const JOINING: f64 = 0.8;
/// No condition can be met more closely than this, because of rounding.
const ROUNDING: f64 = 1e-12;
/// A column need not be more precise than this share of the last change of the others or, in the end, of the limit.
const PRECISION: f64 = 0.05;
/// The last sweep moves no entry by more than this share of the limit: what is left to move is several times that.
const LAST_MOVE: f64 = 0.2;

impl GraphicalLasso {
    /// Refuses a penalty ρ or a tolerance outside (0, 1).
    pub fn new(penalty: f64, tolerance: f64) -> Result<Self> {
        check(penalty > 0.0 && penalty < 1.0, "glasso.penalty", "in (0, 1)", penalty)?;
        check(tolerance > 0.0 && tolerance < 1.0, "glasso.tolerance", "in (0, 1)", tolerance)?;
        Ok(Self { penalty, tolerance })
    }

    /// Ξ for a correlation, after at most `most_sweeps` over its columns.
    fn solve(&self, e: &Matrix, most_sweeps: usize) -> Result<Matrix> {
        let n = e.nrows();
        let off_diagonal: f64 = e.entries().iter().map(|x| x.abs()).sum::<f64>() - n as f64;
        let limit = (self.tolerance * off_diagonal / (n * n) as f64).max(ROUNDING);
        let mut xi = e.clone();
        // Column j holds the β of variable j, zero in row j.
        let mut betas = Matrix::zeros(n, n);
        let mut moved = self.penalty;
        for _ in 0..most_sweeps {
            let precision = PRECISION * moved.max(limit);
            moved = 0.0;
            for j in 0..n {
                let gap = self.lasso(&xi, e.column(j), betas.column_mut(j), j, precision);
                for i in (0..n).filter(|i| *i != j) {
                    let fitted = e[(i, j)] - gap[i];
                    moved = moved.max((xi[(i, j)] - fitted).abs());
                    xi[(i, j)] = fitted;
                    xi[(j, i)] = fitted;
                }
            }
            if xi.entries().iter().any(|x| !x.is_finite()) {
                let why = format!("the sweeps over {n} assets diverge at the penalty {:e}; raise it", self.penalty);
                return Err(Error::Undefined { what: "glasso", why });
            }
            if moved <= LAST_MOVE * limit && self.missed(e, &xi, &betas) <= limit {
                return Ok(xi);
            }
        }
        let why = format!(
            "after {most_sweeps} sweeps over {n} assets the conditions of the minimum are missed by {:.1e}, more than \
             {limit:.1e}; raise the penalty or the tolerance",
            self.missed(e, &xi, &betas)
        );
        Err(Error::Undefined { what: "glasso", why })
    }

    /// Solves for β in place until its conditions hold to `precision`, and returns e_j − Ξ β; row j is left out.
    fn lasso(&self, xi: &Matrix, target: &[f64], beta: &mut [f64], j: usize, precision: f64) -> Vec<f64> {
        let mut gap = gap_of(xi, target, beta);
        for _ in 0..MOST_ROUNDS {
            let missed: Vec<f64> =
                (0..beta.len()).map(|i| if i == j { 0.0 } else { self.miss(gap[i], beta[i]) }).collect();
            let most = missed.iter().copied().fold(0.0, f64::max);
            if most <= precision {
                break;
            }
            let active: Vec<usize> =
                (0..beta.len()).filter(|&i| beta[i] != 0.0 || missed[i] > JOINING * most).collect();
            self.descend(xi, &active, &gap, beta, precision);
            gap = gap_of(xi, target, beta);
        }
        gap
    }

    /// Coordinate descent over the active variables.
    fn descend(&self, xi: &Matrix, active: &[usize], gap: &[f64], beta: &mut [f64], precision: f64) {
        let inner = Matrix::from_fn(active.len(), active.len(), |p, q| xi[(active[p], active[q])]);
        let mut gap: Vec<f64> = active.iter().map(|&i| gap[i]).collect();
        for _ in 0..MOST_PASSES {
            let mut moved = 0.0f64;
            for (p, &i) in active.iter().enumerate() {
                let column = inner.column(p);
                let alone = gap[p] + beta[i]; // Ξ_ii = 1
                let new = alone.signum() * (alone.abs() - self.penalty).max(0.0);
                let change = new - beta[i];
                if change != 0.0 {
                    beta[i] = new;
                    moved = moved.max(change.abs());
                    gap.iter_mut().zip(column).for_each(|(g, x)| *g -= change * x);
                }
            }
            if moved <= 0.1 * precision {
                break;
            }
        }
    }

    /// By how much a variable misses its condition.
    fn miss(&self, gap: f64, beta: f64) -> f64 {
        if beta == 0.0 { (gap.abs() - self.penalty).max(0.0) } else { (gap - self.penalty * beta.signum()).abs() }
    }

    /// The most by which Ξ and the β of any column miss the conditions of the minimum or each other.
    fn missed(&self, e: &Matrix, xi: &Matrix, betas: &Matrix) -> f64 {
        let of_column = |j: usize| {
            let (target, fitted, beta) = (e.column(j), xi.column(j), betas.column(j));
            let gap = gap_of(xi, target, beta);
            let others = (0..beta.len()).filter(|i| *i != j);
            others.map(|i| self.miss(gap[i], beta[i]).max((target[i] - gap[i] - fitted[i]).abs())).fold(0.0, f64::max)
        };
        (0..e.ncols()).map(of_column).fold(0.0, f64::max)
    }
}

/// e_j − Ξ β.
fn gap_of(xi: &Matrix, target: &[f64], beta: &[f64]) -> Vec<f64> {
    let mut gap = target.to_vec();
    for (column, &b) in xi.columns().zip(beta).filter(|(_, b)| **b != 0.0) {
        gap.iter_mut().zip(column).for_each(|(g, x)| *g -= b * x);
    }
    gap
}

impl CovarianceEstimator for GraphicalLasso {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let correlation = self.solve(window.correlation(), MOST_SWEEPS)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_converge_says_what_to_do() {
        let lasso = GraphicalLasso::new(0.01, 1e-9).unwrap();
        let correlation = |off: f64| Matrix::from_fn(3, 3, |i, j| if i == j { 1.0 } else { off });
        assert!(lasso.solve(&correlation(0.5), MOST_SWEEPS).is_ok());
        let message = |e: Matrix, most_sweeps: usize| lasso.solve(&e, most_sweeps).unwrap_err().to_string();
        let few = message(correlation(0.5), 1);
        assert!(few.contains("after 1 sweeps over 3 assets") && few.contains("raise the penalty"), "{few}");
        let large = message(correlation(1e200), MOST_SWEEPS);
        assert!(large.contains("the sweeps over 3 assets diverge at the penalty 1e-2; raise it"), "{large}");
    }
}
