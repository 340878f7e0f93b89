//! Eigenvalue clipping: noise eigenvalues are replaced by their mean.
//!
//! ```text
//! ξ_k = λ_k                         if λ_k ≥ λ₊ = (1 + √q)²
//! ξ_k = mean of { λ_j : λ_j < λ₊ }  otherwise
//! ```
//! λ₊ is the Marčenko–Pastur edge, q = n/T; the trace is preserved. The map acts on the correlation, whose unit
//! diagonal is restored afterwards. `clip_market` multiplies the edge by 1 − λ_n/n, the share of the trace without
//! the market.
//! Laloux, Cizeau, Bouchaud, Potters (1999), "Noise dressing of financial correlation matrices"; the fraction
//! variant: Bouchaud, Potters (2009), "Financial applications of random matrix theory", section V.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Clip, Keep};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let clip = Clip::new(NumberOr::Rule(Keep::AboveMarketEdge))?;
//! let sigma = RotationInvariant::on_correlation(clip, Diagonal::Reset).estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12);
//! // The largest tenth of the eigenvalues stays.
//! assert_eq!(Clip::new(NumberOr::Number(0.1))?.clean(&[0.5, 0.7, 1.8], 60.0)?, [0.6, 0.6, 1.8]);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant};
use crate::registry::{Choice, NumberOr, check};

/// Rule for which eigenvalues are signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those at or above the Marčenko–Pastur edge of unit variance.
    #[default]
    AboveEdge,
    /// Those at or above the edge for the variance without the largest eigenvalue, (1 − λ_n/n)(1 + √q)²: the market
    /// is not noise.
    AboveMarketEdge,
}

/// Eigenvalue clipping: a rule, or the fraction of eigenvalues that stay.
#[derive(Clone, Copy, Debug)]
pub struct Clip(NumberOr<Keep>);

impl Default for Clip {
    fn default() -> Self {
        Self(NumberOr::Rule(Keep::default()))
    }
}

impl Clip {
    /// Keeps the eigenvalues chosen by a rule, or the largest ⌈fraction · n⌉. Refuses a fraction outside [0, 1].
    pub fn new(keep: NumberOr<Keep>) -> Result<Self> {
        if let NumberOr::Number(share) = keep {
            check((0.0..=1.0).contains(&share), "clip.keep", "a rule or in [0, 1]", share)?;
        }
        Ok(Self(keep))
    }
}

impl EigenvalueCleaner for Clip {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        let n_assets = eigenvalues.len() as f64;
        let edge = edge(n_assets / n_observations);
        let n_noise = match self.0 {
            NumberOr::Rule(Keep::AboveEdge) => eigenvalues.partition_point(|&l| l < edge),
            NumberOr::Rule(Keep::AboveMarketEdge) => {
                let rest = 1.0 - eigenvalues[eigenvalues.len() - 1] / n_assets;
                eigenvalues.partition_point(|&l| l < rest * edge)
            }
            NumberOr::Number(share) => eigenvalues.len() - (share * n_assets).ceil() as usize,
        };
        Ok(averaged_below(eigenvalues, n_noise))
    }
}

/// The upper Marčenko–Pastur edge (1 + √q)² of unit variance.
pub(in crate::estimators) fn edge(q: f64) -> f64 {
    (1.0 + q.sqrt()).powi(2)
}

/// The smallest `n_noise` eigenvalues replaced by their mean.
pub(in crate::estimators) fn averaged_below(eigenvalues: &[f64], n_noise: usize) -> Vec<f64> {
    let (noise, signal) = eigenvalues.split_at(n_noise);
    let level = noise.iter().sum::<f64>() / n_noise.max(1) as f64;
    [vec![level; n_noise], signal.to_vec()].concat()
}

/// Parameters of `clip`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    keep: NumberOr<Keep>,
    diagonal: Diagonal,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { keep: Clip::default().0, diagonal: Diagonal::Reset }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { keep, diagonal } = choice.parameters()?;
    Ok(Box::new(RotationInvariant::on_correlation(Clip::new(keep)?, diagonal)))
}

/// `clip_market`: the rule of the market edge under its own name.
pub(in crate::estimators) fn fit_market(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    crate::estimators::rotation_invariant::of_correlation(choice, Clip(NumberOr::Rule(Keep::AboveMarketEdge)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_becomes_its_mean_and_the_trace_stays() {
        let cleaned = Clip::default().clean(&[0.2, 0.4, 0.6, 2.8], 16.0).unwrap(); // edge (1 + 1/2)² = 2.25
        assert!(cleaned.iter().zip([0.4, 0.4, 0.4, 2.8]).all(|(a, b)| (a - b).abs() < 1e-15), "{cleaned:?}");
        let cleaned = Clip::new(NumberOr::Number(0.5)).unwrap().clean(&[0.5, 0.7, 1.0, 1.8], 16.0).unwrap();
        assert_eq!(cleaned, [0.6, 0.6, 1.0, 1.8]);
    }
}
