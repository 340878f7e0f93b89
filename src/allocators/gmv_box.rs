//! Minimum variance with equal bounds on every weight, by an active set on a growing Cholesky factor.
//!
//! ```text
//! min w'Σw,  1'w = 1,  lower ≤ w_i ≤ upper
//! on the free set F with the others at a bound:  w_F = μ Σ_FF⁻¹ 1 − Σ_FF⁻¹ Σ_FB w_B,  μ such that 1'w = 1
//! optimal when (Σw)_i ≥ μ at a lower bound and ≤ μ at an upper one
//! ```
//! Each iteration frees the asset that promises the largest decrease, moves towards the minimum on F and stops at
//! every bound on the way, so the variance falls strictly and no set F recurs. The search begins at the vertex that
//! fills the assets of least variance. At the end w_F is solved again with the assets in ascending order.
//! Goldfarb, Idnani (1983), "A numerically stable dual method for solving strictly convex quadratic programs", for
//! the problem; primal active set: Nocedal, Wright (2006), "Numerical optimization", section 16.5.
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

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::{Error, Result};
use crate::linalg::{Cholesky, Covariance, GrowingCholesky, Matrix};
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

/// Violations of the optimality conditions below this share of |μ| are rounding.
const TOLERANCE: f64 = 1e-12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Lower,
    Upper,
    Free,
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
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let n = covariance.n_assets();
        if self.lower * n as f64 > 1.0 || (self.upper * n as f64) < 1.0 {
            let why = format!("{n} weights between {} and {} cannot sum to one", self.lower, self.upper);
            return Err(Error::Undefined { what: "gmv_box", why });
        }
        let mut search = Search::vertex(covariance.matrix(), self.lower, self.upper);
        for _ in 0..20 * n + 100 {
            let mu = search.settle();
            match search.best_entrant(mu) {
                Some(asset) => search.free(asset),
                None => return Weights::normalised(search.solution()?),
            }
        }
        Err(Error::Undefined { what: "gmv_box", why: format!("the active set did not settle on {n} assets") })
    }
}

struct Search<'a> {
    sigma: &'a Matrix,
    bounds: (f64, f64),
    factor: GrowingCholesky,
    w: Vec<f64>,
    status: Vec<Status>,
    /// Assets that must not be freed before the search has made progress.
    barred: Vec<usize>,
}

