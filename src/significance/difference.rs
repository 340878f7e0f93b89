//! Tests whether two portfolios differ in variance or in Sharpe ratio.
//!
//! ```text
//! v = (μ1, μ2, γ1, γ2)   means of r and r² of both;   Δ = f(v), the difference of log variances or Sharpe ratios
//! variance   f = ln(γ1 − μ1²) − ln(γ2 − μ2²)
//! Sharpe     f = μ1/√(γ1 − μ1²) − μ2/√(γ2 − μ2²)
//! HAC        s(Δ) = √(∇f'Ψ∇f / T),   p = 2 Φ(−|Δ|/s)
//! bootstrap  p = (#{ |Δ* − Δ|/s* ≥ |Δ|/s } + 1) / (B + 1),  circular blocks of b days,
//!            Ψ* = 1/l Σ_j ζ_j ζ_j',  ζ_j = 1/√b Σ_{t in block j} (y*_t − v*),  l = ⌊T/b⌋
//! ```
//! Ledoit, Wolf (2008), "Robust performance hypothesis testing with the Sharpe ratio"; (2011), "Robust performance hypothesis
//! testing with the variance". The F test for variances is wrong for dependent, fat-tailed returns.
//!
//! Deviation: the block length is that of Politis and White for the series ∇f'(y − v), whose mean is resampled; the
//! papers calibrate it by a second bootstrap.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::metrics::mean;
use crate::significance::bootstrap::RunningSums;
use crate::significance::{Block, Kernel, block_length, checked, long_run_covariance};

/// Measure that is compared, per day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Logarithm of the variance.
    LogVariance,
    /// Mean over standard deviation, with a risk-free rate of zero.
    SharpeRatio,
}

impl Measure {
    /// The measure from the means of r and r².
    pub(super) fn value(self, mean: f64, square: f64) -> f64 {
        let variance = square - mean * mean;
        match self {
            Self::LogVariance => variance.ln(),
            Self::SharpeRatio => mean / variance.sqrt(),
        }
    }

    /// The derivatives of the measure with respect to the means of r and r².
    pub(super) fn gradient(self, mean: f64, square: f64) -> (f64, f64) {
        let variance = square - mean * mean;
        match self {
            Self::LogVariance => (-2.0 * mean / variance, 1.0 / variance),
            Self::SharpeRatio => (square / variance.powf(1.5), -0.5 * mean / variance.powf(1.5)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::LogVariance => "a test of two variances",
            Self::SharpeRatio => "a test of two Sharpe ratios",
        }
    }
}

/// A difference and its significance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Δ: the measure of the first series less that of the second.
    pub estimate: f64,
    /// Standard error s(Δ).
    pub standard_error: f64,
    /// Two-sided p-value of Δ = 0.
    pub p_value: f64,
    /// Days in a block; 0 for the HAC test.
    pub block_length: usize,
    /// 95 % confidence interval Δ ± c s(Δ): c = 1.96 for the HAC test, else the 95 % quantile of the resampled |Δ* − Δ|/s*.
    pub interval: (f64, f64),
}

/// The four series whose means are v.
fn moments<'a>(first: &'a [f64], second: &'a [f64]) -> [Vec<f64>; 4] {
    let squares = |r: &[f64]| r.iter().map(|x| x * x).collect::<Vec<f64>>();
    [first.to_vec(), second.to_vec(), squares(first), squares(second)]
}

fn estimate(measure: Measure, v: &[f64]) -> f64 {
    measure.value(v[0], v[2]) - measure.value(v[1], v[3])
}

fn gradient(measure: Measure, v: &[f64]) -> [f64; 4] {
    let (first, second) = (measure.gradient(v[0], v[2]), measure.gradient(v[1], v[3]));
    [first.0, -second.0, first.1, -second.1]
}

fn quadratic_form(matrix: &Matrix, x: &[f64; 4]) -> f64 {
    (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).map(|(a, b)| x[a] * matrix[(a, b)] * x[b]).sum()
}

/// Δ, its gradient ∇f, and the centred series y − v.
fn linearised(measure: Measure, first: &[f64], second: &[f64]) -> (f64, [f64; 4], Vec<Vec<f64>>) {
    let series = moments(first, second);
    let v: Vec<f64> = series.iter().map(|values| mean(values)).collect();
    let centred = series.iter().zip(&v).map(|(values, m)| values.iter().map(|x| x - m).collect()).collect();
    (estimate(measure, &v), gradient(measure, &v), centred)
}

