//! The walk-forward computation: estimates in parallel over decision dates, allocations in parallel over portfolios.
//!
//! An allocation may start from the portfolio's own previous one, so each portfolio is followed date by date. The
//! estimates on different dates are independent. Work is done in blocks of dates, which bounds the memory; results do
//! not depend on the block size or on the number of threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::account::Holdings;
use crate::allocators::{Situation, Weights};
use crate::error::{Error, Result};
use crate::estimators::eigenvalue_map;
use crate::experiment::fits::{Estimate, Fits, weighted};
use crate::experiment::fitted::Chosen;
use crate::experiment::plan::{Pair, Plan};
use crate::experiment::scores::{OfCovariance, Scores, realised};
use crate::linalg::{Covariance, Matrix, Repair};
use crate::metrics::{ForecastScore, score_portfolio};
use crate::panel::{AssetId, Field, Panel};
use crate::universe::{Selection, Universe};

/// All decisions of one date; the unit that is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub day: usize,
    pub members: Vec<AssetId>,
    pub universe_hash: String,
    pub removed: Vec<(String, usize)>,
    pub n_filled: usize,
    #[serde(default)]
    pub n_with_gaps: usize,
    /// What was chosen on the past for the year, if this is its first date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fitted: Vec<Chosen>,
    /// Repairs, one list per estimator of the plan.
    pub repairs: Vec<Vec<Repair>>,
    /// Allocations, one per portfolio of the plan.
    pub allocations: Vec<Allocation>,
    /// How good the forecasts were.
    pub scores: Scores,
}

/// The outcome for one portfolio: its weights, or the reason why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Allocation {
    /// Weights in the order of the members, and the daily volatility √(w'Σw) that the estimate predicts.
    Weights { weights: Vec<f64>, predicted_volatility: f64 },
    /// The reason why the portfolio has no weights.
    Undefined(String),
}

impl Allocation {
    /// The weights, if the portfolio has any.
    pub fn weights(&self) -> Option<&[f64]> {
        match self {
            Allocation::Weights { weights, .. } => Some(weights),
            Allocation::Undefined(_) => None,
        }
    }

    /// Scores the forecast in the portfolio's own direction by the returns (h × n) that followed.
    fn score(&self, returns: &Matrix) -> Option<ForecastScore> {
        let Allocation::Weights { weights, predicted_volatility } = self else { return None };
        (*predicted_volatility > 0.0).then(|| score_portfolio(predicted_volatility.powi(2), &returns.times(weights)))
    }
}

/// Universe, window and covariances of one date.
struct Estimates {
    day: usize,
    selection: Selection,
    universe_hash: String,
    n_filled: usize,
    covariances: Vec<std::result::Result<Estimate, String>>,
    /// Returns of the days that they are for, and what these say of them; without them no forecast is scored.
    realised: Option<Matrix>,
    scores: Vec<Option<OfCovariance>>,
}

/// Decides on the dates of a block, given all decisions before it. The years of the dates must have been entered in
/// `fits`.
pub(super) fn decide_block(fits: &Fits<'_>, days: &[usize], before: &[Decision]) -> Result<Vec<Decision>> {
    let plan = fits.plan();
    let estimate = |&day: &usize| estimate(fits, day);
    let estimates: Vec<Estimates> = days.par_iter().with_max_len(1).map(estimate).collect::<Result<_>>()?;
    let follow = |(number, pair): (usize, &Pair)| PortfolioWalk { plan, pair, number }.follow(&estimates, before);
    let portfolios: Vec<Vec<Allocation>> = plan.pairs.par_iter().with_max_len(1).enumerate().map(follow).collect();
    let last = before.last().map(|decision| decision.day);
    let decision = |(k, estimates): (usize, Estimates)| {
        let allocations: Vec<Allocation> = portfolios.iter().map(|portfolio| portfolio[k].clone()).collect();
        let score = |allocation: &Allocation| allocation.score(estimates.realised.as_ref()?);
        let scores = Scores { portfolios: allocations.iter().map(score).collect(), estimators: estimates.scores };
        Decision {
            fitted: fits.chosen(if k == 0 { last } else { Some(days[k - 1]) }, estimates.day),
            day: estimates.day,
            members: estimates.selection.members,
            universe_hash: estimates.universe_hash,
            n_with_gaps: estimates.selection.n_with_gaps,
            removed: estimates.selection.removed.into_iter().map(|(rule, n)| (rule.to_string(), n)).collect(),
            n_filled: estimates.n_filled,
            repairs: estimates.covariances.iter().map(repairs).collect(),
            allocations,
            scores,
        }
    };
    Ok(estimates.into_iter().enumerate().map(decision).collect())
}

