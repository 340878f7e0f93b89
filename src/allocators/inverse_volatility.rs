//! Weights in inverse proportion to volatilities.
//!
//! ```text
//! w_i ∝ 1 / √Σ_ii
//! ```
//! Papers and packages also call this "inverse variance"; here the two are kept apart.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::InverseVolatility;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = InverseVolatility.allocate(&sigma, &Situation::default())?;
//! let equal: Vec<f64> = weights.as_slice().iter().zip(sigma.volatilities()).map(|(w, sd)| w * sd).collect();
//! assert!((equal[0] / equal[1] - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Inverse-volatility weights, w_i ∝ 1/σ_i.
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
