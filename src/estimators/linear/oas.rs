//! Oracle-approximating and Rao–Blackwell shrinkage towards a multiple of the identity, for Gaussian returns.
//!
//! ```text
//! Σ = α (t1/n) I + (1−α) S,   S = Y'Y/T,  t1 = tr S,  t2 = tr S²
//! oas_paper  α = ((1−2/n) t2 + t1²) / ((T+1−2/n)(t2 − t1²/n))
//! oas        α = (t2 + t1²) / ((T+1)(t2 − t1²/n)):  the terms 2/n are left out, as scikit-learn does
//! rblw       α = (((T−2)/T) t2 + t1²) / ((T+2)(t2 − t1²/n))
//! ```
//! α is at most one. The formulas assume Gaussian fourth moments, so they shrink returns with heavy tails too little.
//! Chen, Wiesel, Eldar, Hero (2010), "Shrinkage algorithms for MMSE covariance estimation", equations 17 and 23.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::GaussianShrinkage;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! for formula in [GaussianShrinkage::ScikitLearn, GaussianShrinkage::Paper, GaussianShrinkage::RaoBlackwell] {
//!     assert_eq!(formula.estimate(&window)?.n_assets(), 20);
//! }
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Shrinkage towards a multiple of the identity; the variant is the formula of the intensity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GaussianShrinkage {
    /// `oas`: the oracle-approximating intensity as scikit-learn computes it.
    #[default]
    ScikitLearn,
    /// `oas_paper`: the oracle-approximating intensity as published.
    Paper,
    /// `rblw`: the Rao–Blackwell intensity.
    RaoBlackwell,
}

impl CovarianceEstimator for GaussianShrinkage {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let sample = window.covariance(Centring::MeanMaximumLikelihood);
        let (n, t) = (window.n_assets() as f64, window.count());
        let t1 = sample.trace();
        let t2: f64 = sample.entries().iter().map(|s| s * s).sum();
        let distance = t2 - t1 * t1 / n;
        let (gain, size) = match self {
            GaussianShrinkage::Paper => ((1.0 - 2.0 / n) * t2 + t1 * t1, t + 1.0 - 2.0 / n),
            GaussianShrinkage::ScikitLearn => (t2 + t1 * t1, t + 1.0),
            GaussianShrinkage::RaoBlackwell => ((t - 2.0) / t * t2 + t1 * t1, t + 2.0),
        };
        // If S is a multiple of the identity, the distance is zero and α is one.
        let alpha = if gain < size * distance { gain / (size * distance) } else { 1.0 };
        let target = alpha * t1 / n;
        Covariance::new(sample.map(|i, j, s| (1.0 - alpha) * s + if i == j { target } else { 0.0 }))
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(GaussianShrinkage::ScikitLearn))
}

pub(in crate::estimators) fn fit_paper(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(GaussianShrinkage::Paper))
}

pub(in crate::estimators) fn fit_rao_blackwell(
    choice: &Choice,
    _: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(GaussianShrinkage::RaoBlackwell))
}