/// Computes universe, window and all covariances of one date.
fn estimate(fits: &Fits<'_>, day: usize) -> Result<Estimates> {
    let plan = fits.plan();
    let panel = &plan.market.panel;
    let past = panel.past(day);
    let selection = plan.universe.select(past)?;
    let members = &selection.members;
    let window = plan.window(past, members, plan.experiment.walk_forward.lookback);
    let (window, n_filled) = window.map_err(|error| named(error, panel, members, day))?;
    let text = |error| named(error, panel, members, day).to_string();
    let covariance = |estimator: usize| fits.estimate(estimator, day, members, &window).map_err(text);
    let covariances: Vec<_> = (0..plan.experiment.compare.estimators.len()).map(covariance).collect();
    let universe_hash = selection.hash(past);
    let realised = realised(plan, day, members);
    let score = |estimate: &std::result::Result<Estimate, String>| {
        OfCovariance::new(estimate.as_ref().ok()?, realised.as_ref()?)
    };
    let scores = covariances.iter().map(score).collect();
    Ok(Estimates { day, universe_hash, n_filled, covariances, realised, scores, selection })
}

/// An estimator's label, with the sample and cleaned eigenvalues (N × 2) of the last date.
pub(super) type EigenvalueMap = (String, Matrix);

/// The eigenvalue maps of the last date, for the estimators that the figures ask for; an estimator without an estimate
/// there has none.
pub(super) fn eigenvalue_maps(fits: &mut Fits<'_>) -> Result<Vec<EigenvalueMap>> {
    let plan = fits.plan();
    let day = *plan.decisions.last().expect("a plan has decisions");
    let panel = &plan.market.panel;
    fits.enter(&[day], &mut |_| {})?;
    let members = plan.universe.select(panel.past(day))?.members;
    let window = plan.window(panel.past(day), &members, plan.experiment.walk_forward.lookback);
    let (window, _) = window.map_err(|error| named(error, panel, &members, day))?;
    let mut maps = Vec::new();
    for label in &plan.experiment.figures.eigenvalues {
        let place = plan.experiment.compare.estimators.iter().position(|choice| choice.label == *label);
        // A mean of portfolios has no covariance.
        if let Ok(Estimate(all)) = fits.estimate(place.expect("labels were checked"), day, &members, &window)
            && let [(_, covariance)] = all.as_slice()
        {
            maps.push((label.clone(), eigenvalue_map(&window, covariance)?));
        }
    }
    Ok(maps)
}

/// Replaces the column of the window in an error by asset and date.
fn named(error: Error, panel: &Panel, members: &[AssetId], day: usize) -> Error {
    match error {
        Error::Column { column, rule } => {
            let (asset, date) = (&panel.assets()[members[column]].symbol, panel.calendar().date(day));
            Error::data(format!("asset {asset}, decision date {date}"), rule)
        }
        other => other,
    }
}

/// Repairs that an estimator made; empty if it has no estimate.
fn repairs(estimate: &std::result::Result<Estimate, String>) -> Vec<Repair> {
    let of = |Estimate(all): &Estimate| all.iter().flat_map(|(_, covariance)| covariance.repairs().to_vec()).collect();
    estimate.as_ref().map_or(Vec::new(), of)
}

/// A portfolio that is followed through the dates.
struct PortfolioWalk<'a> {
    plan: &'a Plan<'a>,
    pair: &'a Pair,
    number: usize,
}

/// A portfolio's last decision: day, assets and weights.
type Last = (usize, Vec<AssetId>, Vec<f64>);

