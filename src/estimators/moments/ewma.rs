//! Exponentially weighted covariance.
//!
//! ```text
//! Σ = Σ_t w_t x_t x_t',   w_t = (1−l) l^(T−t) / (1 − l^T)
//! ```
//! No means are removed. The effective sample size is (1+l)/(1−l) days, 32 at l = 0.94. With more assets than that
//! the matrix is close to singular, and numerically singular once l^T falls below the precision of doubles. J.P.
//! Morgan/Reuters (1996), "RiskMetrics Technical Document", section 5.2.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Ewma, Start};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = Ewma::new(0.94, Start::Normalised)?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! assert!(Ewma::new(1.0, Start::Normalised).is_err());
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::{Calibration, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

/// Start of the recursion Σ ← l Σ + (1−l) x x': how the weights of a finite window are completed to sum to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The weights are divided by their sum.
    #[default]
    Normalised,
    /// The recursion starts at zero; the weights are not completed.
    Zero,
    /// The recursion starts at a mean of the oldest m outer products with weights ∝ l^i, i = 0 for the oldest, m =
    /// max(min(⌊ln 0.01 / ln l⌋, T+1), N). The forecast day counts as a row of zeros (MFE toolbox, `riskmetrics.m`).
    BackCast,
    /// Normalised, weighted means removed, divided by 1 − Σ w² (pandas `ewm().cov()`).
    Centred,
}

/// Exponentially weighted covariance.
pub struct Ewma {
    decay: f64,
    start: Start,
}

impl Ewma {
    /// Takes the decay l per day. Refuses values outside (0, 1).
    pub fn new(decay: f64, start: Start) -> Result<Self> {
        check(decay > 0.0 && decay < 1.0, "ewma.decay", "in (0, 1)", decay)?;
        Ok(Self { decay, start })
    }

    /// Weights of the days (T), oldest first.
    fn weights(&self, n_days: usize, n_assets: usize) -> Vec<f64> {
        let l = self.decay;
        let ages = (0..n_days).rev();
        let mut weights: Vec<f64> = ages.map(|age| (1.0 - l) * l.powi(age as i32)).collect();
        match self.start {
            Start::Zero => {}
            Start::Normalised | Start::Centred => {
                let sum: f64 = weights.iter().sum();
                weights.iter_mut().for_each(|w| *w /= sum);
            }
            Start::BackCast => {
                let m = ((0.01f64.ln() / l.ln()) as usize).min(n_days + 1).max(n_assets);
                let first: Vec<f64> = (0..m).map(|i| l.powi(i as i32)).collect();
                let carried = l.powi(n_days as i32) / first.iter().sum::<f64>();
                weights.iter_mut().zip(first).for_each(|(w, f)| *w += carried * f);
            }
        }
        weights
    }
}

impl CovarianceEstimator for Ewma {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let weights = self.weights(window.n_days(), window.n_assets());
        if self.start != Start::Centred {
            return Covariance::new(window.returns().weighted_gram(&weights));
        }
        let mut centred = window.returns().clone();
        for j in 0..centred.ncols() {
            let column = centred.column_mut(j);
            let mean: f64 = column.iter().zip(&weights).map(|(x, w)| x * w).sum();
            column.iter_mut().for_each(|x| *x -= mean);
        }
        let spent = 1.0 - weights.iter().map(|w| w * w).sum::<f64>();
        Covariance::new(centred.weighted_gram(&weights).scaled(1.0 / spent))
    }
}

/// Parameters of `ewma`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    decay: f64,
    start: Start,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { decay: 0.94, start: Start::Normalised } // RiskMetrics, daily data
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { decay, start } = choice.parameters()?;
    Ok(Box::new(Ewma::new(decay, start)?))
}
