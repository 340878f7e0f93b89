//! Linear-inverse shrinkage: the kernel estimate that is optimal for Stein's loss.
//!
//! ```text
//! 1/δ_i = max( g_i (1 − c + 2c θ_i), min_j g_j )
//! ```
//! g, c and θ are as for `qis`; the trace is not restored. Only for fewer assets than observations.
//! Ledoit, Wolf (2022), "Quadratic shrinkage for large covariance matrices", Bernoulli 28, section 4.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Lis;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_covariance(Lis, Centring::Mean).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::nonlinear::qis::{bandwidth, smoothed};
use crate::estimators::rotation_invariant::{of_covariance, require_more_days};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner};
use crate::registry::Choice;

/// Linear-inverse shrinkage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lis;

impl EigenvalueCleaner for Lis {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("lis", eigenvalues, n_observations)?;
        let inverse: Vec<f64> = eigenvalues.iter().map(|l| 1.0 / l).collect();
        let c = inverse.len() as f64 / n_observations;
        let h = bandwidth(inverse.len(), n_observations);
        let least = inverse[inverse.len() - 1];
        let clean = |&g: &f64| 1.0 / (g * (1.0 - c + 2.0 * c * smoothed(&inverse, g, h).0)).max(least);
        Ok(inverse.iter().map(clean).collect())
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_covariance(choice, Lis)
}
