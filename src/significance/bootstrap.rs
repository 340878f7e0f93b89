//! Block bootstrap of days: blocks of consecutive days on a circle, so that dependence inside a block is preserved.
//!
//! ```text
//! circular     ⌈T/b⌉ blocks of b days, starts uniform, the last one cut short  Politis, Romano (1992)
//! stationary   lengths geometric with mean b                                   Politis, Romano (1994)
//! ```
//! Sums over blocks are differences of running sums, so the cost of a resample is its number of blocks and not of
//! days.

use rand::RngExt;
use rayon::prelude::*;

use crate::random::generator;

/// A block: its first day and its number of days.
pub type Block = (usize, usize);

/// Rule by which blocks are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheme {
    /// Blocks of equal length.
    Circular {
        /// Days in a block, at least 1.
        length: usize,
    },
    /// Blocks of geometrically distributed length.
    Stationary {
        /// Mean days in a block, at least 1.
        mean_length: f64,
    },
}

/// A bootstrap: rule, number of resamples and seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Rule by which blocks are drawn.
    pub scheme: Scheme,
    /// Number of resamples.
    pub n_resamples: usize,
    /// Seed of all resamples.
    pub seed: u64,
}

impl Resampling {
    /// The blocks of resample number `resample`; together they have `n_days` days.
    pub fn blocks(&self, resample: usize, n_days: usize) -> Vec<Block> {
        self.scheme.blocks(n_days, &mut generator(self.seed, resample as u64))
    }
}

impl Scheme {
    /// Blocks that together have `n_days` days.
    pub(super) fn blocks(&self, n_days: usize, random: &mut impl RngExt) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut left = n_days;
        while left > 0 {
            let start = random.random_range(0..n_days);
            let length = match *self {
                Self::Circular { length } => length.max(1),
                // P(length > k) = (1 − 1/b)^k
                Self::Stationary { mean_length } if mean_length > 1.0 => {
                    let uniform: f64 = 1.0 - random.random::<f64>();
                    1 + (uniform.ln() / (1.0 - 1.0 / mean_length).ln()) as usize
                }
                Self::Stationary { .. } => 1,
            };
            blocks.push((start, length.min(left)));
            left -= length.min(left);
        }
        blocks
    }
}

/// Running sums of several series, which are centred first so that differences of sums do not lose digits.
pub(super) struct RunningSums {
    n_days: usize,
    centres: Vec<f64>,
    /// `[n_days + 1, k]`, row by row.
    sums: Vec<f64>,
}

impl RunningSums {
    pub fn new(series: &[&[f64]]) -> Self {
        let n_days = series[0].len();
        let centres: Vec<f64> = series.iter().map(|values| crate::metrics::mean(values)).collect();
        let mut sums = Vec::with_capacity((n_days + 1) * series.len());
        sums.resize(series.len(), 0.0);
        for day in 0..n_days {
            for (k, values) in series.iter().enumerate() {
                let before = sums[day * series.len() + k];
                sums.push(before + (values[day] - centres[k]));
            }
        }
        Self { n_days, centres, sums }
    }

    /// Adds the sums over a block, centred by the means of the whole series, to `into`.
    pub fn add(&self, (start, length): Block, into: &mut [f64]) {
        let k = into.len();
        let row = |day: usize| &self.sums[day * k..(day + 1) * k];
        let end = start + length;
        let (last, wrapped) = if end <= self.n_days { (end, 0) } else { (self.n_days, end - self.n_days) };
        let (from, to, over) = (row(start), row(last), row(wrapped));
        for (((sum, from), to), over) in into.iter_mut().zip(from).zip(to).zip(over) {
            *sum += (to - from) + over;
        }
    }

    /// The mean of every series over some blocks.
    pub fn means(&self, blocks: &[Block]) -> Vec<f64> {
        let mut sums = vec![0.0; self.centres.len()];
        blocks.iter().for_each(|block| self.add(*block, &mut sums));
        let n_days: usize = blocks.iter().map(|(_, length)| length).sum();
        sums.iter().zip(&self.centres).map(|(sum, centre)| centre + sum / n_days as f64).collect()
    }
}

/// Means of the series over every resample, in order (resamples × series). `blocks` returns the blocks of a resample.
pub fn resampled_means(
    series: &[&[f64]],
    n_resamples: usize,
    blocks: impl Fn(usize) -> Vec<Block> + Sync,
) -> Vec<Vec<f64>> {
    let sums = RunningSums::new(series);
    (0..n_resamples).into_par_iter().map(|resample| sums.means(&blocks(resample))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_blocks_are_those_of_the_days_also_across_the_end() {
        let values: Vec<f64> = (0..10).map(|k| f64::from(k * k) + 0.1).collect();
        let blocks = [(8, 4), (0, 1), (3, 5)];
        let days = blocks.iter().flat_map(|(start, length)| (*start..start + length).map(|day| values[day % 10]));
        let expected: f64 = days.clone().sum::<f64>() / days.count() as f64;
        let means = RunningSums::new(&[&values]).means(&blocks);
        assert!((means[0] - expected).abs() < 1e-12, "{} against {expected}", means[0]);
    }

    #[test]
    fn resamples_have_all_days_and_blocks_of_the_length_asked_for() {
        for (scheme, expected) in
            [(Scheme::Circular { length: 7 }, 7.0), (Scheme::Stationary { mean_length: 7.0 }, 7.0)]
        {
            let resampling = Resampling { scheme, n_resamples: 1, seed: 3 };
            let blocks = resampling.blocks(0, 70_000);
            assert_eq!(blocks.iter().map(|(_, length)| length).sum::<usize>(), 70_000);
            let mean = 70_000.0 / blocks.len() as f64;
            assert!((mean - expected).abs() < 0.25, "{scheme:?}: {mean}");
            assert_eq!(blocks, resampling.blocks(0, 70_000));
            assert_ne!(blocks, resampling.blocks(1, 70_000));
        }
    }
}
