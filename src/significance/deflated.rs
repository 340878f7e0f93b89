//! Probabilistic and deflated Sharpe ratios: could a Sharpe ratio be luck, or the best of many trials?
//!
//! ```text
//! PSR(S0) = Φ( (S − S0) √(T−1) / √(1 − g3 S + (g4 − 1)/4 S²) )      S per day, g3 skewness, g4 raw kurtosis (3 if normal)
//! S0      = s ((1 − c) Φ⁻¹(1 − 1/N) + c Φ⁻¹(1 − 1/(N e)))           s spread of S over N trials, c = 0.5772…
//! DSR     = PSR(S0)
//! ```
//! Bailey, López de Prado (2012), "The Sharpe ratio efficient frontier"; (2014), "The deflated Sharpe ratio", equations 1, 2.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{Error, Result};
use crate::metrics::{kurtosis, mean, skewness, standard_deviation};
use crate::significance::checked;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Probability that the true daily Sharpe ratio is above `threshold` (per day), for daily returns. Fails for series
/// that are too short, constant or not finite.
pub fn probabilistic_sharpe(returns: &[f64], threshold: f64) -> Result<f64> {
    let n_days = checked("a probabilistic Sharpe ratio", &[returns])? as f64;
    let sharpe = mean(returns) / standard_deviation(returns);
    Ok(probability(sharpe, threshold, n_days, skewness(returns), kurtosis(returns)))
}

fn probability(sharpe: f64, threshold: f64, n_days: f64, skewness: f64, kurtosis: f64) -> f64 {
    let variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
    Normal::standard().cdf((sharpe - threshold) * (n_days - 1.0).sqrt() / variance.sqrt())
}

/// The daily Sharpe ratio expected of the best of `n_trials` worthless strategies. `spread` is the standard deviation
/// of their daily Sharpe ratios. Fails for fewer than two trials.
pub fn expected_best_sharpe(spread: f64, n_trials: usize) -> Result<f64> {
    if n_trials < 2 {
        let why = format!("it corrects for several trials, but there is only {n_trials}");
        return Err(Error::Undefined { what: "a deflated Sharpe ratio", why });
    }
    let (normal, n) = (Normal::standard(), n_trials as f64);
    let best = normal.inverse_cdf(1.0 - 1.0 / n);
    let beyond = normal.inverse_cdf(1.0 - 1.0 / (n * std::f64::consts::E));
    Ok(spread * ((1.0 - EULER) * best + EULER * beyond))
}

/// The probabilistic Sharpe ratio of strategy k among all strategies that were tried (daily returns), with the best
/// Sharpe ratio expected from luck as the threshold.
pub fn deflated_sharpe(trials: &[&[f64]], k: usize) -> Result<f64> {
    checked("a deflated Sharpe ratio", trials)?;
    let sharpes: Vec<f64> = trials.iter().map(|returns| mean(returns) / standard_deviation(returns)).collect();
    probabilistic_sharpe(trials[k], expected_best_sharpe(standard_deviation(&sharpes), trials.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bailey, López de Prado (2014), "A numerical example": a Sharpe ratio of 2.5 a year over five years of 250 days, the
    /// best of 100 trials whose annual Sharpe ratios have variance ½, skewness −3, kurtosis 10.
    #[test]
    fn the_papers_example_is_met() {
        let best = expected_best_sharpe((0.5f64 / 250.0).sqrt(), 100).unwrap();
        assert!((best - 0.1132).abs() < 5e-5, "{best}");
        let deflated = probability(2.5 / 250f64.sqrt(), best, 1250.0, -3.0, 10.0);
        assert!((deflated - 0.9004).abs() < 5e-5, "{deflated}");
    }
}
