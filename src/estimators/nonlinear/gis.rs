//! Geometric-inverse shrinkage: the kernel estimate that is optimal for the symmetrised Kullback–Leibler divergence.
//!
//! ```text
//! δ_i = √( δ_i(qis, before its trace is restored) · δ_i(lis) )
//! ```
//! Only for fewer assets than observations.
//! Ledoit, Wolf (2022), "Quadratic shrinkage for large covariance matrices", Bernoulli 28, section 4.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Gis;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_covariance(Gis, Centring::Mean).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::nonlinear::qis;
use crate::estimators::rotation_invariant::{of_covariance, require_more_days};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner, Lis};
use crate::registry::Choice;

/// Geometric-inverse shrinkage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gis;

impl EigenvalueCleaner for Gis {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("gis", eigenvalues, n_observations)?;
        let quadratic = qis::unscaled(eigenvalues, n_observations)?;
        let linear = Lis.clean(eigenvalues, n_observations)?;
        Ok(quadratic.iter().zip(linear).map(|(q, l)| (q * l).sqrt()).collect())
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_covariance(choice, Gis)
}
