//! The composite likelihood of scalar dynamic conditional correlations, and the correlations they imply.
//!
//! ```text
//! Q_1 = (1−a−b) C + (a+b) B,   Q_{t+1} = (1−a−b) C + a s_t s_t' + b Q_t,   R_t = diag(Q_t)^−½ Q_t diag(Q_t)^−½
//! NLL(a,b) = Σ_t mean_i ½ [ 2 ln 2π + ln(1−r²) + (s_i² − 2 r s_i s_j + s_j²)/(1−r²) ],   j = i+1, r = R_t,ij
//! B: mean of the first 1 + ⌊√T⌋ outer products with weights ∝ 0.94^i
//! ```
//! Only the diagonal of Q and the band next to it enter the likelihood, so that it costs O(T n). The full Q of a
//! single day is computed as a weighted product of all days.
//! Pakel, Shephard, Sheppard, Engle (2021), "Fitting vast dimensional time-varying covariance models"; Engle, Ledoit,
//! Wolf (2019), "Large dynamic covariance matrices", section 3.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::CompositeLikelihood;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let standardised = window.returns().clone().map(|_, i, r| r / window.volatilities()[i]);
//! let (a, b) = CompositeLikelihood::new(&standardised, window.correlation()).fit();
//! assert!(a >= 0.0 && b >= 0.0 && a + b < 1.0);
//! # Ok(())
//! # }
//! ```

use crate::estimators::search::simplex;
use crate::linalg::Matrix;

/// Decay of the back-cast B.
const BACK_CAST_DECAY: f64 = 0.94;
/// Largest a + b.
const MOST_PERSISTENT: f64 = 0.99998;

/// The composite likelihood of devolatilised returns with a target correlation.
pub struct CompositeLikelihood<'a> {
    /// s_t' as columns (n × T).
    days: Matrix,
    target: &'a Matrix,
    back_cast: Matrix,
    residuals: &'a Matrix,
}

impl<'a> CompositeLikelihood<'a> {
    /// The likelihood of devolatilised returns s (T × n) with a target C (n × n).
    pub fn new(residuals: &'a Matrix, target: &'a Matrix) -> Self {
        let n_days = residuals.nrows();
        let first = (1 + (n_days as f64).sqrt() as usize).min(n_days);
        let mut weights: Vec<f64> = (0..first).map(|i| BACK_CAST_DECAY.powi(i as i32)).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        let rows: Vec<usize> = (0..first).collect();
        let back_cast = residuals.rows(&rows).weighted_gram(&weights);
        Self { days: residuals.transposed(), target, back_cast, residuals }
    }

