//! The power map: correlations are bent towards zero, small ones most.
//!
//! ```text
//! ξ_ij = sign(e_ij) |e_ij|^p,   the diagonal stays 1
//! ```
//! Not positive semidefinite in general: negative eigenvalues are set to zero and counted as `negative_eigenvalues`, the
//! diagonal is reset. Guhr, Kälber (2003), "A new method to estimate the noise in financial correlation matrices".

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::repair::without_negative_eigenvalues;
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, Window};
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

/// The power map and its parameter.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct PowerMap {
    power: f64,
}

impl Default for PowerMap {
    fn default() -> Self {
        Self { power: 1.5 } // Guhr and Kälber, section 3
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

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let map: PowerMap = choice.parameters()?;
    check(map.power >= 1.0 && map.power.is_finite(), "power_map.power", "at least 1", map.power)?;
    Ok(Box::new(map))
}
