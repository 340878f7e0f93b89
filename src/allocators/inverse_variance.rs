//! Weights in inverse proportion to variances.
//!
//! ```text
//! w_i ∝ 1 / Σ_ii
//! ```
//! The minimum-variance portfolio of uncorrelated assets. Some papers give this name to inverse volatility.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::InverseVariance;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = InverseVariance.allocate(&sigma, &Situation::default())?;
//! assert!(weights.as_slice().iter().all(|w| *w > 0.0));
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Inverse-variance weights, w_i ∝ 1/σ_i².
#[derive(Clone, Copy, Debug, Default)]
pub struct InverseVariance;

impl Allocator for InverseVariance {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        Weights::normalised(covariance.matrix().diagonal().into_iter().map(|variance| 1.0 / variance).collect())
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(InverseVariance))
}
