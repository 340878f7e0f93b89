//! GARCH(1,1) of one series of returns with mean zero, by Gaussian quasi maximum likelihood.
//!
//! ```text
//! h_t = ω + α r_{t−1}² + β h_{t−1},   h_1 = ω + (α+β) b
//! b   = mean of r_1² … r_m² with weights ∝ 0.94^i, m = min(75, T)
//! L   = −½ Σ_t ( ln 2π + ln h_t + r_t²/h_t )
//! ```
//! The search runs over ln ω, the logit of α+β and the logit of α/(α+β), by BFGS with the exact gradient, from the
//! best points of a grid; it stays inside α, β ≥ 0, α+β ≤ 1 and reaches the corners only as limits.
//! Bollerslev (1986), "Generalized autoregressive conditional heteroskedasticity"; back-cast as in the `arch`
//! package.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Garch;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let (garch, converged) = Garch::fit(window.returns().column(0));
//! assert!(converged && garch.alpha + garch.beta <= 1.0);
//! # Ok(())
//! # }
//! ```

use crate::estimators::search::bfgs;

/// Decay of the back-cast.
const BACK_CAST_DECAY: f64 = 0.94;
/// Days of the back-cast.
const BACK_CAST_DAYS: usize = 75;

/// The parameters of a GARCH(1,1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Garch {
    /// Constant ω, variance per day.
    pub omega: f64,
    /// Weight α of yesterday's squared return.
    pub alpha: f64,
    /// Weight β of yesterday's variance.
    pub beta: f64,
}

/// Parameters used if the fit fails, for unit variance: RiskMetrics with a slow reversion to the sample variance.
const FALLBACK: Garch = Garch { omega: 0.01, alpha: 0.05, beta: 0.94 };

impl Garch {
    /// The back-cast b of the variance before the first day.
    pub fn back_cast(returns: &[f64]) -> f64 {
        let days = BACK_CAST_DAYS.min(returns.len());
        let weights = (0..days).map(|i| BACK_CAST_DECAY.powi(i as i32));
        let total: f64 = weights.clone().sum();
        weights.zip(returns).map(|(w, r)| w * r * r).sum::<f64>() / total
    }

    /// h_1 … h_{T+1}: the variances of all days and of the day after the last.
    pub fn variances(&self, returns: &[f64]) -> Vec<f64> {
        let mut h = self.omega + (self.alpha + self.beta) * Self::back_cast(returns);
        let mut variances = Vec::with_capacity(returns.len() + 1);
        variances.push(h);
        for r in returns {
            h = self.omega + self.alpha * r * r + self.beta * h;
            variances.push(h);
        }
        variances
    }

    /// The log-likelihood L.
    pub fn log_likelihood(&self, returns: &[f64]) -> f64 {
        let term = |(r, h): (&f64, &f64)| (2.0 * std::f64::consts::PI * h).ln() + r * r / h;
        -0.5 * returns.iter().zip(&self.variances(returns)).map(term).sum::<f64>()
    }

    /// The most likely parameters of returns (T) with mean zero, and whether the search converged. If not, the
    /// parameters are a fallback: α = 0.05, β = 0.94 and the ω that fits the sample variance.
    pub fn fit(returns: &[f64]) -> (Self, bool) {
        let variance = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
        let sd = variance.sqrt();
        let scaled: Vec<f64> = returns.iter().map(|r| r / sd).collect();
        let (unit, converged) = fit_unit(&scaled);
        (Self { omega: unit.omega * variance, ..unit }, converged)
    }
}

/// A point of the search: ln ω, logit(α+β), logit(α/(α+β)).
type Point = [f64; 3];

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn parameters(point: &Point) -> Garch {
    let (persistence, share) = (logistic(point[1]), logistic(point[2]));
    Garch { omega: point[0].exp(), alpha: persistence * share, beta: persistence * (1.0 - share) }
}

fn point(garch: &Garch) -> Point {
    let persistence = garch.alpha + garch.beta;
    let logit = |x: f64| (x / (1.0 - x)).ln();
    [garch.omega.ln(), logit(persistence), logit(garch.alpha / persistence)]
}

