//! Minimum variance with a bound on turnover.
//!
//! ```text
//! min w'Σw,  1'w = 1,  Σ |w_i − h_i| ≤ turnover + |1 − Σ h_i|,  lower ≤ w_i ≤ upper
//! ```
//! At the solution, with prices μ of the sum and λ ≥ 0 of the turnover (zero where it does not bind): (Σw)_i = μ − λ
//! sign(w_i − h_i) for every weight between its bounds that is traded, and |(Σw)_i − μ| ≤ λ where it is not. h are the
//! weights held before the trade, drifted with the returns known at the decision. If they sum to less than one, the rest
//! was held in assets that have left the universe; reinvesting it does not count as turnover. Without holdings there is no
//! bound. Lobo, Fazel, Boyd (2007), "Portfolio optimization with linear and fixed transaction costs".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let situation = Situation { held: Some(&[0.05; 20]), ..Situation::default() };
//! let weights = minvar::allocators::build("gmv_turnover,turnover=0.2")?.allocate(&sigma, &situation)?;
//! assert!(weights.as_slice().iter().map(|w| (w - 0.05).abs()).sum::<f64>() <= 0.2 + 1e-12);
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
        let (sigma, bounds) = (covariance.matrix(), (self.lower, self.upper));
        check_bounds("gmv_turnover", covariance.n_assets(), bounds)?;
        let Some(held) = situation.held else {
            let weights = Problem::between(sigma, bounds).minimum("gmv_turnover", situation.start, String::new)?;
            return Weights::normalised(weights);
        };
        let lacking = (1.0 - held.iter().sum::<f64>()).abs();
        let contradiction = || {
            // First into the bounds, then to a sum of one.
            let (lower, upper) = bounds;
            let inside: Vec<f64> = held.iter().map(|h| h.clamp(lower, upper)).collect();
            let moved: f64 = inside.iter().zip(held).map(|(w, h)| (w - h).abs()).sum();
            let least = moved + (1.0 - inside.iter().sum::<f64>()).abs() - lacking;
            let limit = self.turnover;
            format!("weights between {lower} and {upper} need a turnover of at least {least:.6}, above {limit}")
        };
        // The weights held are the better start: few weights leave them if the bound is tight.
        let problem = Problem::around(sigma, bounds, held, self.turnover + lacking);
        Weights::normalised(problem.minimum("gmv_turnover", None, contradiction)?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: TurnoverMinimumVariance = choice.parameters()?;
    check(allocator.turnover >= 0.0, "gmv_turnover.turnover", "at least 0", allocator.turnover)?;
    check(allocator.lower < allocator.upper, "gmv_turnover.lower", "below upper", allocator.lower)?;
    Ok(Box::new(allocator))
}
