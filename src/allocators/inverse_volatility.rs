//! Inverse volatility.
//!
//! ```text
//! w_i ∝ 1 / √Σ_ii
//! ```
//! Papers and packages also call this "inverse variance"; here the two are kept apart.

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::Choice;

/// w_i ∝ 1/σ_i.
#[derive(Clone, Copy, Debug, Default)]
pub struct InverseVolatility;

impl Allocator for InverseVolatility {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        Weights::normalised(covariance.volatilities().into_iter().map(|sd| 1.0 / sd).collect())
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(InverseVolatility))
}
