//! Compares a network trained from several seeds with one competitor; both days and seeds are random.
//!
//! ```text
//! Δ = 1/S Σ_s f(r_s) − f(r),   Δ* = 1/S Σ_s f(r*_{σ(s)}) − f(r*),   σ(s) drawn with replacement from the seeds
//! p = (#{ |Δ* − Δ| ≥ |Δ| } + 1) / (B + 1),   interval: 2Δ − the 97.5 % and 2.5 % quantiles of Δ*
//! ```
//! Blocks of days are the same for all series of a resample. Efron, Tibshirani (1993), chapter 13 (basic interval).

use rand::RngExt;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::metrics::{mean, standard_deviation, value_at_risk};
use crate::random::generator;
use crate::significance::bootstrap::RunningSums;
use crate::significance::{Measure, Scheme, block_length, checked};

/// The difference between the mean over seeds and the competitor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeededDifference {
    /// Δ: the mean measure over the seeds less the measure of the competitor.
    pub estimate: f64,
    /// Standard deviation of Δ*.
    pub standard_error: f64,
    /// 95 % confidence interval: lower and upper end.
    pub interval: (f64, f64),
    /// Two-sided p-value of Δ = 0.
    pub p_value: f64,
    /// Mean block length, days, rounded.
    pub block_length: usize,
}

/// The test for daily returns. Resamples stationary blocks of days and draws of seeds; the block length is that of
/// the mean difference of squared returns. Fails for fewer than two seeds, and for series that are too short,
/// constant or not finite.
pub fn seeded_difference(
    measure: Measure,
    seeds: &[&[f64]],
    other: &[f64],
    n_resamples: usize,
    seed: u64,
) -> Result<SeededDifference> {
    const WHAT: &str = "a test over seeds";
    if seeds.len() < 2 {
        let why = format!("it resamples seeds and needs at least two, not {}", seeds.len());
        return Err(Error::Undefined { what: WHAT, why });
    }
    let mut returns = seeds.to_vec();
    returns.push(other);
    let n_days = checked(WHAT, &returns)?;
    let squares: Vec<Vec<f64>> = returns.iter().map(|r| r.iter().map(|x| x * x).collect()).collect();
    let n_seeds = seeds.len() as f64;
    let gap = |day: usize| (0..seeds.len()).map(|s| squares[s][day]).sum::<f64>() / n_seeds - squares[seeds.len()][day];
    let length = block_length(&(0..n_days).map(gap).collect::<Vec<_>>())?.stationary.max(1.0);
    // Columns: r of every series, then r² of every series.
    let columns: Vec<&[f64]> = returns.iter().copied().chain(squares.iter().map(Vec::as_slice)).collect();
    let sums = RunningSums::new(&columns);
    let k = returns.len();
    let value = |means: &[f64], s: usize| measure.value(means[s], means[k + s]);
    let mean_of = |means: &[f64], chosen: &[usize]| {
        chosen.iter().map(|s| value(means, *s)).sum::<f64>() / chosen.len() as f64 - value(means, k - 1)
    };
    let all: Vec<usize> = (0..seeds.len()).collect();
    let estimate = mean_of(&columns.iter().map(|values| mean(values)).collect::<Vec<_>>(), &all);
    let draw = |resample: usize| {
        let mut random = generator(seed, resample as u64);
        let chosen: Vec<usize> = all.iter().map(|_| random.random_range(0..seeds.len())).collect();
        let blocks = Scheme::Stationary { mean_length: length }.blocks(n_days, &mut random);
        mean_of(&sums.means(&blocks), &chosen)
    };
    let draws: Vec<f64> = (0..n_resamples).into_par_iter().map(draw).collect();
    let n_exceeding = draws.iter().filter(|d| (*d - estimate).abs() >= estimate.abs()).count();
    Ok(SeededDifference {
        estimate,
        standard_error: standard_deviation(&draws),
        interval: (2.0 * estimate - value_at_risk(&draws, 0.975), 2.0 * estimate - value_at_risk(&draws, 0.025)),
        p_value: (n_exceeding + 1) as f64 / (n_resamples + 1) as f64,
        block_length: length.round() as usize,
    })
}
