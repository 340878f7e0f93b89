//! Linear shrinkage towards a multiple of the identity.
//!
//! ```text
//! Σ = α m I + (1−α) S,   m = tr S / N_assets,   α = clip( π / (N γ), 0, 1 )
//! π = Σ_ij [ (1/N) Σ_t y_ti² y_tj² − s_ij² ],   γ = ‖S − m I‖²_F
//! ```
//! N is the effective number of observations. The first part of π is (1/N) Σ_t ‖y_t‖⁴, so the cost is one pass over
//! the data. A number as `intensity` takes the place of α: whoever learns α should do better than the best constant.
//! Ledoit, Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", section 3.3.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::LedoitWolfIdentity;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let shrinkage = LedoitWolfIdentity(Centring::Mean);
//! assert!((0.0..=1.0).contains(&shrinkage.intensity(&window)));
//! let sigma = shrinkage.estimate(&window)?;
//! assert!((sigma.matrix().trace() / window.covariance(Centring::Mean).trace() - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, NumberOr, check};

/// Linear shrinkage towards a multiple of the identity, with a choice of centring, which also determines N.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedoitWolfIdentity(pub Centring);

impl LedoitWolfIdentity {
    /// The weight α of the target.
    pub fn intensity(&self, window: &Window) -> f64 {
        let n_observations = window.n_observations(self.0);
        let sample = window.covariance(self.0);
        let mut squares = vec![0.0; window.n_days()];
        for column in window.centred(self.0).columns() {
            squares.iter_mut().zip(column).for_each(|(sum, y)| *sum += y * y);
        }
        let fourth: f64 = match window.weights() {
            None => squares.iter().map(|s| s * s).sum(),
            Some(weights) => squares.iter().zip(weights).map(|(s, w)| w * s * s).sum(),
        };
        let fourth = fourth / window.divisor(self.0);
        let level = sample.trace() / window.n_assets() as f64;
        let norm: f64 = sample.entries().iter().map(|s| s * s).sum();
        let gamma: f64 = sample.map(|i, j, s| if i == j { s - level } else { s }).entries().iter().map(|s| s * s).sum();
        if gamma == 0.0 {
            return 1.0; // S is the target already
        }
        ((fourth - norm) / (n_observations * gamma)).clamp(0.0, 1.0)
    }
}

impl CovarianceEstimator for LedoitWolfIdentity {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        towards_identity(self.intensity(window), window.covariance(self.0))
    }
}

/// α m I + (1−α) S.
fn towards_identity(alpha: f64, sample: Matrix) -> Result<Covariance> {
    let target = alpha * sample.trace() / sample.nrows() as f64;
    Covariance::new(sample.map(|i, j, s| (1.0 - alpha) * s + if i == j { target } else { 0.0 }))
}

/// The same with a constant α.
struct ConstantIntensity {
    alpha: f64,
    centring: Centring,
}

impl CovarianceEstimator for ConstantIntensity {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        towards_identity(self.alpha, window.covariance(self.centring))
    }
}

/// Rule for the intensity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::estimators) enum Intensity {
    /// The estimate α.
    #[default]
    Estimated,
}

/// Parameters of `lw_identity`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    centring: Centring,
    intensity: NumberOr<Intensity>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { centring: Centring::Mean, intensity: NumberOr::Rule(Intensity::Estimated) }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { centring, intensity } = choice.parameters()?;
    Ok(match intensity {
        NumberOr::Rule(Intensity::Estimated) => Box::new(LedoitWolfIdentity(centring)),
        NumberOr::Number(alpha) => {
            check(alpha > 0.0 && alpha <= 1.0, "lw_identity.intensity", "\"estimated\" or in (0, 1]", alpha)?;
            Box::new(ConstantIntensity { alpha, centring })
        }
    })
}
