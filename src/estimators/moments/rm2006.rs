//! RiskMetrics 2006: a mixture of exponentially weighted covariances with long memory.
//!
//! ```text
//! τ_j = 4 · 2^((j−1)/2), j = 1 … 14;  μ_j = exp(−1/τ_j);  weight of j ∝ 1 − ln τ_j / ln 1560
//! Σ_j ← μ_j Σ_j + (1−μ_j) x x',  started at a mean of the oldest m_j outer products with weights ∝ μ_j^i,
//! m_j = max(min(⌊ln 0.01 / ln μ_j⌋, T+1), 1)
//! ```
//! i = 0 for the oldest day; the forecast day counts as a row of zeros. No means are removed. The mixture is linear
//! in the outer products, so a single weighted product computes it.
//! Zumbach (2007), "The RiskMetrics 2006 methodology", section 3; start as in the MFE toolbox, `riskmetrics2006.m`.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::RiskMetrics2006;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RiskMetrics2006.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::{Calibration, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Number of time scales.
const SCALES: i32 = 14;
/// The shortest time scale, days.
const SHORTEST: f64 = 4.0;
/// The logarithmic decay of the weights, days (Zumbach 2007, table 1).
const LONGEST: f64 = 1560.0;

/// The RiskMetrics 2006 mixture; it has no parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct RiskMetrics2006;

/// Weights of the outer products (T), oldest first.
pub(in crate::estimators) fn weights(n_days: usize) -> Vec<f64> {
    let scales: Vec<f64> = (0..SCALES).map(|j| SHORTEST * 2f64.powf(f64::from(j) / 2.0)).collect();
    let shares: Vec<f64> = scales.iter().map(|tau| 1.0 - tau.ln() / LONGEST.ln()).collect();
    let total: f64 = shares.iter().sum();
    let mut weights = vec![0.0; n_days];
    for (tau, share) in scales.iter().zip(&shares) {
        let mu = (-1.0 / tau).exp();
        let m = ((0.01f64.ln() / mu.ln()) as usize).min(n_days + 1).max(1);
        let first: Vec<f64> = (0..m).map(|i| mu.powi(i as i32)).collect();
        let carried = mu.powi(n_days as i32) / first.iter().sum::<f64>();
        for (t, weight) in weights.iter_mut().enumerate() {
            let started = first.get(t).map_or(0.0, |f| carried * f);
            *weight += share / total * ((1.0 - mu) * mu.powi((n_days - 1 - t) as i32) + started);
        }
    }
    weights
}

impl CovarianceEstimator for RiskMetrics2006 {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        Covariance::new(window.returns().weighted_gram(&weights(window.n_days())))
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(RiskMetrics2006))
}
