//! Rotation-invariant estimators: sample eigenvectors, cleaned eigenvalues.
//!
//! ```text
//! covariance:   S = V diag(λ) V',  Σ = V diag(ξ) V'
//! correlation:  E = V diag(λ) V',  Ξ = V diag(ξ) V',  Σ = D Ξ D
//! ```
//! D holds the sample volatilities. Bun, Bouchaud, Potters (2017), "Cleaning large correlation matrices", section 6.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::{Centring, CovarianceEstimator, EigenvalueCleaner, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::Choice;

/// Treatment of the diagonal of a cleaned correlation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagonal {
    /// Ξ_ij ← Ξ_ij / √(Ξ_ii Ξ_jj): the variances stay the sample ones.
    #[default]
    Reset,
    /// Ξ is used as it is.
    Kept,
}

/// The matrix whose eigenvalues are cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The sample covariance; `n_observations` of the cleaner is that of the centring.
    Covariance(Centring),
    /// The sample correlation; `n_observations` of the cleaner is T.
    Correlation(Diagonal),
}

/// An [`EigenvalueCleaner`] as a [`CovarianceEstimator`].
pub struct RotationInvariant<C> {
    /// The map of the eigenvalues.
    pub cleaner: C,
    /// The matrix on whose eigenvalues it acts.
    pub space: Space,
}

impl<C> RotationInvariant<C> {
    /// Cleans the eigenvalues of the covariance, in squared daily returns.
    pub fn on_covariance(cleaner: C, centring: Centring) -> Self {
        Self { cleaner, space: Space::Covariance(centring) }
    }

    /// Cleans the eigenvalues of the correlation, which have mean one.
    pub fn on_correlation(cleaner: C, diagonal: Diagonal) -> Self {
        Self { cleaner, space: Space::Correlation(diagonal) }
    }
}

impl<C: EigenvalueCleaner> CovarianceEstimator for RotationInvariant<C> {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        window.check_maps()?;
        match self.space {
            Space::Covariance(centring) => {
                let (eigenvalues, spectrum) = window.covariance_spectrum(centring)?;
                let cleaned = self.cleaner.clean(&eigenvalues, window.n_observations(centring))?;
                Covariance::new(spectrum.with_eigenvalues(&cleaned))
            }
            Space::Correlation(diagonal) => {
                let (eigenvalues, spectrum) = window.correlation_spectrum()?;
                let cleaned = self.cleaner.clean(&eigenvalues, window.count())?;
                let correlation = spectrum.with_eigenvalues(&cleaned);
                Covariance::new(rescaled(correlation, &window.volatilities(), diagonal))
            }
        }
    }
}

/// Parameters of a map of the eigenvalues of the covariance.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OnCovariance {
    centring: Centring,
}

/// Parameters of a map of the eigenvalues of the correlation.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OnCorrelation {
    diagonal: Diagonal,
}

/// Applies a cleaner without parameters of its own to the covariance.
pub(super) fn of_covariance<C: EigenvalueCleaner + 'static>(
    choice: &Choice,
    cleaner: C,
) -> Result<Box<dyn CovarianceEstimator>> {
    let OnCovariance { centring } = choice.parameters()?;
    Ok(Box::new(RotationInvariant::on_covariance(cleaner, centring)))
}

/// Applies a cleaner without parameters of its own to the correlation.
pub(super) fn of_correlation<C: EigenvalueCleaner + 'static>(
    choice: &Choice,
    cleaner: C,
) -> Result<Box<dyn CovarianceEstimator>> {
    let OnCorrelation { diagonal } = choice.parameters()?;
    Ok(Box::new(RotationInvariant::on_correlation(cleaner, diagonal)))
}

/// D Ξ D for a correlation Ξ and volatilities D.
pub(super) fn rescaled(correlation: Matrix, volatilities: &[f64], diagonal: Diagonal) -> Matrix {
    let scale: Vec<f64> = match diagonal {
        Diagonal::Kept => volatilities.to_vec(),
        Diagonal::Reset => volatilities.iter().zip(correlation.diagonal()).map(|(v, x)| v / x.sqrt()).collect(),
    };
    correlation.map(|i, j, x| x * (scale[i] * scale[j]))
}

/// If the smallest eigenvalue that should be positive is below this share of the largest, the returns are
/// rank-deficient.
const RANK_FLOOR: f64 = 1e-14;

/// The number of eigenvalues that are null because there are more assets than observations, and the other
/// eigenvalues. Fails unless these are positive.
pub(super) fn split_null<'a>(
    what: &'static str,
    eigenvalues: &'a [f64],
    n_observations: f64,
) -> Result<(usize, &'a [f64])> {
    let n_null = (eigenvalues.len() as f64 - n_observations).max(0.0) as usize;
    let positive = &eigenvalues[n_null..];
    if positive[0] <= RANK_FLOOR * positive[positive.len() - 1] {
        let why = format!("the rank of the returns is below {}: perhaps an asset repeats others", positive.len());
        return Err(Error::Undefined { what, why });
    }
    Ok((n_null, positive))
}

/// Fails unless there are more observations than assets and all eigenvalues are positive.
pub(super) fn require_more_days(what: &'static str, eigenvalues: &[f64], n_observations: f64) -> Result<()> {
    let n_assets = eigenvalues.len();
    if n_assets as f64 >= n_observations {
        let why = format!("it needs more days than assets, not {n_observations} observations of {n_assets} assets");
        return Err(Error::Undefined { what, why });
    }
    split_null(what, eigenvalues, n_observations).map(|_| ())
}
