//! Long-only minimum variance on the correlation matrix E: most diversified and least correlated portfolios.
//!
//! ```text
//! x = argmin x'Ex,  1'x = 1,  x ≥ 0
//! max_diversification  w ∝ x / σ, which maximises w'σ / √(w'Σw)
//! max_decorrelation    w = x
//! ```
//! Choueifaty, Coignard (2008), "Toward maximum diversification"; Christoffersen, Errunza, Jacobs, Langlois (2012), "Is
//! the potential for international diversification disappearing?".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! for name in ["max_diversification", "max_decorrelation"] {
//!     let weights = minvar::allocators::build(name)?.allocate(&sigma, &Situation::default())?;
//!     assert!(weights.as_slice().iter().all(|w| *w >= 0.0));
//! }
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, LongOnlyMinimumVariance, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::Choice;

/// The two portfolios: x divided by volatilities, or x itself.
enum OnCorrelation {
    Diversification,
    Decorrelation,
}

impl Allocator for OnCorrelation {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let sd = covariance.volatilities();
        let correlation = covariance.matrix().clone().map(|i, j, s| if i == j { 1.0 } else { s / (sd[i] * sd[j]) });
        let x = LongOnlyMinimumVariance.allocate(&Covariance::new(correlation)?, &Situation::default())?;
        match self {
            Self::Decorrelation => Ok(x),
            Self::Diversification => Weights::normalised(x.as_slice().iter().zip(&sd).map(|(x, sd)| x / sd).collect()),
        }
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(OnCorrelation::Diversification))
}

pub(super) fn build_decorrelation(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(OnCorrelation::Decorrelation))
}
