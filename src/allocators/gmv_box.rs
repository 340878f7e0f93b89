//! Minimum variance with equal bounds on every weight.
//!
//! ```text
//! min w'Σw,  1'w = 1,  lower ≤ w_i ≤ upper
//! optimal when, for some μ, (Σw)_i = μ between the bounds, ≥ μ at the lower one and ≤ μ at the upper one
//! ```
//! `active_set` finds the weights. Jagannathan, Ma (2003), "Risk reduction in large portfolios: why imposing the wrong
//! constraints helps".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::BoxMinimumVariance;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = BoxMinimumVariance::new(0.0, 0.1)?.allocate(&sigma, &Situation::default())?;
//! assert!(weights.as_slice().iter().all(|w| (0.0..=0.1 + 1e-12).contains(w)));
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::allocators::active_set::{Problem, check_bounds};
use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

/// Minimum variance with the same bounds on every weight.
#[derive(Clone, Copy, Debug)]
pub struct BoxMinimumVariance {
    lower: f64,
    upper: f64,
}

/// Parameters of `gmv_box`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    lower: f64,
    upper: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { lower: 0.0, upper: 0.05 }
    }
}

impl BoxMinimumVariance {
    /// Bounds of each weight. Refuses bounds unless lower < upper and 0 < upper, both finite.
    pub fn new(lower: f64, upper: f64) -> Result<Self> {
        check(upper > 0.0 && upper.is_finite(), "gmv_box.upper", "above 0", upper)?;
        check(lower < upper && lower.is_finite(), "gmv_box.lower", "below upper", lower)?;
        Ok(Self { lower, upper })
    }
}

impl Allocator for BoxMinimumVariance {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let bounds = (self.lower, self.upper);
        check_bounds("gmv_box", covariance.n_assets(), bounds)?;
        let problem = Problem::between(covariance.matrix(), bounds);
        Weights::normalised(problem.minimum("gmv_box", situation.start, String::new)?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let Parameters { lower, upper } = choice.parameters()?;
    Ok(Box::new(BoxMinimumVariance::new(lower, upper)?))
}

/// Largest violation of the optimality conditions of w in a box, relative to the mean |(Σw)_i|: no asset below its upper
/// bound may have a smaller gradient than one above its lower bound.
pub fn box_kkt_residual(covariance: &Covariance, weights: &[f64], lower: f64, upper: f64) -> f64 {
    let gradient = covariance.matrix().times(weights);
    let pairs = || gradient.iter().zip(weights);
    // Dividing by the sum moves a weight off its bound by a rounding error.
    let can_grow = pairs().filter(|(_, w)| **w < upper - 1e-14).map(|(g, _)| *g).fold(f64::INFINITY, f64::min);
    let can_fall = pairs().filter(|(_, w)| **w > lower + 1e-14).map(|(g, _)| *g).fold(f64::NEG_INFINITY, f64::max);
    let scale = gradient.iter().map(|g| g.abs()).sum::<f64>() / gradient.len() as f64;
    let budget = (weights.iter().sum::<f64>() - 1.0).abs();
    let outside = weights.iter().map(|w| (lower - w).max(w - upper)).fold(0.0, f64::max);
    budget.max(outside).max((can_fall - can_grow) / scale)
}
