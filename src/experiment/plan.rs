//! The plan of a run, fixed and checked before the run starts.

use crate::allocators::{self, Allocator, Needs};
use crate::description::{ORACLE, PortfolioName, TRAIN};
use crate::error::{Error, Result};
use crate::estimators::combination::Combination;
use crate::estimators::modules::RECURRENT;
use crate::estimators::{self, Definite, Window, composition};
use crate::experiment::{Experiment, MarketData, start};
use crate::linalg::{Covariance, Matrix};
use crate::panel::{AssetId, Past};
use crate::registry::{Choice, Part};
use crate::train::MODEL;
use crate::universe::{Filled, Missing, RankedUniverse};

/// A portfolio to follow: an allocator with the estimator whose covariance it uses.
pub(super) struct Pair {
    pub estimator: usize,
    pub allocator: usize,
    pub name: PortfolioName,
}

/// Everything that a run needs, checked.
pub(super) struct Plan<'a> {
    pub market: &'a MarketData,
    pub experiment: &'a Experiment,
    pub universe: RankedUniverse,
    pub missing: Missing,
    /// Decision days as indices into the panel's calendar, ascending.
    pub decisions: Vec<usize>,
    /// The day after the last return that counts, as an index.
    pub end: usize,
    pub allocators: Vec<Box<dyn Allocator>>,
    pub pairs: Vec<Pair>,
    /// Whether an estimator takes the ranges of days.
    needs_ranges: bool,
}

impl<'a> Plan<'a> {
    /// Plans the run. Fails if names, sizes or dates do not fit the data.
    pub fn new(experiment: &'a Experiment, market: &'a MarketData) -> Result<Self> {
        let windows = &experiment.walk_forward;
        let (universe, _) = start::universe_of(experiment, &market.panel)?;
        let (first, end) = start::span(experiment, &market.panel, &universe)?;
        let decisions = windows.decisions(first, end);
        let build = |choice: &Choice| (allocators::named(&choice.name)?.build)(choice);
        let allocators = experiment.compare.allocators.iter().map(build).collect::<Result<Vec<_>>>()?;
        let plan = Self {
            market,
            experiment,
            universe,
            missing: experiment.universe.missing,
            decisions,
            end,
            allocators,
            pairs: pairs(experiment)?,
            needs_ranges: needs_ranges(experiment)?,
        };
        plan.check_sizes()?;
        Ok(plan)
    }

    /// The calendar years of the decisions.
    pub fn years(&self) -> Vec<i16> {
        let calendar = self.market.panel.calendar();
        let mut years: Vec<i16> = self.decisions.iter().map(|&day| calendar.date(day).year()).collect();
        years.dedup();
        years
    }

    /// The window of some members at the end of a past, with the number of returns that were missing. It has ranges if an estimator
    /// asks for them.
    pub fn window(&self, past: Past<'_>, members: &[AssetId], lookback: usize) -> Result<(Window, usize)> {
        let Filled { returns, n_filled } = self.missing.window(past, members, lookback)?;
        let window = Window::new(returns)?;
        if !self.needs_ranges {
            return Ok((window, n_filled));
        }
        let ranges: Option<Vec<_>> = members.iter().map(|asset| past.ranges(*asset, lookback)).collect();
        Ok(match ranges {
            None => (window, n_filled),
            Some(columns) => {
                let entries = columns.into_iter().flatten().collect();
                (window.with_ranges(Matrix::from_column_major(lookback, members.len(), entries)), n_filled)
            }
        })
    }

    /// The true covariance of `members`, averaged over the days for which the decision is held.
    pub fn oracle(&self, decision: usize, members: &[AssetId]) -> Result<Covariance> {
        let truth = self.market.truth.as_ref().expect("an oracle is planned only with a truth");
        let to = (decision + 1 + self.experiment.walk_forward.horizon).min(self.end);
        truth.mean_covariance(decision + 1, to, members)
    }

    /// Refuses combinations that cannot work on any window, such as an allocator that needs an inverse of a singular
    /// covariance.
    fn check_sizes(&self) -> Result<()> {
        let lookback = self.experiment.walk_forward.lookback;
        let n_assets = self.experiment.universe.size.min(self.market.panel.n_assets());
        let inverts = |choice: &Choice| allocators::named(&choice.name).is_ok_and(|e| e.needs == Needs::Inverse);
        let allocator = self.experiment.compare.allocators.iter().find(|choice| inverts(choice));
        let members = self.experiment.compare.estimators.iter().map(Combination::members_of);
        for choice in members.collect::<Result<Vec<_>>>()?.iter().flatten() {
            if choice.name == ORACLE {
                if self.market.truth.is_none() {
                    let why = "the true covariance is known for synthetic data only; remove it from compare.estimators"
                        .to_string();
                    return Err(Error::Undefined { what: ORACLE, why });
                }
                continue;
            }
            if [MODEL, TRAIN, RECURRENT].contains(&choice.name.as_str()) {
                continue;
            }
            let entry = estimators::named(&choice.name)?;
            let too_short = |error| Error::Config { file: format!("'{}'", choice.label), message: format!("{error}") };
            composition::check_memory(choice, n_assets, lookback).map_err(too_short)?;
            let Some(allocator) = allocator else { continue };
            let exists = match entry.definite {
                Definite::Always => true,
                Definite::BelowT | Definite::OnlyBelowT => n_assets < lookback,
                Definite::Never => false,
            };
            if !exists {
                let able = estimators::ALL.iter().filter(|e| e.definite == Definite::Always).map(|e| e.name);
                let why = format!(
                    "its covariance of {n_assets} assets from {lookback} days is singular or does not exist, so there \
                     is no {} of it; use a longer lookback, a smaller universe or one of: {}",
                    allocator.name,
                    able.collect::<Vec<_>>().join(", ")
                );
                return Err(Error::Undefined { what: entry.name, why });
            }
        }
        Ok(())
    }
}

/// Whether an estimator of an experiment takes the ranges of days.
fn needs_ranges(experiment: &Experiment) -> Result<bool> {
    let mut needed = false;
    for choice in &experiment.compare.estimators {
        for member in Combination::members_of(choice)? {
            needed |= member.parameter::<Part>("volatility")?.is_some_and(|part| part.name == "range");
        }
    }
    Ok(needed)
}

/// Every allocator with every estimator; an allocator that uses no covariance appears once, without an estimator.
fn pairs(experiment: &Experiment) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (allocator, choice) in experiment.compare.allocators.iter().enumerate() {
        let needs = allocators::named(&choice.name)?.needs;
        for (estimator, estimator_choice) in experiment.compare.estimators.iter().enumerate() {
            let label = Some(estimator_choice.label.clone()).filter(|_| needs != Needs::Nothing);
            let name = PortfolioName { estimator: label, allocator: choice.label.clone() };
            pairs.push(Pair { estimator, allocator, name });
            if needs == Needs::Nothing {
                break;
            }
        }
    }
    let mut labels = std::collections::HashSet::new();
    match pairs.iter().find(|pair| !labels.insert(&pair.name)) {
        Some(pair) => {
            let rule = format!(
                "'{}' with '{}' is listed twice; give them different labels",
                pair.name.estimator_cell(),
                pair.name.allocator
            );
            Err(Error::data("[compare]", rule))
        }
        None => Ok(pairs),
    }
}
