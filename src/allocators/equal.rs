//! Equal weights, w_i = 1/N. The covariance is not used.
//!
//! DeMiguel, Garlappi, Uppal (2009), "Optimal versus naive diversification".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::EqualWeight;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = EqualWeight.allocate(&sigma, &Situation::default())?;
//! assert_eq!(weights.as_slice()[0], 0.05);
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Equal weights, w_i = 1/N.
#[derive(Clone, Copy, Debug, Default)]
pub struct EqualWeight;

impl Allocator for EqualWeight {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        Weights::normalised(vec![1.0; covariance.n_assets()])
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(EqualWeight))
}
