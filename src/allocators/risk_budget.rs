//! Risk budgets: every asset contributes its budgeted share of the variance.
//!
//! ```text
//! w_i (Σw)_i = b_i w'Σw:   x minimises ½ x'Σx − Σ b_i ln x_i,  w = x / 1'x
//! erc          b_i = 1/n
//! risk_budget  b shared equally among sectors, then among their members (by = "sector"), or in proportion to market
//!              values (by = "market_value")
//! ```
//! The problem is strictly convex on x > 0, also for a singular Σ; damped Newton steps converge up to rounding.
//! Maillard, Roncalli, Teïletche (2010), "The properties of equally weighted risk contribution portfolios"; Spinu
//! (2013), "An algorithm for computing risk parity weights"; budgets: Bruder, Roncalli (2012), "Managing risk
//! exposures using the risk budgeting approach".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = minvar::allocators::build("erc")?.allocate(&sigma, &Situation::default())?;
//! let pulls = sigma.matrix().times(weights.as_slice());
//! let shares: Vec<f64> = weights.as_slice().iter().zip(&pulls).map(|(w, pull)| w * pull).collect();
//! assert!((shares[0] / shares[19] - 1.0).abs() < 1e-9);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::allocators::gmv_sector::by_sector;
use crate::allocators::{Allocator, Situation, Weights};
use crate::error::{Error, Result};
use crate::linalg::{Cholesky, Covariance};
use crate::registry::Choice;

/// How the risk budget is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Equally among assets.
    Asset,
    /// Equally among sectors, then equally among the assets of each.
    #[default]
    Sector,
    /// In proportion to the assets' market values.
    MarketValue,
}

/// Risk budgeting.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskBudget {
    /// How the risk budget is divided.
    pub by: Budget,
}

const MOST_STEPS: usize = 200;
/// Contributions whose relative distance from their budgets is below this count as equal to them.
const TOLERANCE: f64 = 1e-13;

/// Raw weights x (n) for positive budgets b (n) with sum one.
fn budgeted(covariance: &Covariance, budgets: &[f64]) -> Result<Vec<f64>> {
    let n = budgets.len();
    let scale = n as f64 / covariance.matrix().trace();
    let sigma = covariance.matrix().clone().scaled(scale);
    let value = |x: &[f64], image: &[f64]| {
        let quadratic: f64 = x.iter().zip(image).map(|(x, s)| x * s).sum();
        0.5 * quadratic - x.iter().zip(budgets).map(|(x, b)| b * x.ln()).sum::<f64>()
    };
    let mut x: Vec<f64> = sigma.diagonal().iter().zip(budgets).map(|(s, b)| (b / s).sqrt()).collect();
    let mut worst = f64::INFINITY;
    for _ in 0..MOST_STEPS {
        let image = sigma.times(&x);
        let error = (0..n).map(|i| (x[i] * image[i] / budgets[i] - 1.0).abs()).fold(0.0, f64::max);
        if error < TOLERANCE || (error < 1e-10 && error >= worst) {
            return Ok(x);
        }
        worst = error;
        let gradient: Vec<f64> = (0..n).map(|i| budgets[i] / x[i] - image[i]).collect();
        let hessian = sigma.clone().map(|i, j, s| if i == j { s + budgets[i] / (x[i] * x[i]) } else { s });
        let step = Cholesky::new(&hessian)?.solve(&gradient);
        let slope: f64 = step.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        let start = value(&x, &image);
        let mut size = 1.0;
        loop {
            let next: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + size * s).collect();
            let inside = next.iter().all(|x| *x > 0.0);
            // Close to the minimum rounding hides the decrease, so a full Newton step inside x > 0 is accepted.
            if inside && (slope < 1e-12 || value(&next, &sigma.times(&next)) <= start - 0.25 * size * slope) {
                x = next;
                break;
            }
            size *= 0.5;
            if size < 1e-12 {
                return Err(Error::Undefined { what: "risk_budget", why: "its search found no descent".to_string() });
            }
        }
    }
    Err(Error::Undefined { what: "risk_budget", why: format!("{MOST_STEPS} Newton steps did not converge") })
}

impl Allocator for RiskBudget {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let n = covariance.n_assets();
        let raw: Vec<f64> = match self.by {
            Budget::Asset => vec![1.0; n],
            Budget::MarketValue => {
                let values = situation.known("risk_budget", "market values", situation.market_values)?;
                if let Some(column) = values.iter().position(|value| !(*value > 0.0 && value.is_finite())) {
                    return Err(Error::Column { column, rule: "its market value is missing or not positive" });
                }
                values.to_vec()
            }
            Budget::Sector => {
                let sectors = situation.known("risk_budget", "sectors", situation.sectors)?;
                let mut raw = vec![0.0; n];
                for members in by_sector(sectors).values() {
                    members.iter().for_each(|&i| raw[i] = 1.0 / members.len() as f64);
                }
                raw
            }
        };
        let total: f64 = raw.iter().sum();
        let budgets: Vec<f64> = raw.iter().map(|b| b / total).collect();
        Weights::normalised(budgeted(covariance, &budgets)?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    Ok(Box::new(choice.parameters::<RiskBudget>()?))
}

pub(super) fn build_erc(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(RiskBudget { by: Budget::Asset }))
}
