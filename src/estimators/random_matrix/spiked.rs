//! Optimal shrinkage of the eigenvalues of a spiked covariance model.
//!
//! ```text
//! λ ← λ/v;  λ ≤ (1+√γ)² becomes 1;  above:  ℓ = (b + √(b² − 4λ))/2,  b = λ + 1 − γ
//! c² = (1 − γ/(ℓ−1)²) / (1 + γ/(ℓ−1)),  s² = 1 − c²   (cosine and sine of sample and true eigenvector)
//! ```
//! γ = n/T < 1; the noise level v is the median eigenvalue over the median of the Marčenko–Pastur law. The shrinker
//! η(ℓ, c, s) is optimal for the `loss`. Stein's loss is about the inverse, which is what minimum
//! variance needs. The model assumes white noise besides a few spikes, which is closer to the truth for the
//! correlation, so the map acts on it.
//! Donoho, Gavish, Johnstone (2018), "Optimal shrinkage of eigenvalues in the spiked covariance model", table 2.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Spiked, SpikedLoss};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let spiked = Spiked(SpikedLoss::Stein);
//! let sigma = RotationInvariant::on_correlation(spiked, Diagonal::Reset).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::random_matrix::clip::edge;
use crate::estimators::random_matrix::marchenko_pastur::median;
use crate::estimators::rotation_invariant::require_more_days;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant};
use crate::registry::Choice;

/// The distance between estimate B and truth A that a shrinker minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpikedLoss {
    /// ½ [ tr(A⁻¹B) − ln det(A⁻¹B) − n ].
    #[default]
    Stein,
    /// Stein's loss with A and B exchanged.
    Entropy,
    /// The sum of the Stein and the entropy loss.
    Divergence,
    /// tr(A + B − 2 √A √B).
    Frechet,
    /// ‖A − B‖, Frobenius norm.
    Frobenius,
    /// ‖A⁻¹ − B⁻¹‖, Frobenius norm.
    FrobeniusPrecision,
    /// ‖A⁻¹B − I‖, Frobenius norm.
    FrobeniusRelative,
    /// ‖B⁻¹A − I‖, Frobenius norm.
    FrobeniusInverseRelative,
    /// ‖A − B‖ or ‖A⁻¹ − B⁻¹‖, operator norm.
    Operator,
    /// ‖A − B‖, nuclear norm.
    Nuclear,
    /// ‖A⁻¹ − B⁻¹‖, nuclear norm.
    NuclearPrecision,
    /// ‖A⁻¹B − I‖, nuclear norm.
    NuclearRelative,
    /// ‖B⁻¹A − I‖, nuclear norm.
    NuclearInverseRelative,
}

impl SpikedLoss {
    /// The optimal eigenvalue η for an observed λ with unit noise and γ = n/T.
    pub fn shrink(self, lambda: f64, gamma: f64) -> f64 {
        if lambda <= edge(gamma) {
            return 1.0;
        }
        let b = lambda + 1.0 - gamma;
        let ell = (b + (b * b - 4.0 * lambda).sqrt()) / 2.0;
        let c2 = (1.0 - gamma / (ell - 1.0).powi(2)) / (1.0 + gamma / (ell - 1.0));
        let s2 = 1.0 - c2;
        match self {
            Self::Stein | Self::FrobeniusPrecision => ell / (c2 + ell * s2),
            Self::Entropy | Self::Frobenius => ell * c2 + s2,
            Self::Divergence => ((ell * ell * c2 + ell * s2) / (c2 + ell * s2)).sqrt(),
            Self::Frechet => (ell.sqrt() * c2 + s2).powi(2),
            Self::FrobeniusRelative => (ell * c2 + ell * ell * s2) / (c2 + ell * ell * s2),
            Self::FrobeniusInverseRelative => (ell * ell * c2 + s2) / (ell * c2 + s2),
            Self::Operator => ell,
            Self::Nuclear => (1.0 + (ell - 1.0) * (1.0 - 2.0 * s2)).max(1.0),
            Self::NuclearPrecision => (ell / (c2 + (2.0 * ell - 1.0) * s2)).max(1.0),
            Self::NuclearRelative => (ell / (c2 + ell * ell * s2)).max(1.0),
            Self::NuclearInverseRelative => ((ell * ell * c2 + s2) / ell).max(1.0),
        }
    }
}

/// Shrinkage of spikes over white noise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spiked(pub SpikedLoss);

impl EigenvalueCleaner for Spiked {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("spiked", eigenvalues, n_observations)?;
        let gamma = eigenvalues.len() as f64 / n_observations;
        let noise = median_of(eigenvalues) / median(gamma);
        Ok(eigenvalues.iter().map(|lambda| noise * self.0.shrink(lambda / noise, gamma)).collect())
    }
}

/// The median of ascending values; of an even number, the mean of the middle two.
pub(in crate::estimators) fn median_of(ascending: &[f64]) -> f64 {
    let n = ascending.len();
    (ascending[(n - 1) / 2] + ascending[n / 2]) / 2.0
}

/// Parameters of `spiked`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    loss: SpikedLoss,
    diagonal: Diagonal,
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { loss, diagonal } = choice.parameters()?;
    Ok(Box::new(RotationInvariant::on_correlation(Spiked(loss), diagonal)))
}
