//! Minimum variance with a bound on gross leverage.
//!
//! ```text
//! min w'Σw,  1'w = 1,  Σ |w_i| ≤ gross,  lower ≤ w_i ≤ upper
//! ```
//! At the solution, with prices μ of the sum and λ ≥ 0 of the bound (zero where it does not bind): (Σw)_i = μ − λ sign(w_i)
//! for every weight between its bounds that is not zero, and |(Σw)_i − μ| ≤ λ where it is zero. gross = 1 gives the
//! long-only portfolio; a large value does not constrain. Fan, Zhang, Yu (2012), "Vast portfolio selection with
//! gross-exposure constraints".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = minvar::allocators::build("gmv_gross,gross=1.5")?.allocate(&sigma, &Situation::default())?;
//! assert!(weights.as_slice().iter().map(|w| w.abs()).sum::<f64>() <= 1.5 + 1e-12);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::allocators::active_set::{Problem, check_bounds};
use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GrossMinimumVariance {
    gross: f64,
    lower: f64,
    upper: f64,
}

impl Default for GrossMinimumVariance {
    fn default() -> Self {
        Self { gross: 1.6, lower: f64::NEG_INFINITY, upper: f64::INFINITY } // 130/30
    }
}

impl Allocator for GrossMinimumVariance {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let (n, bounds) = (covariance.n_assets(), (self.lower, self.upper));
        check_bounds("gmv_gross", n, bounds)?;
        let problem = Problem::around(covariance.matrix(), bounds, &vec![0.0; n], self.gross);
        let contradiction = || format!("set gross above {}", self.gross);
        Weights::normalised(problem.minimum("gmv_gross", situation.start, contradiction)?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: GrossMinimumVariance = choice.parameters()?;
    check(allocator.gross >= 1.0 && allocator.gross.is_finite(), "gmv_gross.gross", "at least 1", allocator.gross)?;
    check(allocator.lower < allocator.upper, "gmv_gross.lower", "below upper", allocator.lower)?;
    Ok(Box::new(allocator))
}
