//! Long-only minimum variance, by an active set on a growing Cholesky factor.
//!
//! ```text
//! min w'Σw,  1'w = 1,  w ≥ 0
//! ```
//! With x = w / (w'Σw) the budget constraint disappears: x minimises ½ x'Σx − 1'x over x ≥ 0, a problem of
//! non-negative least squares, and w = x / 1'x. On the free set F, x_F = Σ_FF⁻¹ 1; x is optimal if ν = Σx − 1 ≥ 0
//! elsewhere. Each iteration frees the asset that promises the largest decrease ν_j²/Σ_jj, moves towards the new x_F,
//! and drops assets that reach zero on the way, so the objective falls strictly and no set F recurs. At the end x_F
//! is solved again with the assets in ascending order: the bytes of the result depend on F, not on the path to it.
//! Lawson, Hanson (1974), "Solving least squares problems", chapter 23.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::allocators::{LongOnlyMinimumVariance, kkt_residual};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default())?;
//! assert!(weights.as_slice().iter().all(|w| *w >= 0.0));
//! assert!(kkt_residual(&sigma, weights.as_slice()) < 1e-9);
//! # Ok(())
//! # }
//! ```

use crate::allocators::{Allocator, Situation, Weights};
use crate::error::{Error, Result};
use crate::linalg::{Cholesky, Covariance, GrowingCholesky, Matrix};
use crate::registry::Choice;

/// A gradient ν above minus this is not a violation; ν has no unit, since Σx = 1 + ν.
const GRADIENT_TOLERANCE: f64 = 1e-12;

/// The long-only minimum-variance portfolio.
#[derive(Clone, Copy, Debug, Default)]
pub struct LongOnlyMinimumVariance;

impl Allocator for LongOnlyMinimumVariance {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let sigma = covariance.matrix();
        let mut search = Search::from(sigma, situation.start);
        // Each iteration frees one asset. Many more iterations than assets mean that rounding keeps the search from
        // ending.
        for _ in 0..20 * covariance.n_assets() + 100 {
            search.settle();
            match search.best_entrant() {
                Some(asset) => search.free(asset),
                None => return Weights::normalised(search.solution()?),
            }
        }
        let why = format!("the active set did not settle on {} assets", covariance.n_assets());
        Err(Error::Undefined { what: "gmv_long_only", why })
    }
}

/// The state of the active-set search.
struct Search<'a> {
    sigma: &'a Matrix,
    factor: GrowingCholesky,
    /// A feasible point, zero outside F.
    x: Vec<f64>,
    is_free: Vec<bool>,
    /// Assets that would make Σ_FF singular or that rounding removed at once; they wait until the search makes
    /// progress.
    barred: Vec<usize>,
}

