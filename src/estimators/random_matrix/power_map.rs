//! The power map: correlations are reduced towards zero, small ones most.
//!
//! ```text
//! ξ_ij = sign(e_ij) |e_ij|^p,   the diagonal stays 1
//! ```
//! The result is in general not positive semidefinite: negative eigenvalues are set to zero and counted as
//! `negative_eigenvalues`, and the diagonal is reset to one. Guhr, Kälber (2003), "A new method to estimate the noise
//! in financial correlation matrices".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::PowerMap;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = PowerMap::new(1.5)?.estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::repair::without_negative_eigenvalues;
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, Window};
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

/// The power map with its power p.
#[derive(Clone, Copy, Debug)]
pub struct PowerMap {
    power: f64,
}

impl PowerMap {
    /// Refuses a power p below 1.
    pub fn new(power: f64) -> Result<Self> {
        check(power >= 1.0 && power.is_finite(), "power_map.power", "at least 1", power)?;
        Ok(Self { power })
    }
}

impl CovarianceEstimator for PowerMap {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let bent = window.correlation().clone().map(|_, _, e| e.signum() * e.abs().powf(self.power));
        let (bent, n_negative) = without_negative_eigenvalues(bent, 0.0)?;
        let covariance = Covariance::new(rescaled(bent, &window.volatilities(), Diagonal::Reset))?;
        Ok(covariance.repaired("negative_eigenvalues", n_negative))
    }
}

/// Parameters of `power_map`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    power: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { power: 1.5 } // Guhr and Kälber, section 3
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { power } = choice.parameters()?;
    Ok(Box::new(PowerMap::new(power)?))
}
