//! Eigenvalue clipping: noise eigenvalues are replaced by their mean.
//!
//! ```text
//! ξ_k = λ_k                         if λ_k ≥ λ₊ = (1 + √q)²
//! ξ_k = mean of { λ_j : λ_j < λ₊ }  otherwise
//! ```
//! λ₊ is the Marčenko–Pastur edge, q = N/T; the trace is preserved. Acts on the correlation; the unit diagonal is
//! restored afterwards. Laloux, Cizeau, Bouchaud, Potters (1999), "Noise dressing of financial correlation matrices";
//! the fraction variant: Bouchaud, Potters (2009), "Financial applications of random matrix theory", section V.

use crate::error::{Error, Result};
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant, Space};
use crate::registry::Choice;

/// Which eigenvalues are signal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Keep {
    /// Those at or above the Marčenko–Pastur edge.
    #[default]
    AboveEdge,
    /// The largest ⌈fraction · N⌉.
    Fraction(f64),
}

/// Eigenvalue clipping.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clip(Keep);

impl Clip {
    /// Checks that a fraction lies in [0, 1].
    pub fn new(keep: Keep) -> Result<Self> {
        match keep {
            Keep::Fraction(share) if !(0.0..=1.0).contains(&share) => {
                Err(Error::Parameter { name: "clip.fraction", range: "in [0, 1]", value: share.to_string() })
            }
            _ => Ok(Self(keep)),
        }
    }
}

impl EigenvalueCleaner for Clip {
    fn clean(&self, eigenvalues: &[f64], n_observations: usize) -> Result<Vec<f64>> {
        let n_assets = eigenvalues.len();
        let n_noise = match self.0 {
            Keep::AboveEdge => {
                let q = n_assets as f64 / n_observations as f64;
                let edge = (1.0 + q.sqrt()).powi(2);
                eigenvalues.partition_point(|&l| l < edge)
            }
            Keep::Fraction(share) => n_assets - (share * n_assets as f64).ceil() as usize,
        };
        let (noise, signal) = eigenvalues.split_at(n_noise);
        let level = noise.iter().sum::<f64>() / n_noise.max(1) as f64;
        Ok([vec![level; n_noise], signal.to_vec()].concat())
    }
}

pub(super) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(RotationInvariant { cleaner: Clip::default(), space: Space::Correlation(Diagonal::Reset) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_becomes_its_mean_and_the_trace_stays() {
        let cleaned = Clip::default().clean(&[0.2, 0.4, 0.6, 2.8], 16).unwrap(); // edge (1 + 1/2)² = 2.25
        assert!(cleaned.iter().zip([0.4, 0.4, 0.4, 2.8]).all(|(a, b)| (a - b).abs() < 1e-15), "{cleaned:?}");
        let cleaned = Clip::new(Keep::Fraction(0.5)).unwrap().clean(&[0.5, 0.7, 1.0, 1.8], 16).unwrap();
        assert_eq!(cleaned, [0.6, 0.6, 1.0, 1.8]);
    }
}
