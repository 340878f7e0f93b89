//! The exponentially weighted variance of daily ranges, at the level of returns.
//!
//! ```text
//! v_t = (ln H_t/L_t)² / (4 ln 2);   variance = Σ_a λ^a v_a / Σ_a λ^a  ·  mean(x²) / mean(v)
//! ```
//! over ages a of days whose high H and low L are known, at least 95 % of the window. The ratio puts back the night and what a path seen
//! at discrete trades misses; its mean of x² is over the same days.
//! Parkinson (1980), "The extreme value method for estimating the variance of the rate of return", Journal of Business 53.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let returns = SyntheticMarket::complete(20, 60).returns()?;
//! let ranges = returns.clone().map(|_, _, x| 1.5 * x.abs()); // ln H/L of each day
//! let window = Window::new(returns)?.with_ranges(ranges);
//! let sigma = minvar::estimators::build("qis,volatility=range(0.97)")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::Window;
use crate::estimators::volatility::Volatility;
use crate::linalg::Repair;
use crate::registry::{Part, check};

/// The smallest share of the days whose range must be known.
const KNOWN: f64 = 0.95;

/// The exponentially weighted variance of ranges.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RangeVolatility {
    decay: f64,
}

impl Default for RangeVolatility {
    fn default() -> Self {
        Self { decay: 0.94 }
    }
}

impl RangeVolatility {
    /// Refuses a decay λ outside (0, 1).
    pub fn new(decay: f64) -> Result<Self> {
        check(decay > 0.0 && decay < 1.0, "range.decay", "in (0, 1)", decay)?;
        Ok(Self { decay })
    }

    /// The variance from the returns and ranges of an asset; `None` if too few ranges are known.
    fn variance(&self, returns: &[f64], ranges: &[f64]) -> Option<f64> {
        let (mut weighted, mut weights, mut range, mut square, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, r) in returns.iter().zip(ranges) {
            weighted *= self.decay;
            weights *= self.decay;
            if r.is_finite() {
                let v = r * r / (4.0 * std::f64::consts::LN_2);
                weighted += v;
                weights += 1.0;
                range += v;
                square += x * x;
                count += 1.0;
            }
        }
        let known = count >= KNOWN * returns.len() as f64 && range > 0.0;
        known.then_some(weighted / weights * (square / range))
    }
}

impl Volatility for RangeVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let ranges = window.ranges().ok_or_else(|| Error::Undefined {
            what: "range",
            why: "the data have no high and low prices; choose another volatility".to_string(),
        })?;
        let columns = window.returns().columns().zip(ranges.columns());
        let variance = |(column, (returns, ranges))| {
            let rule = "its high and low are known on less than 95 % of the days, or never differ";
            self.variance(returns, ranges).ok_or(Error::Column { column, rule })
        };
        Ok((columns.enumerate().map(variance).collect::<Result<_>>()?, None))
    }
}

pub(super) fn build(part: &Part, _: usize) -> Result<Box<dyn Volatility>> {
    let RangeVolatility { decay } = part.parameters("decay")?;
    Ok(Box::new(RangeVolatility::new(decay)?))
}
