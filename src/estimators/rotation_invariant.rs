//! Rotation-invariant estimators: sample eigenvectors, cleaned eigenvalues.
//!
//! ```text
//! covariance:   S = V diag(λ) V',  Σ = V diag(ξ) V'
//! correlation:  E = V diag(λ) V',  Ξ = V diag(ξ) V',  Σ = D Ξ D
//! ```
//! D holds the sample volatilities. Bun, Bouchaud, Potters (2017), "Cleaning large correlation matrices", section 6.

use crate::error::Result;
use crate::estimators::{Centring, CovarianceEstimator, EigenvalueCleaner, Window};
use crate::linalg::{Covariance, Matrix};

/// What happens to the diagonal of a cleaned correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagonal {
    /// Ξ_ij ← Ξ_ij / √(Ξ_ii Ξ_jj): the variances stay the sample ones.
    Reset,
    /// Ξ is used as it comes.
    Kept,
}

/// The matrix whose eigenvalues are cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The sample covariance; the cleaner is given N of the centring.
    Covariance(Centring),
    /// The sample correlation; the cleaner is given T.
    Correlation(Diagonal),
}

/// An [`EigenvalueCleaner`] as a [`CovarianceEstimator`].
pub struct RotationInvariant<C> {
    /// The map of the eigenvalues.
    pub cleaner: C,
    /// Where it acts.
    pub space: Space,
}

impl<C: EigenvalueCleaner> CovarianceEstimator for RotationInvariant<C> {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        match self.space {
            Space::Covariance(centring) => {
                let (eigenvalues, spectrum) = window.covariance_spectrum(centring)?;
                let cleaned = self.cleaner.clean(&eigenvalues, centring.n_observations(window.n_days()))?;
                Covariance::new(spectrum.with_eigenvalues(&cleaned))
            }
            Space::Correlation(diagonal) => {
                let (eigenvalues, spectrum) = window.correlation_spectrum()?;
                let cleaned = self.cleaner.clean(&eigenvalues, window.n_days())?;
                let correlation = spectrum.with_eigenvalues(&cleaned);
                let scale = scales(&correlation, &window.volatilities(), diagonal);
                Covariance::new(correlation.map(|i, j, x| x * (scale[i] * scale[j])))
            }
        }
    }
}

/// The diagonal matrix that turns Ξ into Σ.
fn scales(correlation: &Matrix, volatilities: &[f64], diagonal: Diagonal) -> Vec<f64> {
    match diagonal {
        Diagonal::Kept => volatilities.to_vec(),
        Diagonal::Reset => volatilities.iter().zip(correlation.diagonal()).map(|(v, x)| v / x.sqrt()).collect(),
    }
}
