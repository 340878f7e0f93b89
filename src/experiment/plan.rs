//! What a run will do, fixed and checked before it starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::allocators::{self, Allocator, Needs};
use crate::error::{Error, Result};
use crate::estimators::{self, Calibration, CovarianceEstimator, Definite};
use crate::experiment::networks::{Networks, TRAIN};
use crate::experiment::watched::watched;
use crate::experiment::{Experiment, Market, Training, start};
use crate::linalg::Covariance;
use crate::panel::{AssetId, Past};
use crate::registry::Choice;
use crate::train::{MODEL, TrainingProgress};
use crate::universe::{Missing, RankedUniverse, Universe};

/// The name of the true covariance among the estimators.
pub(super) const ORACLE: &str = "oracle";
/// The estimator column of an allocator that uses none.
const NO_ESTIMATOR: &str = "none";

/// A portfolio to follow: an allocator on the covariance of an estimator.
pub(super) struct Pair {
    pub estimator: usize,
    pub allocator: usize,
    pub estimator_label: String,
    pub allocator_label: String,
}

/// Everything a run needs besides the data.
pub(super) struct Plan<'a> {
    pub market: &'a Market,
    pub experiment: &'a Experiment,
    pub universe: RankedUniverse,
    pub missing: Missing,
    /// Decision days, in order.
    pub decisions: Vec<usize>,
    /// The day after the last return that counts.
    pub end: usize,
    pub allocators: Vec<Box<dyn Allocator>>,
    pub pairs: Vec<Pair>,
}

/// An estimator ready for the windows of a calendar year.
pub(super) enum Fitted {
    Estimator(Box<dyn CovarianceEstimator>),
    Oracle,
}

impl<'a> Plan<'a> {
    /// Checks names, sizes and dates against the data.
    pub fn new(experiment: &'a Experiment, market: &'a Market) -> Result<Self> {
        let windows = &experiment.walk_forward;
        let universe = experiment.universe.over(windows.lookback)?;
        let (first, end) = start::span(experiment, &market.panel, &universe)?;
        let decisions: Vec<usize> = (first..end - 1).step_by(windows.horizon).collect();
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

    /// Estimators for a decision day: fitted to what was known before its calendar year.
    pub fn fit(
        &self,
        decision: usize,
        networks: &Networks<'_>,
        progress: &mut dyn FnMut(Training),
    ) -> Result<Vec<Fitted>> {
        let panel = &self.market.panel;
        let year = panel.calendar().date(decision).first_of_year();
        let windows = &self.experiment.walk_forward;
        // An estimator that learns from many earlier days asks for the members of each, which tells how far it is.
        let asked = AtomicUsize::new(0);
        let members = |past: Past<'_>| {
            asked.fetch_add(1, Ordering::Relaxed);
            self.universe.select(past).map(|selection| selection.members)
        };
        let calibration = Calibration {
            past: panel.past(panel.calendar().first_on_or_after(year)),
            members: &members,
            missing: self.missing,
            lookback: windows.lookback,
            horizon: windows.horizon,
            seed: self.experiment.seed,
        };
        let mut fit = |choice: &Choice| match choice.name.as_str() {
            ORACLE => Ok(Fitted::Oracle),
            MODEL | TRAIN => Ok(Fitted::Estimator(networks.estimator(choice, year.year(), progress)?)),
            name => {
                let entry = estimators::named(name)?;
                let fit = || (entry.fit)(choice, &calibration);
                let Some(draws) = draws(entry, choice)? else { return fit().map(Fitted::Estimator) };
                asked.store(0, Ordering::Relaxed);
                let mut show = |done: usize| {
                    let (name, progress_made) =
                        (choice.label.clone(), TrainingProgress::counted(done.min(draws), draws));
                    progress(Training { what: "draws", name, year: year.year(), progress: progress_made });
                };
                watched(fit, &asked, &mut show).map(Fitted::Estimator)
            }
        };
        let estimators = self.experiment.compare.estimators.iter();
        estimators
            .map(|choice| fit(choice).map_err(|error| start::explain_fit(error, self.experiment, panel, &choice.label)))
            .collect()
    }

    /// The mean true covariance of the days a decision is held for.
    pub fn oracle(&self, decision: usize, members: &[AssetId]) -> Result<Covariance> {
        let truth = self.market.truth.as_ref().expect("an oracle is planned only with a truth");
        let to = (decision + 1 + self.experiment.walk_forward.horizon).min(self.end);
        truth.mean_covariance(decision + 1, to, members)
    }

    /// Refuses what cannot work on any window.
    fn check_sizes(&self) -> Result<()> {
        let lookback = self.experiment.walk_forward.lookback;
        let n_assets = self.experiment.universe.size.min(self.market.panel.n_assets());
        let inverts = |choice: &Choice| allocators::named(&choice.name).is_ok_and(|e| e.needs == Needs::Inverse);
        let allocator = self.experiment.compare.allocators.iter().find(|choice| inverts(choice));
        for choice in &self.experiment.compare.estimators {
            if choice.name == ORACLE {
                if self.market.truth.is_none() {
                    let why = "the true covariance is known for synthetic data only; remove it from compare.estimators"
                        .to_string();
                    return Err(Error::Undefined { what: ORACLE, why });
                }
                continue;
            }
            if [MODEL, TRAIN].contains(&choice.name.as_str()) {
                continue;
            }
            let entry = estimators::named(&choice.name)?;
            let Some(allocator) = allocator else { continue };
            let exists = match entry.definite {
                Definite::Always => true,
                Definite::BelowT | Definite::OnlyBelowT => n_assets < lookback,
                Definite::Never => false,
            };
            if !exists {
                let able = estimators::ALL.iter().filter(|e| e.definite == Definite::Always).map(|e| e.name);
                let why = format!(
                    "its covariance of {n_assets} assets from {lookback} days is singular or does not exist, and with it \
                     {}; use a longer lookback, a smaller universe or one of: {}",
                    allocator.name,
                    able.collect::<Vec<_>>().join(", ")
                );
                return Err(Error::Undefined { what: entry.name, why });
            }
        }
        Ok(())
    }
}

/// How many earlier days an estimator draws to learn from, if it does.
fn draws(entry: &estimators::Entry, choice: &Choice) -> Result<Option<usize>> {
    let given: toml::Table = choice.parameters()?;
    let defaults = (entry.parameters)();
    let draws = defaults.get("draws").map(|default| given.get("draws").unwrap_or(default));
    Ok(draws.and_then(|draws| usize::try_from(draws.as_integer()?).ok()))
}

/// Every allocator with every estimator; one that uses no covariance stands alone.
fn pairs(experiment: &Experiment) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (allocator, choice) in experiment.compare.allocators.iter().enumerate() {
        let needs = allocators::named(&choice.name)?.needs;
        for (estimator, estimator_choice) in experiment.compare.estimators.iter().enumerate() {
            let label = if needs == Needs::Nothing { NO_ESTIMATOR } else { &estimator_choice.label };
            pairs.push(Pair {
                estimator,
                allocator,
                estimator_label: label.to_string(),
                allocator_label: choice.label.clone(),
            });
            if needs == Needs::Nothing {
                break;
            }
        }
    }
    let mut labels = std::collections::HashSet::new();
    match pairs.iter().find(|pair| !labels.insert((&pair.estimator_label, &pair.allocator_label))) {
        Some(pair) => {
            let rule = format!(
                "'{}' with '{}' stands twice; labels tell them apart",
                pair.estimator_label, pair.allocator_label
            );
            Err(Error::data("[compare]", rule))
        }
        None => Ok(pairs),
    }
}
