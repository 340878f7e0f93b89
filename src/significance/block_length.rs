//! The block length for which the variance of a resampled mean is most accurate.
//!
//! ```text
//! m̂   smallest lag after which five autocorrelations in a row are below 2 √(log10 T / T);  M = 2 m̂
//! G   = Σ_{|k|≤M} λ(k/M) |k| γ_k,   g = Σ_{|k|≤M} λ(k/M) γ_k,   λ(t) = 1 for |t| ≤ ½, 2 (1 − |t|) to 1
//! b   = (2 G² / D)^{1/3} T^{1/3},   D = 2 g² (stationary), 4/3 g² (circular),  at most ⌈min(3 √T, T/3)⌉
//! ```
//! Politis, White (2004), "Automatic block-length selection for the dependent bootstrap"; Patton, Politis, White (2009),
//! correction.

use crate::error::Result;
use crate::metrics::mean;
use crate::significance::checked;

/// Block lengths in days, not rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockLength {
    /// Mean length for the stationary bootstrap.
    pub stationary: f64,
    /// Length for the circular bootstrap.
    pub circular: f64,
}

/// The block lengths for the mean of a daily series. Fails for series that are too short, constant or not finite.
pub fn block_length(values: &[f64]) -> Result<BlockLength> {
    let n_days = checked("a block length", &[values])? as f64;
    let centre = mean(values);
    let x: Vec<f64> = values.iter().map(|value| value - centre).collect();
    let product = |lag: usize| -> f64 { x[lag..].iter().zip(&x).map(|(a, b)| a * b).sum() };
    let in_a_row = 5.max(n_days.log10() as usize);
    let most = n_days.sqrt().ceil() as usize + in_a_row;
    let limit = 2.0 * (n_days.log10() / n_days).sqrt();
    let squares = |part: &[f64]| part.iter().map(|a| a * a).sum::<f64>();
    let covariance: Vec<f64> = (0..=most).map(|lag| product(lag) / n_days).collect();
    let is_small = |lag: usize| {
        // As in the released implementations, the ends left out of both factors are one day longer than the lag.
        let scale = (squares(&x[lag + 1..]) * squares(&x[..x.len() - lag - 1])).sqrt();
        (n_days * covariance[lag]).abs() / scale < limit
    };
    let first = (in_a_row..=most).find(|lag| (lag - in_a_row..*lag).all(is_small)).map(|lag| lag - in_a_row);
    let window = first.map_or(most, |lag| 2 * lag.max(1)).min(most);
    let (mut weighted, mut variance) = (0.0, covariance[0]);
    for (lag, gamma) in covariance.iter().enumerate().take(window + 1).skip(1) {
        let share = lag as f64 / window as f64;
        let taper = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        weighted += 2.0 * taper * lag as f64 * gamma;
        variance += 2.0 * taper * gamma;
    }
    let longest = (3.0 * n_days.sqrt()).min(n_days / 3.0).ceil();
    let length = |d: f64| ((2.0 * weighted * weighted / d) * n_days).cbrt().min(longest);
    Ok(BlockLength { stationary: length(2.0 * variance * variance), circular: length(4.0 / 3.0 * variance * variance) })
}
