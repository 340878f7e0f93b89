//! Global minimum variance.
//!
//! ```text
//! w = Σ⁻¹ 1 / (1'Σ⁻¹ 1)
//! ```
//! Undefined for a singular Σ: a pseudo-inverse would give a different portfolio, so none is used.
//! Markowitz (1952), "Portfolio selection"; Merton (1972), equation 12.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::MinimumVariance;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = MinimumVariance.allocate(&sigma, &Situation::default())?;
//! assert!(sigma.variance_of(weights.as_slice()) < sigma.variance_of(&[0.05; 20]));
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::{Cholesky, Covariance};
use crate::registry::Choice;

/// The unconstrained minimum-variance portfolio.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinimumVariance;

impl Allocator for MinimumVariance {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let factor = Cholesky::new(covariance.matrix())?;
        Weights::normalised(factor.solve(&vec![1.0; covariance.n_assets()]))
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(MinimumVariance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Matrix;

    #[test]
    fn uncorrelated_assets_are_held_in_inverse_proportion_to_their_variances() {
        let sigma = Covariance::new(Matrix::from_column_major(2, 2, vec![1.0, 0.0, 0.0, 3.0])).unwrap();
        let weights = MinimumVariance.allocate(&sigma, &Situation::default()).unwrap();
        assert!((weights.as_slice()[0] - 0.75).abs() < 1e-15);
    }
}
