//! Compares a network trained from several seeds with one competitor; both days and seeds are random.
//!
//! ```text
//! Δ = 1/S Σ_s f(r_s) − f(r),   s(Δ)² = s_days² + s_seeds²/S
//! s_days    of the mean over days of 1/S Σ_s ∇f(r_s)'(y_s − v_s) − ∇f(r)'(y − v), as for two portfolios (difference.rs)
//! s_seeds   standard deviation over seeds of f(r_s)
//! Δ*, s*    the same for circular blocks of days and seeds σ(s) drawn with replacement
//! p = (#{ |Δ* − Δ|/s* ≥ |Δ|/s } + 1) / (B + 1),   interval: Δ ± c s, c the 95 % quantile of |Δ* − Δ|/s*
//! ```
//! Blocks of days are the same for all series of a resample. Studentised like the test of two portfolios: without it, intervals of
//! variances of fat-tailed returns are too short. Ledoit, Wolf (2011); Efron, Tibshirani (1993), chapter 12 (bootstrap-t).

use rand::RngExt;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::metrics::{mean, standard_deviation};
use crate::random::generator;
use crate::significance::bootstrap::RunningSums;
use crate::significance::{Block, Kernel, Measure, Scheme, block_length, checked, long_run_covariance};

/// The difference between the mean over seeds and the competitor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeededDifference {
    /// Δ: the mean measure over the seeds less the measure of the competitor.
    pub estimate: f64,
    /// Standard error s(Δ).
    pub standard_error: f64,
    /// 95 % confidence interval: lower and upper end.
    pub interval: (f64, f64),
    /// Two-sided p-value of Δ = 0.
    pub p_value: f64,
    /// Days in a block.
    pub block_length: usize,
}

/// The series of a test: r of every seed and of the competitor, then r² of each.
struct Columns {
    measure: Measure,
    /// Number of series, the competitor last.
    k: usize,
}

impl Columns {
    fn value(&self, means: &[f64], series: usize) -> f64 {
        self.measure.value(means[series], means[self.k + series])
    }

    /// Δ and the standard deviation over the chosen seeds.
    fn difference(&self, means: &[f64], chosen: &[usize]) -> (f64, f64) {
        let values: Vec<f64> = chosen.iter().map(|s| self.value(means, *s)).collect();
        (mean(&values) - self.value(means, self.k - 1), standard_deviation(&values))
    }

    /// The derivative of Δ with respect to the mean of every column.
    fn gradient(&self, means: &[f64], chosen: &[usize]) -> Vec<f64> {
        let mut gradient = vec![0.0; 2 * self.k];
        let mut add = |series: usize, share: f64| {
            let (by_mean, by_square) = self.measure.gradient(means[series], means[self.k + series]);
            gradient[series] += share * by_mean;
            gradient[self.k + series] += share * by_square;
        };
        chosen.iter().for_each(|s| add(*s, 1.0 / chosen.len() as f64));
        add(self.k - 1, -1.0);
        gradient
    }
}

/// The test for daily returns. Resamples circular blocks of days, whose length is that of Politis and White for the linearised
/// difference, and draws of seeds. Fails for fewer than two seeds, and for series that are too short, constant or not finite.
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
    let series: Vec<&[f64]> = returns.iter().copied().chain(squares.iter().map(Vec::as_slice)).collect();
    let columns = Columns { measure, k: returns.len() };
    let n_seeds = seeds.len() as f64;
    let all: Vec<usize> = (0..seeds.len()).collect();
    let centres: Vec<f64> = series.iter().map(|values| mean(values)).collect();
    let (estimate, spread) = columns.difference(&centres, &all);
    let gradient = columns.gradient(&centres, &all);
    let along = |day: usize| (0..series.len()).map(|c| gradient[c] * (series[c][day] - centres[c])).sum::<f64>();
    let influence: Vec<f64> = (0..n_days).map(along).collect();
    let length = block_length(&influence)?.circular.round().max(1.0) as usize;
    let of_days = long_run_covariance(&[influence], Kernel::Parzen, None)[(0, 0)] / n_days as f64;
    let error = |of_days: f64, spread: f64| (of_days + spread * spread / n_seeds).sqrt();
    let standard_error = error(of_days, spread);
    let sums = RunningSums::new(&series);
    let of_blocks = |blocks: &[Block], means: &[f64], gradient: &[f64]| {
        let whole = n_days / length;
        let mut variance = 0.0;
        for block in &blocks[..whole] {
            let mut sum = vec![0.0; series.len()];
            sums.add(*block, &mut sum);
            let zeta = |c: usize| sum[c] - length as f64 * (means[c] - centres[c]);
            let along: f64 = (0..series.len()).map(|c| gradient[c] * zeta(c)).sum();
            variance += along * along / length as f64;
        }
        variance / whole as f64 / n_days as f64
    };
    let draw = |resample: usize| {
        let mut random = generator(seed, resample as u64);
        let chosen: Vec<usize> = all.iter().map(|_| random.random_range(0..seeds.len())).collect();
        let blocks = Scheme::Circular { length }.blocks(n_days, &mut random);
        let means = sums.means(&blocks);
        let (difference, spread) = columns.difference(&means, &chosen);
        let of_days = of_blocks(&blocks, &means, &columns.gradient(&means, &chosen));
        ((difference - estimate) / error(of_days, spread)).abs()
    };
    let mut draws: Vec<f64> = (0..n_resamples).into_par_iter().map(draw).collect();
    let statistic = (estimate / standard_error).abs();
    let n_exceeding = draws.iter().filter(|draw| **draw >= statistic).count();
    draws.sort_by(f64::total_cmp);
    let place = (0.95 * (n_resamples + 1) as f64).ceil() as usize;
    let half = draws.get(place - 1).copied().unwrap_or(f64::INFINITY) * standard_error;
    Ok(SeededDifference {
        estimate,
        standard_error,
        interval: (estimate - half, estimate + half),
        p_value: (n_exceeding + 1) as f64 / (n_resamples + 1) as f64,
        block_length: length,
    })
}