/// The asymptotic test with a HAC standard error, for daily returns. Fails for series that are too short, constant,
/// not finite or equal.
pub fn hac_difference(measure: Measure, first: &[f64], second: &[f64], kernel: Kernel) -> Result<Difference> {
    let n_days = checked(measure.name(), &[first, second])? as f64;
    let (estimate, gradient, centred) = linearised(measure, first, second);
    let psi = long_run_covariance(&centred, kernel, None);
    let standard_error = (quadratic_form(&psi, &gradient) / n_days).sqrt();
    if standard_error.is_nan() || standard_error <= 0.0 {
        let why = "the difference does not vary: are the two series the same?".to_string();
        return Err(Error::Undefined { what: measure.name(), why });
    }
    let p_value = 2.0 * Normal::standard().cdf(-(estimate / standard_error).abs());
    let interval = around(estimate, Normal::standard().inverse_cdf(0.975) * standard_error);
    Ok(Difference { estimate, standard_error, p_value, block_length: 0, interval })
}

/// Block length in days for [`bootstrap_difference`]: that of Politis and White for the linearised difference.
pub fn difference_block_length(measure: Measure, first: &[f64], second: &[f64]) -> Result<usize> {
    checked(measure.name(), &[first, second])?;
    let (_, gradient, centred) = linearised(measure, first, second);
    let along = |day: usize| (0..4).map(|k| gradient[k] * centred[k][day]).sum::<f64>();
    let influence: Vec<f64> = (0..first.len()).map(along).collect();
    Ok(block_length(&influence)?.circular.round().max(1.0) as usize)
}

/// The studentised bootstrap test with circular blocks of `length` days; `blocks` returns the blocks of a resample.
/// Fails like [`hac_difference`], or if two blocks do not fit into the series.
pub fn bootstrap_difference(
    measure: Measure,
    first: &[f64],
    second: &[f64],
    length: usize,
    n_resamples: usize,
    blocks: impl Fn(usize) -> Vec<Block> + Sync,
) -> Result<Difference> {
    let hac = hac_difference(measure, first, second, Kernel::Parzen)?;
    let n_days = first.len();
    if length == 0 || 2 * length > n_days {
        let why = format!("two blocks of {length} days do not fit into {n_days} days");
        return Err(Error::Undefined { what: measure.name(), why });
    }
    let series = moments(first, second);
    let series: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
    let centres: Vec<f64> = series.iter().map(|values| mean(values)).collect();
    let sums = RunningSums::new(&series);
    let statistic = (hac.estimate / hac.standard_error).abs();
    let resampled = |resample: usize| {
        let blocks = blocks(resample);
        let v = sums.means(&blocks);
        let gradient = gradient(measure, &v);
        let whole = n_days / length;
        let mut variance = 0.0;
        for block in &blocks[..whole] {
            let mut sum = [0.0; 4];
            sums.add(*block, &mut sum);
            let zeta = |k: usize| sum[k] - length as f64 * (v[k] - centres[k]);
            let along: f64 = (0..4).map(|k| gradient[k] * zeta(k)).sum();
            variance += along * along / length as f64;
        }
        let standard_error = (variance / whole as f64 / n_days as f64).sqrt();
        ((estimate(measure, &v) - hac.estimate) / standard_error).abs()
    };
    let mut statistics: Vec<f64> = (0..n_resamples).into_par_iter().map(resampled).collect();
    let n_exceeding = statistics.iter().filter(|resampled| **resampled >= statistic).count();
    let p_value = (n_exceeding + 1) as f64 / (n_resamples + 1) as f64;
    statistics.sort_by(f64::total_cmp);
    // The interval leaves out zero where p is at most 5 %.
    let place = (0.95 * (n_resamples + 1) as f64).ceil() as usize;
    let critical = statistics.get(place - 1).copied().unwrap_or(f64::INFINITY);
    let interval = around(hac.estimate, critical * hac.standard_error);
    Ok(Difference { p_value, block_length: length, interval, ..hac })
}

fn around(centre: f64, half: f64) -> (f64, f64) {
    (centre - half, centre + half)
}
