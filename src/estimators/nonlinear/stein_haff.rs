//! Stein's estimator: eigenvalues pulled together, then made monotone by pooling.
//!
//! ```text
//! l descending,  a_i = l_i T / ( T − n + 1 + 2 l_i Σ_{j≠i} 1/(l_i − l_j) )
//! 1/ξ = the increasing isotonic fit of 1/a with unit weights
//! ```
//! Only for fewer assets than days. Nearly equal eigenvalues give huge terms that pooling has to absorb, so this is
//! only a historical baseline. Stein (1975), "Estimation of a covariance matrix", Rietz lecture; Haff (1991), "The
//! variational form of certain Bayes estimators"; the inverses are pooled as in CovEstim.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::SteinHaff;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_covariance(SteinHaff, Centring::Mean).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use crate::error::{Error, Result};
use crate::estimators::isotonic::isotonic;
use crate::estimators::rotation_invariant::require_more_days;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, EigenvalueCleaner, RotationInvariant, Space};
use crate::registry::Choice;

/// Stein's estimator; `n_observations` of [`EigenvalueCleaner::clean`] is T − 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct SteinHaff;

impl EigenvalueCleaner for SteinHaff {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("stein_haff", eigenvalues, n_observations)?;
        let (n, t) = (eigenvalues.len(), n_observations + 1.0);
        let inverse = |i: usize| {
            let l = eigenvalues[n - 1 - i];
            let others = eigenvalues.iter().enumerate().filter(|(k, _)| *k != n - 1 - i);
            let repulsion: f64 = others.map(|(_, other)| 1.0 / (l - other)).sum();
            (t - n as f64 + 1.0 + 2.0 * l * repulsion) / (l * t)
        };
        let inverses: Vec<f64> = (0..n).map(inverse).collect();
        let pooled = isotonic(&inverses);
        if !pooled.iter().all(|x| x.is_finite() && *x > 0.0) {
            let why =
                "nearly equal eigenvalues leave no positive solution; perhaps an asset repeats others".to_string();
            return Err(Error::Undefined { what: "stein_haff", why });
        }
        Ok(pooled.iter().rev().map(|x| 1.0 / x).collect())
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(RotationInvariant { cleaner: SteinHaff, space: Space::Covariance(Centring::Mean) }))
}
