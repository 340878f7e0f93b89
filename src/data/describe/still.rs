//! Prices that do not move, returns that are constant up to rounding, assets that hardly move at all.
//!
//! A minimum-variance portfolio puts large weights on exactly these: a price pinned by a take-over offer has next to
//! no variance until the offer fails.

use rayon::prelude::*;

use super::scale::{FEWEST, Scale, median};
use super::{Finding, Kind, size};
use crate::panel::{AssetId, Panel};

pub(super) const RULE: &str = "at least five days in a row without a move, unless the asset's own share of such days \
    explains them (a run is found if fewer than one such run is expected in a hundred lives); stretches of at least 20 \
    days on which the standard deviation over every ten days is below a tenth of the asset's usual one (take-over \
    offers, accrued or interpolated prices); and assets whose usual deviation is below a twentieth of the median \
    asset's";

/// Shortest run without a move.
const LEAST_RUN: usize = 5;
/// A run is found if fewer such runs than this are expected by chance in a life.
const CHANCE: f64 = 0.01;
/// Days over which a deviation is taken, days of the shortest stretch, and the share of the usual deviation below
/// which a price is pinned.
const PIN: (usize, usize, f64) = (10, 20, 0.1);
/// Deviations below this are rounding.
const ROUNDING: f64 = 1e-6;
/// An asset whose deviation is below this share of the median asset's hardly moves.
const QUIET: f64 = 0.05;

/// Finds runs of zeros, pinned stretches and quiet assets.
pub(super) fn still(panel: &Panel, scales: &[Scale]) -> Vec<Finding> {
    let mut usual: Vec<f64> = scales.iter().map(|scale| scale.usual).collect();
    let typical = median(&mut usual);
    let find = |asset: AssetId| {
        let Some((first, last)) = panel.life(asset) else { return Vec::new() };
        let (returns, usual) = (&panel.returns(asset)[first..=last], scales[asset].usual);
        let finding = |(first, last): (usize, usize), number: f64, text: String| Finding {
            kind: Kind::Still,
            assets: vec![asset],
            first,
            last,
            number,
            text,
        };
        let whole = returns.iter().filter(|r| !r.is_nan()).count();
        if whole >= FEWEST && usual <= QUIET * typical {
            let text =
                format!("hardly moves in its whole life: {} a day, the median asset {}", size(usual), size(typical));
            return vec![finding((first, last), whole as f64, text)];
        }
        let runs = runs(returns);
        let pins = pins(returns, PIN.2 * usual);
        // A run inside a pinned stretch is reported with the stretch.
        let apart = |run: &(usize, usize)| !pins.iter().any(|pin| pin.0 <= run.0 && run.1 <= pin.1);
        let alone = runs.iter().copied().filter(apart).map(|(a, b)| {
            finding((first + a, first + b), (b - a + 1) as f64, format!("does not move for {} days", b - a + 1))
        });
        let pinned = pins.iter().map(|&(a, b)| {
            let n = b - a + 1;
            finding((first + a, first + b), n as f64, pinned(&returns[a..=b], n, usual))
        });
        alone.chain(pinned).collect()
    };
    (0..panel.n_assets()).into_par_iter().flat_map_iter(find).collect()
}

/// The text of a finding on a price that is pinned for `n` days.
fn pinned(returns: &[f64], n: usize, usual: f64) -> String {
    let deviation = deviation(returns);
    let mean =
        returns.iter().filter(|r| !r.is_nan()).sum::<f64>() / returns.iter().filter(|r| !r.is_nan()).count() as f64;
    let usually = format!("usually it moves by {} a day", size(usual));
    match (deviation < ROUNDING, mean.abs() < ROUNDING) {
        (true, true) => format!("does not move for {n} days; {usually}"),
        (true, false) => format!("returns {:.4} % on each of {n} days; {usually}", 100.0 * mean),
        _ => format!("moves by {} a day for {n} days; {usually}", size(deviation)),
    }
}

/// First and last day of every run of zeros that is too long for its asset; missing days do not end a run.
fn runs(returns: &[f64]) -> Vec<(usize, usize)> {
    let present: Vec<(usize, bool)> =
        returns.iter().enumerate().filter(|(_, r)| !r.is_nan()).map(|(day, r)| (day, *r == 0.0)).collect();
    let n_zero = present.iter().filter(|(_, still)| *still).count();
    let long = |run: &&[(usize, bool)]| {
        if !run[0].1 || run.len() < LEAST_RUN {
            return false;
        }
        let others = present.len() - run.len();
        let share = (n_zero - run.len()) as f64 / others.max(1) as f64;
        present.len() as f64 * share.powi(run.len() as i32) < CHANCE
    };
    let runs = present.chunk_by(|a, b| a.1 == b.1);
    runs.filter(long).map(|run| (run[0].0, run[run.len() - 1].0)).collect()
}

/// First and last day of every stretch whose deviations stay at or below a limit.
fn pins(returns: &[f64], limit: f64) -> Vec<(usize, usize)> {
    let present: Vec<(usize, f64)> = returns.iter().copied().enumerate().filter(|(_, r)| !r.is_nan()).collect();
    let mut pins: Vec<(usize, usize)> = Vec::new();
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut stretch: Option<(usize, usize)> = None;
    let n = PIN.0 as f64;
    for (place, &(_, r)) in present.iter().enumerate() {
        (sum, squares) = (sum + r, squares + r * r);
        if place >= PIN.0 {
            let old = present[place - PIN.0].1;
            (sum, squares) = (sum - old, squares - old * old);
        }
        // Running sums are only a first sieve, with a margin for their rounding; the deviation itself decides.
        let start = (place + 1).saturating_sub(PIN.0);
        let variance = (squares - sum * sum / n) / n;
        let small = place + 1 >= PIN.0 && variance <= 1.1 * limit * limit + 1e-12;
        let still = small && deviation_of(present[start..=place].iter().map(|day| day.1)) <= limit;
        stretch = match (stretch, still) {
            (Some((from, _)), true) => Some((from, place)),
            (None, true) => Some((start, place)),
            (Some(done), false) => {
                pins.push(done);
                None
            }
            (None, false) => None,
        };
    }
    pins.extend(stretch);
    let days = |&(from, to): &(usize, usize)| (present[from].0, present[to].0);
    pins.iter().filter(|(from, to)| to + 1 - from >= PIN.1).map(days).collect()
}

fn deviation(returns: &[f64]) -> f64 {
    deviation_of(returns.iter().copied().filter(|r| !r.is_nan()))
}

fn deviation_of(returns: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = returns.clone().count().max(1) as f64;
    let mean = returns.clone().sum::<f64>() / n;
    (returns.map(|r| (r - mean).powi(2)).sum::<f64>() / n).sqrt()
}
