//! Minimum variance with a bound on gross leverage.
//!
//! ```text
//! min w'Σw,  1'w = 1,  Σ |w_i| ≤ gross,  lower ≤ w_i ≤ upper
//! ```
//! gross = 1 gives the long-only portfolio; a large value does not constrain.
//! Fan, Zhang, Yu (2012), "Vast portfolio selection with gross-exposure constraints".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = minvar::allocators::build("gmv_gross,gross=1.5")?.allocate(&sigma, &Situation::default())?;
//! assert!(weights.as_slice().iter().map(|w| w.abs()).sum::<f64>() <= 1.5 + 1e-6);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::allocators::quadratic::QuadraticProgram;
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
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let mut program = QuadraticProgram::new("gmv_gross", covariance);
        program.within(&vec![0.0; covariance.n_assets()], self.gross);
        program.between(self.lower, self.upper);
        Weights::normalised(program.solve()?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: GrossMinimumVariance = choice.parameters()?;
    check(allocator.gross >= 1.0 && allocator.gross.is_finite(), "gmv_gross.gross", "at least 1", allocator.gross)?;
    check(allocator.lower < allocator.upper, "gmv_gross.lower", "below upper", allocator.lower)?;
    Ok(Box::new(allocator))
}