/// ½ Σ (ln h + r²/h) and its gradient at a point.
fn objective(squares: &[f64], back_cast: f64, point: &Point) -> (f64, Point) {
    let Garch { omega, alpha, beta } = parameters(point);
    let mut h = omega + (alpha + beta) * back_cast;
    let mut slopes = [1.0, back_cast, back_cast]; // of h in ω, α, β
    let (mut value, mut gradient) = (0.0, [0.0; 3]);
    // One logarithm for eight days: a product of eight variances of unit data stays inside the range of doubles.
    for days in squares.chunks(8) {
        let mut product = 1.0;
        for square in days {
            let inverse = 1.0 / h;
            let ratio = square * inverse;
            product *= h;
            value += ratio;
            let pull = (1.0 - ratio) * inverse;
            gradient.iter_mut().zip(slopes).for_each(|(g, slope)| *g += pull * slope);
            slopes = [1.0 + beta * slopes[0], square + beta * slopes[1], h + beta * slopes[2]];
            h = omega + alpha * square + beta * h;
        }
        value += product.ln();
    }
    let [in_omega, in_alpha, in_beta] = gradient.map(|g| 0.5 * g);
    let (persistence, share) = (logistic(point[1]), logistic(point[2]));
    let in_persistence = in_alpha * share + in_beta * (1.0 - share);
    let in_share = persistence * (in_alpha - in_beta);
    let chained =
        [in_omega * omega, in_persistence * persistence * (1.0 - persistence), in_share * share * (1.0 - share)];
    (0.5 * value, chained)
}

/// Starting values of α in the grid.
const ALPHAS: [f64; 4] = [0.01, 0.05, 0.1, 0.2];
/// Starting values of α+β in the grid; ω is then 1 − α − β, for unit variance.
const PERSISTENCES: [f64; 4] = [0.5, 0.9, 0.98, 0.995];
/// Number of starting points from which the search is run.
const FOLLOWED: usize = 2;

fn fit_unit(returns: &[f64]) -> (Garch, bool) {
    let squares: Vec<f64> = returns.iter().map(|r| r * r).collect();
    let back_cast = Garch::back_cast(returns);
    let starts = ALPHAS.iter().flat_map(|&alpha| PERSISTENCES.iter().map(move |&persistence| (alpha, persistence)));
    let start = |(alpha, persistence): (f64, f64)| {
        let start = point(&Garch { omega: 1.0 - persistence, alpha, beta: persistence - alpha });
        (objective(&squares, back_cast, &start).0, start)
    };
    let mut starts: Vec<(f64, Point)> = starts.map(start).filter(|(value, _)| value.is_finite()).collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ends = starts
        .iter()
        .take(FOLLOWED)
        .filter_map(|(_, start)| bfgs(|at| objective(&squares, back_cast, at), start, &LIMITS));
    match ends.min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, end)) => (parameters(&end), true),
        None => (FALLBACK, false),
    }
}

/// Limits of the search, which approximate the corners: e⁻²⁵ for ω, logits of ±25 for shares of 1e-11. Beyond them
/// the objective no longer changes.
const LIMITS: Point = [25.0; 3];

#[cfg(test)]
mod tests {
    use super::*;

    fn simulated(garch: Garch, n_days: usize) -> Vec<f64> {
        let mut state = 5u64;
        let mut h = garch.omega / (1.0 - garch.alpha - garch.beta);
        let mut day = || {
            let mut sum = -6.0;
            for _ in 0..12 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                sum += (state >> 11) as f64 / 2f64.powi(53);
            }
            let r = h.sqrt() * sum;
            h = garch.omega + garch.alpha * r * r + garch.beta * h;
            r
        };
        (0..n_days).map(|_| day()).collect()
    }

    #[test]
    fn the_gradient_is_that_of_the_objective() {
        let returns = simulated(Garch { omega: 0.05, alpha: 0.1, beta: 0.85 }, 300);
        let squares: Vec<f64> = returns.iter().map(|r| r * r).collect();
        let back_cast = Garch::back_cast(&returns);
        let at = [-2.0, 1.5, -1.0];
        let (_, gradient) = objective(&squares, back_cast, &at);
        for k in 0..3 {
            let shifted = |by: f64| {
                let mut moved = at;
                moved[k] += by;
                objective(&squares, back_cast, &moved).0
            };
            let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            assert!((difference - gradient[k]).abs() < 1e-6 * gradient[k].abs().max(1.0), "{k}");
        }
    }

    #[test]
    fn a_long_simulated_series_gives_its_parameters_back() {
        let truth = Garch { omega: 0.05, alpha: 0.1, beta: 0.85 };
        let (fitted, converged) = Garch::fit(&simulated(truth, 30_000));
        assert!(converged);
        assert!((fitted.alpha - 0.1).abs() < 0.01 && (fitted.beta - 0.85).abs() < 0.02, "{fitted:?}");
    }

    #[test]
    fn data_that_no_model_fits_falls_back() {
        // Only one return is not zero: the likelihood has no maximum in the interior.
        let mut returns = vec![0.0; 200];
        returns[150] = 1.0;
        let (fitted, converged) = Garch::fit(&returns);
        assert!(fitted.variances(&returns).iter().all(|h| h.is_finite() && *h > 0.0), "{fitted:?} {converged}");
    }
}
