//! Market-value weights: w_i ∝ the newest market value known before the decision. The covariance is not used.
//!
//! Needs a panel with market values.
//! Sharpe (1964), "Capital asset prices".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::CapWeighted;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let values: Vec<f64> = (1..=20).map(|i| 1e9 * f64::from(i)).collect();
//! let situation = Situation { market_values: Some(&values), ..Situation::default() };
//! let weights = CapWeighted.allocate(&sigma, &situation)?;
//! assert!((weights.as_slice()[19] / weights.as_slice()[0] - 20.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::{Error, Result};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Weights in proportion to market values.
#[derive(Clone, Copy, Debug, Default)]
pub struct CapWeighted;

impl Allocator for CapWeighted {
    fn allocate(&self, _: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let values = situation.known("cap_weighted", "market values", situation.market_values)?;
        if let Some(column) = values.iter().position(|value| !(*value > 0.0 && value.is_finite())) {
            return Err(Error::Column { column, rule: "its market value is missing or not positive" });
        }
        Weights::normalised(values.to_vec())
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(CapWeighted))
}