impl<'a> Search<'a> {
    /// Starts from the long positions of `start`, scaled to the best point on their ray.
    fn from(sigma: &'a Matrix, start: Option<&[f64]>) -> Self {
        let n = sigma.nrows();
        let mut search = Self {
            sigma,
            factor: GrowingCholesky::default(),
            x: vec![0.0; n],
            is_free: vec![false; n],
            barred: vec![],
        };
        let Some(start) = start else { return search };
        for (asset, &weight) in start.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            if search.factor.add(sigma, asset) {
                search.is_free[asset] = true;
                search.x[asset] = weight;
            }
        }
        let risk: f64 = sigma.times(&search.x).iter().zip(&search.x).map(|(s, x)| s * x).sum();
        let sum: f64 = search.x.iter().sum();
        if risk > 0.0 {
            search.x.iter_mut().for_each(|x| *x *= sum / risk);
        }
        search
    }

    /// Moves to the minimum on F, dropping assets that reach zero first.
    fn settle(&mut self) {
        while !self.factor.variables().is_empty() {
            let goal = self.factor.solve(&vec![1.0; self.factor.variables().len()]);
            let variables = self.factor.variables();
            let step = |(&asset, &z): (&usize, &f64)| if z > 0.0 { 1.0 } else { self.x[asset] / (self.x[asset] - z) };
            let steps: Vec<f64> = variables.iter().zip(&goal).map(step).collect();
            let shortest = steps.iter().copied().fold(1.0, f64::min);
            for (&asset, &z) in variables.iter().zip(&goal) {
                self.x[asset] += shortest * (z - self.x[asset]);
            }
            if shortest >= 1.0 {
                return;
            }
            for position in (0..steps.len()).rev().filter(|&p| steps[p] <= shortest) {
                let asset = self.factor.variables()[position];
                self.factor.remove(position);
                self.is_free[asset] = false;
                self.x[asset] = 0.0;
            }
        }
    }

    /// The bound asset whose release promises the largest decrease.
    fn best_entrant(&self) -> Option<usize> {
        let gradient = self.sigma.times(&self.x);
        let promise = |asset: usize| {
            let violation = 1.0 - gradient[asset];
            (violation > GRADIENT_TOLERANCE).then(|| (asset, violation * violation / self.sigma[(asset, asset)]))
        };
        let bound = (0..gradient.len()).filter(|&asset| !self.is_free[asset] && !self.barred.contains(&asset));
        bound.filter_map(promise).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(asset, _)| asset)
    }

    /// Adds an asset to F, or bars it if rounding makes that impossible.
    fn free(&mut self, asset: usize) {
        if !self.factor.add(self.sigma, asset) {
            self.barred.push(asset);
            return;
        }
        let goal = self.factor.solve(&vec![1.0; self.factor.variables().len()]);
        if goal[goal.len() - 1] > 0.0 {
            self.is_free[asset] = true;
            self.barred.clear();
        } else {
            self.factor.remove(goal.len() - 1);
            self.barred.push(asset);
        }
    }

    /// Solves for x again with F in ascending order and one step of iterative refinement.
    fn solution(&self) -> Result<Vec<f64>> {
        let free: Vec<usize> = (0..self.x.len()).filter(|&asset| self.is_free[asset]).collect();
        let block = Matrix::from_fn(free.len(), free.len(), |i, j| self.sigma[(free[i], free[j])]);
        let factor = Cholesky::new(&block)?;
        let mut x = factor.solve(&vec![1.0; free.len()]);
        let residual: Vec<f64> = block.times(&x).iter().map(|product| 1.0 - product).collect();
        x.iter_mut().zip(factor.solve(&residual)).for_each(|(x, correction)| *x += correction);
        let mut solution = vec![0.0; self.x.len()];
        free.iter().zip(x).for_each(|(&asset, x)| solution[asset] = x.max(0.0));
        Ok(solution)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    choice.without_parameters()?;
    Ok(Box::new(LongOnlyMinimumVariance))
}

/// Largest relative violation of the optimality conditions of w, with μ = w'Σw:
///
/// ```text
/// |(Σw)_i − μ| / μ  where w_i > 0,   max(0, μ − (Σw)_i) / μ  where w_i = 0,   |1'w − 1|,   max(0, −w_i)
/// ```
pub fn kkt_residual(covariance: &Covariance, weights: &[f64]) -> f64 {
    let gradient = covariance.matrix().times(weights);
    let risk = covariance.variance_of(weights);
    let budget = (weights.iter().sum::<f64>() - 1.0).abs();
    gradient.iter().zip(weights).fold(budget, |worst, (g, &w)| {
        let violation = if w > 0.0 { (g - risk).abs() / risk } else { ((risk - g) / risk).max(-w) };
        worst.max(violation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random_covariance(n: usize, n_days: usize) -> Covariance {
        let mut state = 7u64;
        let mut noise = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / 2f64.powi(31) - 0.5
        };
        let market: Vec<f64> = (0..n_days).map(|_| noise()).collect();
        let betas: Vec<f64> = (0..n).map(|_| 1.0 + noise()).collect();
        let x = Matrix::from_fn(n_days, n, |t, i| betas[i] * market[t] + 0.7 * noise());
        Covariance::new(x.gram().scaled(1.0 / n_days as f64)).unwrap()
    }

    #[test]
    fn the_solution_is_optimal_and_does_not_depend_on_the_start() {
        let sigma = random_covariance(60, 200);
        let cold = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()).unwrap();
        assert!(kkt_residual(&sigma, cold.as_slice()) < 1e-12);
        let held = cold.as_slice().iter().filter(|w| **w > 0.0).count();
        assert!((2..60).contains(&held), "{held} assets held: the case must bind some and free some");
        for start in [vec![1.0 / 60.0; 60], (0..60).map(|i| f64::from(i % 3)).collect()] {
            assert_eq!(
                LongOnlyMinimumVariance
                    .allocate(&sigma, &Situation { start: Some(&start), ..Situation::default() })
                    .unwrap(),
                cold
            );
        }
    }

    #[test]
    fn a_singular_covariance_with_a_repeated_asset_still_has_an_optimal_portfolio() {
        let base = random_covariance(20, 100);
        let sigma = Covariance::new(Matrix::from_fn(21, 21, |i, j| base.matrix()[(i.min(19), j.min(19))])).unwrap();
        let weights = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()).unwrap();
        assert!(kkt_residual(&sigma, weights.as_slice()) < 1e-10);
    }
}
