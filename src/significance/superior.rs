//! Tests whether any of many competitors is better than the benchmark, allowing for the number that were tried.
//!
//! ```text
//! d_k = mean of (benchmark loss − loss of k);   ω_k² = long-run variance under stationary blocks of mean length b
//! T   = max(0, max_k √T d_k / ω_k)
//! T*  = max(0, max_k √T (d*_k − g_k(d)) / ω_k),   p = share of resamples with T* ≥ T (1 if T = 0: none is better)
//! g:  lower  max(d, 0)     consistent  d where d ≥ −√(ω²/T · 2 ln ln T), else 0     upper  d
//! ```
//! Hansen (2005), "A test for superior predictive ability". With [`Scaling::Plain`], ω = 1 and there is no zero in
//! either maximum; the p-value `upper` is then that of White's (2000) reality check.

use rayon::prelude::*;

use crate::error::Result;
use crate::metrics::mean;
use crate::significance::{Block, checked, resampled_means};

/// Whether differences are divided by their standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// Divided by ω, so that a very volatile competitor does not hide the others.
    Studentised,
    /// Not divided.
    Plain,
}

/// Three p-values of the hypothesis that no competitor is better than the benchmark; `consistent` is the one to
/// report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Superior {
    /// Lower bound of the p-value.
    pub lower: f64,
    /// Consistent p-value.
    pub consistent: f64,
    /// Upper bound of the p-value, White's.
    pub upper: f64,
    /// Index of the competitor with the largest statistic.
    pub best: usize,
}

/// The test for daily losses; lower is better. `blocks` returns the blocks of a resample, `mean_length` is their mean
/// length in days. Fails for series that are too short, constant or not finite, or do not differ from the benchmark.
pub fn superior_ability(
    benchmark: &[f64],
    losses: &[&[f64]],
    scaling: Scaling,
    mean_length: f64,
    n_resamples: usize,
    blocks: impl Fn(usize) -> Vec<Block> + Sync,
) -> Result<Superior> {
    let gain = |series: &&[f64]| benchmark.iter().zip(*series).map(|(b, l)| b - l).collect::<Vec<f64>>();
    let gains: Vec<Vec<f64>> = losses.iter().map(gain).collect();
    let views: Vec<&[f64]> = gains.iter().map(Vec::as_slice).collect();
    let mut all = vec![benchmark];
    all.extend(losses);
    checked("a test of superior predictive ability", &all)?;
    let n_days = checked("a test of superior predictive ability (against the benchmark)", &views)? as f64;
    let means: Vec<f64> = views.iter().map(|gain| mean(gain)).collect();
    let variances: Vec<f64> = views.par_iter().map(|gain| stationary_variance(gain, mean_length)).collect();
    let scales: Vec<f64> = match scaling {
        Scaling::Studentised => variances.iter().map(|v| (v / n_days).sqrt()).collect(),
        Scaling::Plain => vec![1.0; means.len()],
    };
    let matters = |k: usize| means[k] >= -(variances[k] / n_days * 2.0 * n_days.ln().ln()).sqrt();
    let centres: [Vec<f64>; 3] = [
        means.iter().map(|d| d.max(0.0)).collect(),
        (0..means.len()).map(|k| if matters(k) { means[k] } else { 0.0 }).collect(),
        means.clone(),
    ];
    let scaled = |k: usize| means[k] / scales[k];
    let best = (0..means.len()).max_by(|a, b| scaled(*a).total_cmp(&scaled(*b))).expect("checked: not empty");
    let floor = if scaling == Scaling::Studentised { 0.0 } else { f64::NEG_INFINITY };
    let statistic = scaled(best).max(floor);
    let draws = resampled_means(&views, n_resamples, blocks);
    let p_value = |centre: &[f64]| {
        let exceeds = |draw: &&Vec<f64>| {
            let largest = draw.iter().zip(centre).zip(&scales).map(|((d, c), s)| (d - c) / s);
            largest.fold(floor, f64::max) >= statistic
        };
        draws.par_iter().filter(exceeds).count() as f64 / draws.len() as f64
    };
    Ok(Superior { lower: p_value(&centres[0]), consistent: p_value(&centres[1]), upper: p_value(&centres[2]), best })
}

/// T times the variance of a mean over stationary blocks: Σ κ_i γ_i with Politis and Romano's weights.
fn stationary_variance(values: &[f64], mean_length: f64) -> f64 {
    let n = values.len();
    let centre = mean(values);
    let x: Vec<f64> = values.iter().map(|value| value - centre).collect();
    let stay = 1.0 - 1.0 / mean_length;
    let gamma = |lag: usize| x[lag..].iter().zip(&x).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let mut variance = gamma(0);
    for lag in 1..n {
        let share = lag as f64 / n as f64;
        let weight = (1.0 - share) * stay.powi(lag as i32) + share * stay.powi((n - lag) as i32);
        if weight > 1e-12 {
            variance += 2.0 * weight * gamma(lag);
        }
    }
    variance
}
