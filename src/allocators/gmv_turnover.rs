//! Minimum variance with a bound on turnover.
//!
//! ```text
//! min w'Σw,  1'w = 1,  Σ |w_i − h_i| ≤ turnover + |1 − Σ h_i|,  lower ≤ w_i ≤ upper
//! ```
//! h are the weights held before the trade, drifted with the returns known at the decision. If they sum to less than
//! one, the rest was held in assets that have left the universe; reinvesting it does not count as turnover. Without
//! holdings there is no bound.
//! Lobo, Fazel, Boyd (2007), "Portfolio optimization with linear and fixed transaction costs".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let situation = Situation { held: Some(&[0.05; 20]), ..Situation::default() };
//! let weights = minvar::allocators::build("gmv_turnover,turnover=0.2")?.allocate(&sigma, &situation)?;
//! assert!(weights.as_slice().iter().map(|w| (w - 0.05).abs()).sum::<f64>() <= 0.2 + 1e-6);
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
pub(super) struct TurnoverMinimumVariance {
    turnover: f64,
    lower: f64,
    upper: f64,
}

impl Default for TurnoverMinimumVariance {
    fn default() -> Self {
        Self { turnover: 0.3, lower: 0.0, upper: f64::INFINITY }
    }
}

impl Allocator for TurnoverMinimumVariance {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let mut program = QuadraticProgram::new("gmv_turnover", covariance);
        if let Some(held) = situation.held {
            let lacking = (1.0 - held.iter().sum::<f64>()).abs();
            program.within(held, self.turnover + lacking);
        }
        program.between(self.lower, self.upper);
        Weights::normalised(program.solve()?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: TurnoverMinimumVariance = choice.parameters()?;
    check(allocator.turnover >= 0.0, "gmv_turnover.turnover", "at least 0", allocator.turnover)?;
    check(allocator.lower < allocator.upper, "gmv_turnover.lower", "below upper", allocator.lower)?;
    Ok(Box::new(allocator))
}
