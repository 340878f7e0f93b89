//! The exponentially weighted variance about zero: Σ_a (1 − λ) λ^a x² / (1 − λ^T) over ages a.
//!
//! J.P. Morgan (1996), "RiskMetrics: technical document", section 5.2.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,volatility=ewma(0.97)")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::Window;
use crate::estimators::volatility::Volatility;
use crate::linalg::Repair;
use crate::registry::{Part, check};

/// The exponentially weighted variance.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EwmaVolatility {
    decay: f64,
}

impl Default for EwmaVolatility {
    fn default() -> Self {
        Self { decay: 0.94 }
    }
}

impl EwmaVolatility {
    /// Refuses a decay λ outside (0, 1).
    pub fn new(decay: f64) -> Result<Self> {
        check(decay > 0.0 && decay < 1.0, "ewma.decay", "in (0, 1)", decay)?;
        Ok(Self { decay })
    }

    /// The variances s_t² of the days of a series, from days before each: s_1² is the mean of x², then
    /// s_t² = λ s_{t−1}² + (1 − λ) x_{t−1}².
    pub fn path<'a>(&self, returns: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let first = returns.iter().map(|x| x * x).sum::<f64>() / returns.len() as f64;
        let decay = self.decay;
        let next = move |variance: &mut f64, x: &f64| {
            let today = *variance;
            *variance = decay * today + (1.0 - decay) * x * x;
            Some(today)
        };
        returns.iter().scan(first, next)
    }
}

impl Volatility for EwmaVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let total = 1.0 - self.decay.powi(window.n_days() as i32);
        // λ s + (1 − λ) x², from the oldest day on.
        let variance = |x: &[f64]| x.iter().fold(0.0, |sum, x| self.decay * sum + (1.0 - self.decay) * x * x) / total;
        Ok((window.returns().columns().map(variance).collect(), None))
    }
}

pub(super) fn build(part: &Part, _: usize) -> Result<Box<dyn Volatility>> {
    Ok(Box::new(of(part)?))
}

/// The decay that a part gives.
pub(in crate::estimators) fn of(part: &Part) -> Result<EwmaVolatility> {
    let EwmaVolatility { decay } = part.parameters("decay")?;
    EwmaVolatility::new(decay)
}