impl<'a> Search<'a> {
    /// The start: the assets of least variance at the upper bound, the others at the lower bound, and one in between.
    fn vertex(sigma: &'a Matrix, lower: f64, upper: f64) -> Self {
        let n = sigma.nrows();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| sigma[(a, a)].total_cmp(&sigma[(b, b)]));
        let (mut w, mut status) = (vec![lower; n], vec![Status::Lower; n]);
        let mut rest = 1.0 - lower * n as f64;
        let mut factor = GrowingCholesky::default();
        for asset in order {
            if rest >= upper - lower {
                (w[asset], status[asset]) = (upper, Status::Upper);
                rest -= upper - lower;
            } else {
                if rest > 0.0 && factor.add(sigma, asset) {
                    (w[asset], status[asset]) = (lower + rest, Status::Free);
                }
                break;
            }
        }
        Self { sigma, bounds: (lower, upper), factor, w, status, barred: Vec::new() }
    }

    /// Σ_FB w_B, and the part of the budget that is left for F.
    fn held(&self) -> (Vec<f64>, f64) {
        let mut bound = self.w.clone();
        self.factor.variables().iter().for_each(|&asset| bound[asset] = 0.0);
        let gradient = self.sigma.times(&bound);
        let held = self.factor.variables().iter().map(|&asset| gradient[asset]).collect();
        (held, 1.0 - bound.iter().sum::<f64>())
    }

    /// Moves to the minimum on F, fixing assets that reach a bound on the way; returns μ unless F is empty in the
    /// end.
    fn settle(&mut self) -> Option<f64> {
        while !self.factor.variables().is_empty() {
            let (held, budget) = self.held();
            let ones = self.factor.solve(&vec![1.0; held.len()]);
            let pulled = self.factor.solve(&held);
            let mu = (budget + pulled.iter().sum::<f64>()) / ones.iter().sum::<f64>();
            let goal: Vec<f64> = ones.iter().zip(&pulled).map(|(one, pull)| mu * one - pull).collect();
            let (lower, upper) = self.bounds;
            let step = |(&asset, &goal): (&usize, &f64)| {
                let w = self.w[asset];
                if goal < lower {
                    (w - lower) / (w - goal)
                } else if goal > upper {
                    (upper - w) / (goal - w)
                } else {
                    1.0
                }
            };
            let variables = self.factor.variables().to_vec();
            let steps: Vec<f64> = variables.iter().zip(&goal).map(step).collect();
            let shortest = steps.iter().copied().fold(1.0, f64::min);
            for (&asset, goal) in variables.iter().zip(&goal) {
                self.w[asset] += shortest * (goal - self.w[asset]);
            }
            if shortest >= 1.0 {
                return Some(mu);
            }
            for position in (0..steps.len()).rev().filter(|&p| steps[p] <= shortest) {
                let asset = variables[position];
                self.factor.remove(position);
                let at_lower = goal[position] < lower;
                self.status[asset] = if at_lower { Status::Lower } else { Status::Upper };
                self.w[asset] = if at_lower { lower } else { upper };
            }
        }
        None
    }

    /// The asset at a bound whose release promises the largest decrease.
    fn best_entrant(&self, mu: Option<f64>) -> Option<usize> {
        let gradient = self.sigma.times(&self.w);
        let extreme = |status, pick: fn(f64, f64) -> f64, start: f64| {
            (0..gradient.len()).filter(|&i| self.status[i] == status).map(|i| gradient[i]).fold(start, pick)
        };
        // Without a free asset, any μ between the two groups proves optimality.
        let mu = mu.unwrap_or_else(|| {
            let highest = extreme(Status::Upper, f64::max, f64::NEG_INFINITY);
            let lowest = extreme(Status::Lower, f64::min, f64::INFINITY);
            if highest.is_finite() && lowest.is_finite() { (highest + lowest) / 2.0 } else { highest.min(lowest) }
        });
        let promise = |asset: usize| {
            let violation = match self.status[asset] {
                Status::Lower => mu - gradient[asset],
                Status::Upper => gradient[asset] - mu,
                Status::Free => return None,
            };
            let counts = violation > TOLERANCE * mu.abs() && !self.barred.contains(&asset);
            counts.then(|| (asset, violation * violation / self.sigma[(asset, asset)]))
        };
        (0..gradient.len()).filter_map(promise).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(asset, _)| asset)
    }

    /// Adds an asset to F, or bars it if rounding makes that impossible.
    fn free(&mut self, asset: usize) {
        if self.factor.add(self.sigma, asset) {
            self.status[asset] = Status::Free;
            let before = self.w[asset];
            let at_lower = before == self.bounds.0;
            self.settle();
            // Rounding may send an asset back to its bound; without progress it must not be tried again at once.
            let back = self.status[asset] != Status::Free && (self.w[asset] == self.bounds.0) == at_lower;
            if back { self.barred.push(asset) } else { self.barred.clear() }
        } else {
            self.barred.push(asset);
        }
    }

    /// Solves for w again with F in ascending order and one step of iterative refinement.
    fn solution(&self) -> Result<Vec<f64>> {
        let free: Vec<usize> = (0..self.w.len()).filter(|&asset| self.status[asset] == Status::Free).collect();
        if free.is_empty() {
            return Ok(self.w.clone());
        }
        let mut bound = self.w.clone();
        free.iter().for_each(|&asset| bound[asset] = 0.0);
        let gradient = self.sigma.times(&bound);
        let block = Matrix::from_fn(free.len(), free.len(), |i, j| self.sigma[(free[i], free[j])]);
        let factor = Cholesky::new(&block)?;
        let refined = |b: &[f64]| {
            let mut x = factor.solve(b);
            let residual: Vec<f64> = block.times(&x).iter().zip(b).map(|(product, b)| b - product).collect();
            x.iter_mut().zip(factor.solve(&residual)).for_each(|(x, correction)| *x += correction);
            x
        };
        let ones = refined(&vec![1.0; free.len()]);
        let pulled = refined(&free.iter().map(|&asset| gradient[asset]).collect::<Vec<_>>());
        let budget = 1.0 - bound.iter().sum::<f64>();
        let mu = (budget + pulled.iter().sum::<f64>()) / ones.iter().sum::<f64>();
        let mut w = bound;
        for ((&asset, one), pull) in free.iter().zip(ones).zip(pulled) {
            w[asset] = (mu * one - pull).clamp(self.bounds.0, self.bounds.1);
        }
        Ok(w)
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