    /// NLL of each day (T).
    pub fn by_day(&self, a: f64, b: f64) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.days.ncols());
        self.follow(a, b, |pairs| {
            let term = |p: &Pair| 2.0 * (2.0 * std::f64::consts::PI).ln() + p.gap.ln() + p.quadratic;
            values.push(0.5 * pairs.iter().map(term).sum::<f64>() / pairs.len() as f64);
        });
        values
    }

    /// NLL(a, b); infinite outside a, b ≥ 0, a + b ≤ 0.99998.
    pub fn negative_log_likelihood(&self, a: f64, b: f64) -> f64 {
        if a < 0.0 || b < 0.0 || a + b > MOST_PERSISTENT {
            return f64::INFINITY;
        }
        let n_pairs = self.days.nrows() - 1;
        let (mut quadratics, mut logarithms) = (vec![0.0; n_pairs], 0.0);
        // Logarithms are slow, so one is taken of the product of eight days.
        let (mut products, mut held) = (vec![1.0; n_pairs], 0);
        self.follow(a, b, |pairs| {
            for ((pair, quadratic), product) in pairs.iter().zip(&mut quadratics).zip(&mut products) {
                *quadratic += pair.quadratic;
                *product *= pair.gap;
            }
            held += 1;
            if held == 8 {
                logarithms += products.iter().map(|p: &f64| p.ln()).sum::<f64>();
                products.fill(1.0);
                held = 0;
            }
        });
        logarithms += products.iter().map(|p| p.ln()).sum::<f64>();
        let constant = (self.days.ncols() * n_pairs) as f64 * 2.0 * (2.0 * std::f64::consts::PI).ln();
        0.5 * (constant + logarithms + quadratics.iter().sum::<f64>()) / n_pairs as f64
    }

    /// Runs the recursion and passes the pairs of each day to `see`.
    fn follow(&self, a: f64, b: f64, mut see: impl FnMut(&[Pair])) {
        let n = self.days.nrows();
        let rest = 1.0 - a - b;
        let own: Vec<f64> = (0..n).map(|i| rest * self.target[(i, i)]).collect();
        let cross: Vec<f64> = (0..n - 1).map(|i| rest * self.target[(i + 1, i)]).collect();
        let mut diagonal: Vec<f64> = (0..n).map(|i| own[i] + (a + b) * self.back_cast[(i, i)]).collect();
        let mut band: Vec<f64> = (0..n - 1).map(|i| cross[i] + (a + b) * self.back_cast[(i + 1, i)]).collect();
        let mut pairs = vec![Pair::default(); n - 1];
        for s in self.days.columns() {
            for (i, pair) in pairs.iter_mut().enumerate() {
                let r = band[i] / (diagonal[i] * diagonal[i + 1]).sqrt();
                let gap = 1.0 - r * r;
                let (x, y) = (s[i], s[i + 1]);
                *pair = Pair { gap, quadratic: (x * x - 2.0 * r * x * y + y * y) / gap };
            }
            see(&pairs);
            for i in 0..n - 1 {
                band[i] = cross[i] + a * s[i] * s[i + 1] + b * band[i];
            }
            for i in 0..n {
                diagonal[i] = own[i] + a * s[i] * s[i] + b * diagonal[i];
            }
        }
    }

    /// R (n × n) on the day after the first `n_days`.
    pub fn correlation_after(&self, n_days: usize, a: f64, b: f64) -> Matrix {
        let rest = 1.0 - a - b;
        let carried = b.powi(n_days as i32);
        let targets = rest * ((0..n_days).map(|k| b.powi(k as i32)).sum::<f64>() + carried);
        let weights: Vec<f64> = (0..n_days).map(|t| a * b.powi((n_days - 1 - t) as i32)).collect();
        let rows: Vec<usize> = (0..n_days).collect();
        let recent = if n_days == self.residuals.nrows() {
            self.residuals.weighted_gram(&weights)
        } else {
            self.residuals.rows(&rows).weighted_gram(&weights)
        };
        let started = carried * (a + b);
        let q = recent.map(|i, j, x| x + targets * self.target[(i, j)] + started * self.back_cast[(i, j)]);
        let roots: Vec<f64> = q.diagonal().iter().map(|x| x.sqrt()).collect();
        q.map(|i, j, x| if i == j { 1.0 } else { x / (roots[i] * roots[j]) })
    }

    /// The a and b with the smallest NLL: the best point of a grid, refined by Nelder and Mead's simplex.
    pub fn fit(&self) -> (f64, f64) {
        let grid = [0.01, 0.03, 0.05, 0.1].into_iter().flat_map(|a| [0.95, 0.97, 0.99].map(|sum| (a, sum - a)));
        let value = |a: f64, b: f64| self.negative_log_likelihood(a, b);
        let best = grid.map(|(a, b)| (value(a, b), a, b)).min_by(|x, y| x.0.total_cmp(&y.0));
        let (_, a, b) = best.expect("the grid has points");
        simplex(value, [(a, b), (a * 1.3, b), (a, b - 0.5 * a.max(0.01))])
    }
}

/// Terms of the likelihood of one neighbouring pair of assets on one day.
#[derive(Clone, Copy, Default)]
struct Pair {
    /// 1 − r².
    gap: f64,
    /// (s_i² − 2 r s_i s_j + s_j²) / (1 − r²).
    quadratic: f64,
}
