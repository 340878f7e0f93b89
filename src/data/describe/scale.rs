//! Robust local deviations of an asset's returns, and the market's return on a day.
//!
//! ```text
//! c_t = median of r,  s_t = 1.4826 × median |r − c_t|      over the moves of a block of 63 days and its two neighbours
//! ```
//! A move is a non-zero return: an asset that seldom trades is measured on the days on which it does. If the three
//! blocks hold fewer than 20 moves, those of the whole life are used; if the life has fewer than 20, both are
//! unknown. Our choice.

use rayon::prelude::*;

use crate::panel::Panel;

/// Days of a block.
const BLOCK: usize = 63;
/// Fewest values that a deviation needs.
pub(super) const FEWEST: usize = 20;
/// Standard deviation over median absolute deviation of a normal distribution.
const NORMAL: f64 = 1.4826;
/// The ninth decile of |z| of a normal distribution.
const NINTH_DECILE: f64 = 1.645;
/// On days with at most this many returns, the market return of an asset leaves the asset itself out.
const FEW_ASSETS: usize = 50;

/// The deviations of one asset.
pub(super) struct Scale {
    /// Centre and deviation, by block; NaN where unknown.
    blocks: Vec<(f64, f64)>,
    /// Deviation of each block without its neighbours; NaN where unknown.
    alone: Vec<f64>,
    /// Deviation over the life that is valid even if most moves are tiny: the ninth decile of |r − c|, divided by
    /// 1.645.
    pub usual: f64,
}

impl Scale {
    /// Centre and deviation around a day.
    pub fn at(&self, day: usize) -> (f64, f64) {
        self.blocks[day / BLOCK]
    }

    /// The smaller of the deviations of the day's block and the block before it: only a first sieve for calm before a
    /// day.
    pub fn before(&self, day: usize) -> f64 {
        self.alone[day / BLOCK].min(self.alone[(day / BLOCK).saturating_sub(1)])
    }
}

/// The deviations of all assets.
pub(super) fn scales(panel: &Panel) -> Vec<Scale> {
    (0..panel.n_assets()).into_par_iter().map(|asset| scale(panel.returns(asset))).collect()
}

fn scale(returns: &[f64]) -> Scale {
    let moves = |days: &[f64]| -> Vec<f64> { days.iter().copied().filter(|r| !r.is_nan() && *r != 0.0).collect() };
    let mut all = moves(returns);
    let whole = robust(&mut all);
    let mut distances: Vec<f64> = all.iter().map(|r| (r - whole.0).abs()).collect();
    let usual = match distances.len() {
        0 => 0.0,
        n => *distances.select_nth_unstable_by(9 * (n - 1) / 10, f64::total_cmp).1 / NINTH_DECILE,
    };
    let block = |start: usize| {
        let days = start.saturating_sub(BLOCK)..(start + 2 * BLOCK).min(returns.len());
        let mut moves = moves(&returns[days]);
        if moves.len() < FEWEST { whole } else { robust(&mut moves) }
    };
    let alone = returns.chunks(BLOCK).map(|days| robust(&mut moves(days)).1).collect();
    Scale { blocks: (0..returns.len()).step_by(BLOCK).map(block).collect(), alone, usual }
}

/// Median, and 1.4826 times the median absolute deviation from it; both NaN for fewer than 20 values.
pub(super) fn robust(values: &mut [f64]) -> (f64, f64) {
    if values.len() < FEWEST {
        return (f64::NAN, f64::NAN);
    }
    let centre = median(values);
    let mut distances: Vec<f64> = values.iter().map(|x| (x - centre).abs()).collect();
    (centre, NORMAL * median(&mut distances))
}

/// The median; of two middle values the upper one; NaN when empty.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { f64::NAN } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

/// The market's return on each day: the median return.
pub(super) struct MarketReturns<'a> {
    panel: &'a Panel,
    /// Median and number of returns, by day.
    days: Vec<(f64, usize)>,
}

impl<'a> MarketReturns<'a> {
    pub fn new(panel: &'a Panel) -> Self {
        let blocks: Vec<usize> = (0..panel.n_days()).step_by(BLOCK).collect();
        let block = |&start: &usize| -> Vec<(f64, usize)> {
            let end = (start + BLOCK).min(panel.n_days());
            let mut days = vec![Vec::with_capacity(panel.n_assets()); end - start];
            for asset in 0..panel.n_assets() {
                let returns = &panel.returns(asset)[start..end];
                days.iter_mut().zip(returns).filter(|(_, r)| !r.is_nan()).for_each(|(day, r)| day.push(*r));
            }
            days.iter_mut().map(|day| (median(day), day.len())).collect()
        };
        Self { panel, days: blocks.par_iter().flat_map_iter(block).collect() }
    }

    /// The median return of the other assets; zero where there are none.
    pub fn without(&self, asset: usize, day: usize) -> f64 {
        let (all, n) = self.days[day];
        if n > FEW_ASSETS {
            return all;
        }
        let others = (0..self.panel.n_assets()).filter(|&other| other != asset).map(|a| self.panel.returns(a)[day]);
        let mut others: Vec<f64> = others.filter(|r| !r.is_nan()).collect();
        if others.is_empty() { 0.0 } else { median(&mut others) }
    }

    /// Number of returns on a day.
    pub fn n_returns(&self, day: usize) -> usize {
        self.days[day].1
    }
}
