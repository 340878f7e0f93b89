//! Market-value weights, w_i ∝ the newest market value known before the decision: the covariance is not used.
//!
//! Sharpe (1964), "Capital asset prices". Needs a panel with market values.

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::{Error, Result};
use crate::linalg::Covariance;
use crate::registry::Choice;

struct CapWeighted;

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
