//! Linear shrinkage of the sample covariance towards a target, and what its estimators share.
//!
//! ```text
//! Σ = α F + (1−α) S,   α = clip( (π − ρ) / (N γ), 0, 1 ),   γ = ‖S − F‖²_F
//! π = Σ_ij [ (1/N) Σ_t y_ti² y_tj² − s_ij² ] = (1/N) Σ_t ‖y_t‖⁴ − ‖S‖²_F
//! ```
//! N is the effective number of observations. Each target F has its own ρ, which measures the covariance of target
//! and sample. All sums over pairs of assets factor into sums over the assets on each day, so that an intensity costs
//! one pass over the data.
//! Ledoit, Wolf (2003), "Improved estimation of the covariance matrix of stock returns", section 2; (2004a), "Honey,
//! I shrunk the sample covariance matrix", appendix B.

pub mod lw_const_corr;
pub mod lw_diagonal;
pub mod lw_identity;
pub mod lw_market;
pub mod lw_two_param;
pub mod oas;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::{Centring, Window};
use crate::linalg::{Covariance, Matrix};

/// Parameters of an estimator with a choice of centring.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Centred {
    pub centring: Centring,
}

/// Second and fourth moments of a window.
pub(in crate::estimators) struct Moments<'a> {
    /// Centred returns Y (T × number of assets).
    pub y: &'a Matrix,
    /// S = Y'Y / N.
    pub sample: Matrix,
    /// The effective number of observations N.
    pub n_observations: f64,
    /// What sums over days are divided by.
    divisor: f64,
    /// Weights of the days, if they are not ones.
    weights: Option<&'a [f64]>,
    /// Σ_i y_ti² (T).
    pub squares: Vec<f64>,
}

impl<'a> Moments<'a> {
    pub fn new(window: &'a Window, centring: Centring) -> Self {
        let y = window.centred(centring);
        Self {
            y,
            sample: window.covariance(centring),
            n_observations: window.n_observations(centring),
            divisor: window.divisor(centring),
            weights: window.weights(),
            squares: day_sums(y, |_, y| y * y),
        }
    }

    /// (1/N) Σ_t f(t).
    pub fn mean(&self, f: impl Fn(usize) -> f64) -> f64 {
        let days = 0..self.y.nrows();
        let sum: f64 = match self.weights {
            None => days.map(f).sum(),
            Some(weights) => days.map(|t| weights[t] * f(t)).sum(),
        };
        sum / self.divisor
    }

    /// Σ_ij (1/N) Σ_t y_ti² y_tj².
    pub fn fourth(&self) -> f64 {
        self.mean(|t| self.squares[t] * self.squares[t])
    }

    /// Σ_i (1/N) Σ_t y_ti⁴.
    pub fn own_fourth(&self) -> f64 {
        match self.weights {
            None => self.y.entries().iter().map(|y| y.powi(4)).sum::<f64>() / self.divisor,
            Some(_) => {
                let fourth = day_sums(self.y, |_, y| y.powi(4));
                self.mean(|t| fourth[t])
            }
        }
    }

    /// α for a target F and its ρ.
    pub fn intensity(&self, target: impl Fn(usize, usize) -> f64, rho: f64) -> f64 {
        let norm: f64 = self.sample.entries().iter().map(|s| s * s).sum();
        let mut gamma = 0.0;
        for (j, column) in self.sample.columns().enumerate() {
            gamma += column.iter().enumerate().map(|(i, s)| (s - target(i, j)).powi(2)).sum::<f64>();
        }
        if gamma == 0.0 {
            return 1.0; // S is the target already
        }
        ((self.fourth() - norm - rho) / (self.n_observations * gamma)).clamp(0.0, 1.0)
    }

    /// α F + (1−α) S for a target F and its ρ.
    pub fn shrunk(self, target: impl Fn(usize, usize) -> f64, rho: f64) -> Result<Covariance> {
        let alpha = self.intensity(&target, rho);
        Covariance::new(self.sample.map(|i, j, s| alpha * target(i, j) + (1.0 - alpha) * s))
    }
}

/// Σ_i f(i, y_ti) for each day (T).
pub(in crate::estimators) fn day_sums(y: &Matrix, f: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; y.nrows()];
    for (i, column) in y.columns().enumerate() {
        sums.iter_mut().zip(column).for_each(|(sum, &y)| *sum += f(i, y));
    }
    sums
}

/// Σ over i ≠ j of f(i, j, s_ij).
pub(in crate::estimators) fn off_diagonal_sum(matrix: &Matrix, f: impl Fn(usize, usize, f64) -> f64) -> f64 {
    let mut sum = 0.0;
    for (j, column) in matrix.columns().enumerate() {
        sum += column.iter().enumerate().filter(|(i, _)| *i != j).map(|(i, &s)| f(i, j, s)).sum::<f64>();
    }
    sum
}
