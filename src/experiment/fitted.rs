//! Parameters and shares that are chosen on the past of each calendar year, as a network is trained on it.
//!
//! ```text
//! draw k = 1 … 252:  a date uniform in the past, n assets of its universe without replacement, the T days before it,
//!                    and the covariance Σ_out of the days of a holding period after the day that follows
//! loss = mean_k 252 n w'Σ_out w,   w the unconstrained minimum-variance weights from the estimate
//! ```
//! Draws are those of the training sampler with the experiment's seed, each of its own n: uniform in 50 … 350 for a parameter of a part and
//! for shares, the size of the universe for a parameter of the cleaner itself. All
//! candidates see the same draws. One that has no estimate on some draw is not chosen. A trained network has seen all draws, so shares
//! that are fitted favour it, as do fitted parameters beside its modules.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::Window;
use crate::experiment::plan::Plan;
use crate::nn::TRADING_DAYS;
use crate::panel::{AssetId, Past};
use crate::train::{Draw, Eligible, Sampler, Schedule};

/// Number of draws.
pub(super) const DRAWS: usize = 252;
/// Smallest and largest number of assets of a draw.
const ASSETS: [usize; 2] = [50, 350];

/// What was chosen for an estimator and a year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Chosen {
    /// The estimator's label.
    pub estimator: String,
    /// The calendar year that it is used in.
    pub year: i16,
    /// The parameter.
    pub parameter: String,
    /// Its values.
    pub values: Vec<String>,
    /// The loss of each; none if it has no estimate on some draw.
    pub losses: Vec<Option<f64>>,
    /// The place of the value chosen, that with the lowest loss.
    pub place: usize,
}

/// Chooses among candidates, whose minimum-variance weights `weights` gives for a window, in their order. `done` counts draws.
pub(super) fn choose(
    plan: &Plan<'_>,
    past: Past<'_>,
    eligible: &Eligible,
    of_portfolio: bool,
    weights: &(dyn Fn(&Window) -> Vec<Result<Vec<f64>>> + Sync),
    done: &AtomicUsize,
) -> Result<(Vec<Option<f64>>, usize)> {
    let windows = &plan.experiment.walk_forward;
    let size = plan.experiment.universe.size;
    let schedule = Schedule::of_windows(if of_portfolio { [size, size] } else { ASSETS }, windows.lookback);
    let sampler = Sampler::new(past, eligible, &schedule, windows.lookback, windows.horizon, plan.experiment.seed)?;
    let losses = |number: usize| {
        let Draw { days, assets, n_days } = sampler.draw(number as u64)?;
        let day = days[0];
        let (window, _) = plan.window(past.at(day), &assets, n_days)?;
        let future = future(past.at(day + 1 + windows.horizon), &assets, windows.horizon);
        let loss = |weights: Result<Vec<f64>>| weights.map(|weights| loss(&weights, &future));
        let losses: Vec<Result<f64>> = weights(&window).into_iter().map(loss).collect();
        done.fetch_add(1, Ordering::Relaxed);
        Ok(losses)
    };
    let all: Vec<Vec<Result<f64>>> = (0..DRAWS).into_par_iter().with_max_len(1).map(losses).collect::<Result<_>>()?;
    let mut sums: Vec<Option<f64>> = vec![Some(0.0); all[0].len()];
    let mut why = None;
    for draw in all {
        for (sum, loss) in sums.iter_mut().zip(draw) {
            *sum = match (&sum, loss) {
                (Some(sum), Ok(loss)) => Some(*sum + loss / DRAWS as f64),
                (_, Err(error)) => {
                    why.get_or_insert(error);
                    None
                }
                (None, _) => None,
            };
        }
    }
    let defined = sums.iter().enumerate().filter_map(|(place, loss)| Some((place, (*loss)?)));
    match defined.min_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((place, _)) => Ok((sums, place)),
        None => Err(Error::Undefined {
            what: "a fitted parameter",
            why: format!("no value has an estimate on every draw: {}", why.expect("a loss is missing")),
        }),
    }
}

/// The returns of assets on the last days of a past, one row a day; zero after an asset has ended.
fn future(after: Past<'_>, assets: &[AssetId], horizon: usize) -> Vec<Vec<f64>> {
    let of = |asset: &AssetId| after.returns(*asset, horizon).expect("the day comes after a full look-back");
    let known: Vec<&[f64]> = assets.iter().map(of).collect();
    let known_or_zero = |r: f64| if r.is_nan() { 0.0 } else { r };
    (0..horizon).map(|day| known.iter().map(|r| known_or_zero(r[day])).collect()).collect()
}

/// 252 n w'Σ_out w, Σ_out about the means of the days.
fn loss(weights: &[f64], future: &[Vec<f64>]) -> f64 {
    let earned = |returns: &Vec<f64>| weights.iter().zip(returns).map(|(w, r)| w * r).sum::<f64>();
    let earned: Vec<f64> = future.iter().map(earned).collect();
    let count = earned.len() as f64;
    let mean = earned.iter().sum::<f64>() / count;
    let variance = earned.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / count;
    TRADING_DAYS * weights.len() as f64 * variance
}