impl PortfolioWalk<'_> {
    /// The allocations on the dates of a block, each starting from the previous one.
    fn follow(&self, estimates: &[Estimates], before: &[Decision]) -> Vec<Allocation> {
        // The last date on which this portfolio existed, however long ago: results must not depend on where a block
        // begins.
        let last = |d: &Decision| Some((d.day, d.members.clone(), d.allocations[self.number].weights()?.to_vec()));
        let mut previous: Option<Last> = before.iter().rev().find_map(last);
        let mut allocations = Vec::with_capacity(estimates.len());
        for date in estimates {
            let allocation = match &date.covariances[self.pair.estimator] {
                Err(why) => Allocation::Undefined(why.clone()),
                Ok(estimate) => self.allocate(date, estimate, previous.as_ref()),
            };
            if let Some(weights) = allocation.weights() {
                previous = Some((date.day, date.selection.members.clone(), weights.to_vec()));
            }
            allocations.push(allocation);
        }
        allocations
    }

    fn allocate(&self, date: &Estimates, Estimate(all): &Estimate, previous: Option<&Last>) -> Allocation {
        let panel = &self.plan.market.panel;
        let (past, members) = (panel.past(date.day), date.selection.members.as_slice());
        let start = previous.map(|(_, assets, weights)| on_members(assets, weights, members));
        let held = previous.map(|last| drifted(panel, last, date.day, members));
        let value = |&asset: &AssetId| past.last_known(Field::MarketValue, asset).unwrap_or(f64::NAN);
        let market_values: Option<Vec<f64>> = past.has(Field::MarketValue).then(|| members.iter().map(value).collect());
        let sectors: Vec<&str> = members.iter().map(|&asset| past.sector(asset)).collect();
        let situation = Situation {
            start: start.as_deref(),
            held: held.as_deref(),
            market_values: market_values.as_deref(),
            sectors: sectors.iter().any(|sector| !sector.is_empty()).then_some(&sectors),
        };
        let allocator = &self.plan.allocators[self.pair.allocator];
        let allocate = |(_, covariance): &(f64, Covariance)| allocator.allocate(covariance, &situation);
        match all.iter().map(allocate).collect::<Result<Vec<Weights>>>() {
            Err(why) => Allocation::Undefined(named(why, panel, members, date.day).to_string()),
            Ok(each) => {
                let weights = match each.as_slice() {
                    [weights] => weights.as_slice().to_vec(),
                    several => weighted(all.iter().map(|(share, _)| *share).zip(several.iter().map(Weights::as_slice))),
                };
                let variance: f64 =
                    all.iter().map(|(share, covariance)| share * covariance.variance_of(&weights)).sum();
                Allocation::Weights { predicted_volatility: variance.sqrt(), weights }
            }
        }
    }
}

/// Weights of the members that a portfolio holds at the last close before a decision day.
fn drifted(panel: &Panel, (day, assets, weights): &Last, decision: usize, members: &[AssetId]) -> Vec<f64> {
    let mut holdings = Holdings::cash();
    holdings.rebalance(assets.iter().copied().zip(weights.iter().copied()));
    for known in day + 1..decision {
        holdings.earn(|asset| panel.earned(asset, known));
    }
    members.iter().map(|&asset| holdings.weight(asset)).collect()
}

/// Weights carried over from one list of assets to another, zero for newcomers; both lists ascend.
fn on_members(held: &[AssetId], weights: &[f64], members: &[AssetId]) -> Vec<f64> {
    members.iter().map(|asset| held.binary_search(asset).map_or(0.0, |place| weights[place])).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::allocators::Allocator;
    use crate::experiment::networks::Networks;
    use crate::experiment::{Experiment, Job, MarketData};

    /// Holds one asset, keeps its earlier weights, and does not exist on its third date.
    #[derive(Default)]
    struct Sticky(AtomicUsize);

    impl Allocator for Sticky {
        fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Weights::normalised((0..covariance.n_assets()).map(|i| if i == 4 { 1.0 } else { 0.0 }).collect()),
                2 => Err(Error::Undefined { what: "sticky", why: "it is the third date".to_string() }),
                _ => Weights::normalised(situation.start.expect("it existed before").to_vec()),
            }
        }
    }

    #[test]
    fn a_portfolio_starts_from_its_last_weights_wherever_a_block_begins() {
        let text = "about = 'blocks'\n[data.synthetic]\nn_assets = 12\nn_days = 100\n[universe]\nrules = 'none'\nsize = 6\n\
                    rank_by = 'panel_order'\n[walk_forward]\nlookback = 50\n[compare]\nestimators = ['lw_identity']\n\
                    allocators = ['gmv']\n";
        let experiment = Experiment::parse(text, "blocks.toml").unwrap();
        let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
        let market = MarketData { panel, truth: Some(truth) };
        let decide = |blocks: &[usize]| {
            let mut plan = Plan::new(&experiment, &market).unwrap();
            plan.allocators[0] = Box::new(Sticky::default());
            let networks = Networks::new(&plan, &Job::new(&experiment, &market, Path::new("unused"))).unwrap();
            let mut decisions: Vec<Decision> = Vec::new();
            for &size in blocks {
                let days = &plan.decisions[decisions.len()..decisions.len() + size];
                let mut fits = Fits::new(&plan, &networks, Vec::new());
                fits.enter(days, &mut |_| {}).unwrap();
                let decided = decide_block(&fits, days, &decisions);
                decisions.extend(decided.unwrap());
            }
            decisions
        };
        let whole = decide(&[5]);
        assert_eq!(whole[2].allocations[0].weights(), None);
        assert!(whole[3].allocations[0].weights().is_some());
        assert_eq!(decide(&[3, 2]), whole);
        assert_eq!(decide(&[1, 1, 1, 1, 1]), whole);
    }
}
