//! The optimal hard threshold for singular values: it gives the number of factors; all other eigenvalues become their
//! mean.
//!
//! ```text
//! r = number of singular values of Y above ω(β) · median,   β = n/T
//! ω(β) = √( 2(β+1) + 8β / (β+1+√(β²+14β+1)) ) / √μ_β,   μ_β the median of the Marčenko–Pastur law
//! ξ_k = λ_k for the r largest eigenvalues, the mean of the others otherwise
//! ```
//! Y holds standardised returns, so the map acts on the correlation; n < T.
//! Gavish, Donoho (2014), "The optimal hard threshold for singular values is 4/√3", equations 11 and 12.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::HardThreshold;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_correlation(HardThreshold, Diagonal::Reset).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! assert_eq!(HardThreshold::rank(&[0.1, 0.2, 0.3, 9.0], 60.0), 1);
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::random_matrix::clip::averaged_below;
use crate::estimators::random_matrix::marchenko_pastur::median;
use crate::estimators::random_matrix::spiked::median_of;
use crate::estimators::rotation_invariant::{of_correlation, require_more_days};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner};
use crate::registry::Choice;

/// Clipping below the optimal hard threshold.
#[derive(Clone, Copy, Debug, Default)]
pub struct HardThreshold;

impl HardThreshold {
    /// r, from the ascending eigenvalues of Y'Y, whose scale does not matter.
    pub fn rank(eigenvalues: &[f64], n_days: f64) -> usize {
        let beta = eigenvalues.len() as f64 / n_days;
        let known = 2.0 * (beta + 1.0) + 8.0 * beta / (beta + 1.0 + (beta * beta + 14.0 * beta + 1.0).sqrt());
        let omega = (known / median(beta)).sqrt();
        let singular: Vec<f64> = eigenvalues.iter().map(|l| l.sqrt()).collect();
        let threshold = omega * median_of(&singular);
        singular.iter().filter(|s| **s > threshold).count()
    }
}

impl EigenvalueCleaner for HardThreshold {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("hard_threshold", eigenvalues, n_observations)?;
        Ok(averaged_below(eigenvalues, eigenvalues.len() - Self::rank(eigenvalues, n_observations)))
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_correlation(choice, HardThreshold)
}
