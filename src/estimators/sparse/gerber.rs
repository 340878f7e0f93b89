//! The Gerber statistic: co-movements count only on days on which both assets moved by at least a threshold.
//!
//! ```text
//! U = [x ≥ c σ],  L = [x ≤ −c σ],  M = neither,   H = U'U + L'L − U'L − L'U = (U−L)'(U−L)
//! gs0 = H / (U'U + L'L + U'L + L'U)    gs1 = H / (T − M'M)    gs2 = H_ij / √(H_ii H_jj)
//! Σ_ij = gs_ij σ_i σ_j,  σ with N = T
//! ```
//! Returns are not demeaned before they are compared. gs1 and gs2 are positive semidefinite. gs2 has the rank of H
//! and is singular for n > T. gs1 is not singular: it is the entrywise product of H with a definite matrix. gs0 is
//! indefinite: eigenvalues below 1e-8 are raised to it and counted as `negative_eigenvalues`, and the diagonal is
//! reset to one. For a pair that never moves together, 0/0 counts as zero. With a memory a day counts by its weight, in the
//! products as in σ, and T is the sum of the weights.
//! Gerber, Markowitz, Ernst, Miao, Javid, Sargen (2022), "The Gerber statistic: a robust co-movement measure for
//! portfolio optimization", section 2.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Gerber, Statistic};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = Gerber::new(Statistic::Gs1, 0.5)?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::repair::without_negative_eigenvalues;
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Diagonal, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, check};

/// Version of the statistic, by its denominator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The number of days on which both assets moved.
    Gs0,
    /// The number of days on which at least one of them moved.
    #[default]
    Gs1,
    /// The geometric mean of the numbers of days on which each of them moved.
    Gs2,
}

/// Eigenvalue floor of the repair of gs0.
const FLOOR: f64 = 1e-8;

/// The Gerber statistic with its threshold.
#[derive(Clone, Copy, Debug)]
pub struct Gerber {
    statistic: Statistic,
    threshold: f64,
}

impl Gerber {
    /// Takes the threshold c in standard deviations. Refuses values outside (0, 2).
    pub fn new(statistic: Statistic, threshold: f64) -> Result<Self> {
        check(threshold > 0.0 && threshold < 2.0, "gerber.threshold", "in (0, 2)", threshold)?;
        Ok(Self { statistic, threshold })
    }
}

impl CovarianceEstimator for Gerber {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let sd = window.volatilities_about(Centring::MeanMaximumLikelihood);
        let t = window.divisor(Centring::MeanMaximumLikelihood);
        let gram = |matrix: &Matrix| window.weights().map_or_else(|| matrix.gram(), |w| matrix.weighted_gram(w));
        let sign = |_: usize, i: usize, x: f64| {
            let threshold = self.threshold * sd[i];
            f64::from(i8::from(x >= threshold) - i8::from(x <= -threshold))
        };
        let signs = window.returns().clone().map(sign);
        let h = gram(&signs);
        if let Some(column) = h.diagonal().iter().position(|moves| *moves == 0.0) {
            return Err(Error::Column { column, rule: "no return in the window reaches the Gerber threshold" });
        }
        let norms: Vec<f64> = h.diagonal().iter().map(|x| x.sqrt()).collect();
        let ratio = |both: Matrix| h.clone().map(|i, j, x| if both[(i, j)] > 0.0 { x / both[(i, j)] } else { 0.0 });
        let (correlation, n_negative) = match self.statistic {
            Statistic::Gs0 => without_negative_eigenvalues(ratio(gram(&signs.map(|_, _, s| s.abs()))), FLOOR)?,
            Statistic::Gs1 => (ratio(gram(&signs.map(|_, _, s| 1.0 - s.abs())).map(|_, _, m| t - m)), 0),
            Statistic::Gs2 => (h.clone().map(|i, j, x| x / (norms[i] * norms[j])), 0),
        };
        let covariance = Covariance::new(rescaled(correlation, &sd, Diagonal::Reset))?;
        Ok(covariance.repaired("negative_eigenvalues", n_negative))
    }
}

/// Parameters of `gerber`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    statistic: Statistic,
    threshold: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { statistic: Statistic::Gs1, threshold: 0.5 }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { statistic, threshold } = choice.parameters()?;
    Ok(Box::new(Gerber::new(statistic, threshold)?))
}
