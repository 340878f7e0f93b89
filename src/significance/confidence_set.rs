//! The model confidence set: the models that cannot be distinguished from the best.
//!
//! ```text
//! d_ij = mean loss of i less that of j,   d_i = mean over j in M of d_ij;   * resampled, centred at the sample
//! T_R   = max_{i,j∈M} d_ij / √(mean of d*_ij²)        the i of the maximum is eliminated
//! T_max = max_{i∈M} d_i / √(mean of d*_i²)            the i of the maximum is eliminated
//! p(i)  = largest p-value of equal loss up to the step that eliminates i;  M at level α: those with p > α
//! ```
//! Hansen, Lunde, Nason (2011), "The model confidence set", sections 2.1, 3.1, 4.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::metrics::mean;
use crate::significance::{Block, checked, resampled_means};

/// Test statistic of equal loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// T_R: the largest pairwise difference.
    Range,
    /// T_max: the largest difference from the mean of the remaining series.
    Max,
}

/// The result: which series may be the best.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfidenceSet {
    /// p-values of the series, in the order of the series.
    pub p_values: Vec<f64>,
    /// Series in the order in which they were eliminated; the last one remained.
    pub eliminated: Vec<usize>,
}

impl ConfidenceSet {
    /// Series in the confidence set at level `alpha`, such as 0.05.
    pub fn members(&self, alpha: f64) -> Vec<usize> {
        (0..self.p_values.len()).filter(|k| self.p_values[*k] > alpha).collect()
    }
}

/// The confidence set for daily losses, such as squared returns; lower is better. `blocks` returns the blocks of a
/// resample. Fails for fewer than two series, equal series, and series that are too short, constant or not finite.
pub fn confidence_set(
    losses: &[&[f64]],
    statistic: Statistic,
    n_resamples: usize,
    blocks: impl Fn(usize) -> Vec<Block> + Sync,
) -> Result<ConfidenceSet> {
    const WHAT: &str = "a model confidence set";
    if losses.len() < 2 {
        return Err(Error::Undefined { what: WHAT, why: "it compares at least two series".to_string() });
    }
    checked(WHAT, losses)?;
    for (k, series) in losses.iter().enumerate() {
        if let Some(j) = losses[..k].iter().position(|other| other == series) {
            let why = format!("series {} and {} are the same", j + 1, k + 1);
            return Err(Error::Undefined { what: WHAT, why });
        }
    }
    let means: Vec<f64> = losses.iter().map(|series| mean(series)).collect();
    let centred = |resampled: Vec<f64>| resampled.iter().zip(&means).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let draws: Vec<Vec<f64>> = resampled_means(losses, n_resamples, blocks).into_iter().map(centred).collect();
    let pairwise = (statistic == Statistic::Range).then(|| pairwise_deviations(&draws));
    let mut left: Vec<usize> = (0..losses.len()).collect();
    let mut p_values = vec![1.0; losses.len()];
    let (mut eliminated, mut largest) = (Vec::new(), 0.0f64);
    while left.len() > 1 {
        let (worst, p_value) = match &pairwise {
            Some(deviations) => range_step(&means, &draws, deviations, &left),
            None => max_step(&means, &draws, &left),
        };
        largest = largest.max(p_value);
        p_values[worst] = largest;
        eliminated.push(worst);
        left.retain(|k| *k != worst);
    }
    eliminated.extend(left);
    Ok(ConfidenceSet { p_values, eliminated })
}

/// √(mean of d*_ij²), k × k in row-major order; 1 on the diagonal.
fn pairwise_deviations(draws: &[Vec<f64>]) -> Vec<f64> {
    let k = draws[0].len();
    let square = |a: usize, b: usize| draws.iter().map(|d| (d[a] - d[b]).powi(2)).sum::<f64>() / draws.len() as f64;
    let entry = |n: usize| if n / k == n % k { 1.0 } else { square(n / k, n % k).sqrt() };
    (0..k * k).into_par_iter().map(entry).collect()
}

/// The series that T_R eliminates, and the p-value.
fn range_step(means: &[f64], draws: &[Vec<f64>], deviations: &[f64], left: &[usize]) -> (usize, f64) {
    let k = means.len();
    let (mut worst, mut statistic) = (left[0], f64::NEG_INFINITY);
    for &a in left {
        for &b in left.iter().filter(|b| **b != a) {
            let t = (means[a] - means[b]) / deviations[a * k + b];
            if t > statistic {
                (worst, statistic) = (a, t);
            }
        }
    }
    let exceeds = |draw: &&Vec<f64>| {
        left.iter()
            .enumerate()
            .any(|(n, &a)| left[..n].iter().any(|&b| (draw[a] - draw[b]).abs() > statistic * deviations[a * k + b]))
    };
    let n_exceeding = draws.par_iter().filter(exceeds).count();
    (worst, n_exceeding as f64 / draws.len() as f64)
}

/// The series that T_max eliminates, and the p-value.
fn max_step(means: &[f64], draws: &[Vec<f64>], left: &[usize]) -> (usize, f64) {
    let mean_left = |values: &[f64]| left.iter().map(|k| values[*k]).sum::<f64>() / left.len() as f64;
    let centres: Vec<f64> = draws.par_iter().map(|draw| mean_left(draw)).collect();
    let deviation = |&k: &usize| {
        let sum: f64 = draws.iter().zip(&centres).map(|(draw, centre)| (draw[k] - centre).powi(2)).sum();
        (sum / draws.len() as f64).sqrt()
    };
    let deviations: Vec<f64> = left.par_iter().map(deviation).collect();
    let centre = mean_left(means);
    let t = |n: usize| (means[left[n]] - centre) / deviations[n];
    let worst = (0..left.len()).max_by(|a, b| t(*a).total_cmp(&t(*b))).expect("two are left");
    let statistic = t(worst);
    let exceeds = |(draw, centre): &(&Vec<f64>, &f64)| {
        left.iter().zip(&deviations).any(|(k, deviation)| draw[*k] - **centre > statistic * deviation)
    };
    let n_exceeding = draws.par_iter().zip(&centres).filter(exceeds).count();
    (left[worst], n_exceeding as f64 / draws.len() as f64)
}
