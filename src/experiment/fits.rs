//! The estimators of a run, fitted for each calendar year to what was known before that year.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::description::{ORACLE, TRAIN};
use crate::error::Result;
use crate::estimators::composition;
use crate::estimators::{self, Calibration, CovarianceEstimator, History, Window};
use crate::experiment::networks::Networks;
use crate::experiment::plan::Plan;
use crate::experiment::watched::watched;
use crate::experiment::{Training, start};
use crate::linalg::Covariance;
use crate::panel::{AssetId, Past};
use crate::registry::Choice;
use crate::train::{MODEL, TrainingProgress};
use crate::universe::Universe;

/// An estimator ready for the windows of a calendar year.
enum Fitted {
    Estimator(Box<dyn CovarianceEstimator>),
    Oracle,
}

/// The fitted estimators of the years in progress.
pub(super) struct Fits<'a> {
    plan: &'a Plan<'a>,
    networks: &'a Networks<'a>,
    by_year: BTreeMap<i16, Vec<Fitted>>,
}

impl<'a> Fits<'a> {
    /// Starts with no year fitted.
    pub fn new(plan: &'a Plan<'a>, networks: &'a Networks<'a>) -> Self {
        Self { plan, networks, by_year: BTreeMap::new() }
    }

    /// The plan that the estimators belong to.
    pub fn plan(&self) -> &'a Plan<'a> {
        self.plan
    }

    fn year(&self, day: usize) -> i16 {
        self.plan.market.panel.calendar().date(day).year()
    }

    /// Fits the estimators for the calendar years of `days`, in order, and drops those of earlier years.
    pub fn enter(&mut self, days: &[usize], progress: &mut dyn FnMut(Training)) -> Result<()> {
        let first = days.first().map_or(i16::MIN, |day| self.year(*day));
        self.by_year.retain(|fitted, _| *fitted >= first);
        for &day in days {
            if let Entry::Vacant(unfitted) = self.by_year.entry(self.plan.market.panel.calendar().date(day).year()) {
                unfitted.insert(fit(self.plan, day, self.networks, progress)?);
            }
        }
        Ok(())
    }

    /// The estimate of the plan's estimator number `estimator` from the window of `day`, whose year must have been
    /// entered.
    pub fn covariance(&self, estimator: usize, day: usize, members: &[AssetId], window: &Window) -> Result<Covariance> {
        match &self.by_year[&self.year(day)][estimator] {
            Fitted::Oracle => self.plan.oracle(day, members),
            Fitted::Estimator(estimator) => estimator.estimate(window),
        }
    }
}

/// Estimators for a decision day: fitted to what was known before its calendar year.
fn fit(
    plan: &Plan<'_>,
    decision: usize,
    networks: &Networks<'_>,
    progress: &mut dyn FnMut(Training),
) -> Result<Vec<Fitted>> {
    let panel = &plan.market.panel;
    let year = panel.calendar().date(decision).first_of_year();
    let windows = &plan.experiment.walk_forward;
    // An estimator that learns from many earlier days asks for the members of each day, so counting the requests shows
    // its progress.
    let asked = AtomicUsize::new(0);
    let members = |past: Past<'_>| {
        asked.fetch_add(1, Ordering::Relaxed);
        plan.universe.select(past).map(|selection| selection.members)
    };
    let history = History {
        past: panel.past(panel.calendar().first_on_or_after(year)),
        members: &members,
        missing: plan.missing,
        lookback: windows.lookback,
    };
    let calibration = Calibration { history: Some(history), horizon: windows.horizon, seed: plan.experiment.seed };
    let mut fit = |choice: &Choice| match choice.name.as_str() {
        ORACLE => Ok(Fitted::Oracle),
        MODEL | TRAIN => Ok(Fitted::Estimator(networks.estimator(choice, year.year(), progress)?)),
        name => {
            let entry = estimators::named(name)?;
            let fit = || composition::build(choice, &calibration);
            let Some(draws) = draws(entry, choice)? else { return fit().map(Fitted::Estimator) };
            asked.store(0, Ordering::Relaxed);
            let mut show = |done: usize| {
                let (name, progress_made) = (choice.label.clone(), TrainingProgress::counted(done.min(draws), draws));
                progress(Training { what: "draws", name, year: year.year(), progress: progress_made });
            };
            watched(fit, &asked, &mut show).map(Fitted::Estimator)
        }
    };
    let estimators = plan.experiment.compare.estimators.iter();
    estimators
        .map(|choice| fit(choice).map_err(|error| start::explain_fit(error, plan.experiment, panel, &choice.label)))
        .collect()
}

/// Number of earlier days that an estimator draws to learn from; `None` if it draws none.
fn draws(entry: &estimators::RegisteredEstimator, choice: &Choice) -> Result<Option<usize>> {
    let given: toml::Table = choice.parameters()?;
    let defaults = (entry.parameters)();
    let draws = defaults.get("draws").map(|default| given.get("draws").unwrap_or(default));
    Ok(draws.and_then(|draws| usize::try_from(draws.as_integer()?).ok()))
}
