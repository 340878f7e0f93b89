//! The estimators of a run, fitted for each calendar year to what was known before that year.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::allocators::{self, Situation};
use crate::description::{ORACLE, TRAIN};
use crate::error::Result;
use crate::estimators::combination::{Combination, MeanCovariance, Of, mean};
use crate::estimators::composition;
use crate::estimators::modules::RECURRENT;
use crate::estimators::{self, Calibration, CovarianceEstimator, History, Window};
use crate::experiment::fitted::{self, Chosen, DRAWS};
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
    /// Estimators whose portfolios are averaged, with their shares.
    Portfolios(Vec<(f64, Box<dyn CovarianceEstimator>)>),
    Oracle,
}

/// What an estimator gives for a window: a covariance, or several whose portfolios are averaged by shares.
pub(super) struct Estimate(pub Vec<(f64, Covariance)>);

/// The fitted estimators of the years in progress.
pub(super) struct Fits<'a> {
    plan: &'a Plan<'a>,
    networks: &'a Networks<'a>,
    by_year: BTreeMap<i16, Vec<Fitted>>,
    /// What was chosen on the past, of all years so far.
    chosen: Vec<Chosen>,
}

impl<'a> Fits<'a> {
    /// Starts with no year fitted; `chosen` is what an earlier part of the run has chosen.
    pub fn new(plan: &'a Plan<'a>, networks: &'a Networks<'a>, chosen: Vec<Chosen>) -> Self {
        Self { plan, networks, by_year: BTreeMap::new(), chosen }
    }

    /// The plan that the estimators belong to.
    pub fn plan(&self) -> &'a Plan<'a> {
        self.plan
    }

    fn year(&self, day: usize) -> i16 {
        self.plan.market.panel.calendar().date(day).year()
    }

    /// What was chosen for the year of a day, if `before` is of another year.
    pub fn chosen(&self, before: Option<usize>, day: usize) -> Vec<Chosen> {
        let year = self.year(day);
        let begins = before.is_none_or(|before| self.year(before) != year);
        self.chosen.iter().filter(|chosen| begins && chosen.year == year).cloned().collect()
    }

    /// Fits the estimators for the calendar years of `days`, in order, and drops those of earlier years.
    pub fn enter(&mut self, days: &[usize], progress: &mut dyn FnMut(Training)) -> Result<()> {
        let first = days.first().map_or(i16::MIN, |day| self.year(*day));
        self.by_year.retain(|fitted, _| *fitted >= first);
        for &day in days {
            let date = self.plan.market.panel.calendar().date(day);
            if let Entry::Vacant(unfitted) = self.by_year.entry(date.year()) {
                unfitted.insert(fit(self.plan, self.networks, date.year(), &mut self.chosen, progress)?);
            }
        }
        Ok(())
    }

    /// The estimate of the plan's estimator number `estimator` from the window of `day`, whose year must have been
    /// entered.
    pub fn estimate(&self, estimator: usize, day: usize, members: &[AssetId], window: &Window) -> Result<Estimate> {
        let alone = |covariance: Covariance| Estimate(vec![(1.0, covariance)]);
        match &self.by_year[&self.year(day)][estimator] {
            Fitted::Oracle => self.plan.oracle(day, members).map(alone),
            Fitted::Estimator(estimator) => estimator.estimate(window).map(alone),
            Fitted::Portfolios(all) => {
                let each = all.iter().map(|(share, member)| Ok((*share, member.estimate(window)?)));
                each.collect::<Result<_>>().map(Estimate)
            }
        }
    }
}

/// Estimators for a calendar year, fitted to what was known before it.
fn fit(
    plan: &Plan<'_>,
    networks: &Networks<'_>,
    year: i16,
    chosen: &mut Vec<Chosen>,
    progress: &mut dyn FnMut(Training),
) -> Result<Vec<Fitted>> {
    let panel = &plan.market.panel;
    let windows = &plan.experiment.walk_forward;
    let first = crate::calendar::Date::new(year, 1, 1).expect("a year of the calendar");
    // An estimator that learns from many earlier days asks for the members of each day, so counting the requests shows
    // its progress.
    let asked = AtomicUsize::new(0);
    let members = |past: Past<'_>| {
        asked.fetch_add(1, Ordering::Relaxed);
        plan.universe.select(past).map(|selection| selection.members)
    };
    let history = History {
        past: panel.past(panel.calendar().first_on_or_after(first)),
        members: &members,
        missing: plan.missing,
        lookback: windows.lookback,
        seen: None,
    };
    let seed = plan.experiment.seed;
    let calibration = Calibration { history: Some(history), horizon: windows.horizon, seed, networks: None };
    let mut fitting = Fitting { plan, networks, year, calibration, asked: &asked, chosen, progress };
    let fit = |choice: &Choice| {
        let fitted = fitting.fit(choice);
        fitted.map_err(|error| start::explain_fit(error, plan.experiment, panel, &choice.label))
    };
    plan.experiment.compare.estimators.iter().map(fit).collect()
}

/// The work of a calendar year.
struct Fitting<'a, 'b> {
    plan: &'a Plan<'a>,
    networks: &'a Networks<'a>,
    year: i16,
    calibration: Calibration<'a>,
    /// Number of earlier days whose members were asked for.
    asked: &'a AtomicUsize,
    chosen: &'b mut Vec<Chosen>,
    progress: &'b mut dyn FnMut(Training),
}

impl Fitting<'_, '_> {
    fn fit(&mut self, choice: &Choice) -> Result<Fitted> {
        if choice.name == ORACLE {
            return Ok(Fitted::Oracle);
        }
        let Some(combination) = Combination::of(choice)? else {
            return self.estimator(choice, &choice.label).map(Fitted::Estimator);
        };
        let member = |member: &Choice| self.estimator(member, &format!("{}: {}", choice.label, member.label));
        let members = combination.members.iter().map(member).collect::<Result<Vec<_>>>()?;
        let shares = match combination.shares.as_slice() {
            [shares] => shares.clone(),
            several => {
                let values = several.iter().map(|shares| format!("{:.3}", shares[0])).collect();
                let weights = |window: &Window| combined(&members, several, combination.of, window);
                let place = self.choose(&choice.label, "shares", values, false, &weights)?;
                several[place].clone()
            }
        };
        let members = shares.into_iter().zip(members).filter(|(share, _)| *share != 0.0).collect();
        Ok(match combination.of {
            Of::Weights => Fitted::Portfolios(members),
            Of::Covariances => Fitted::Estimator(Box::new(MeanCovariance(members))),
        })
    }

    /// A single estimator, with a fitted parameter if it has one; `name` is its name in tables.
    fn estimator(&mut self, choice: &Choice, name: &str) -> Result<Box<dyn CovarianceEstimator>> {
        let Some(candidates) = choice.candidates()? else { return self.built(choice) };
        let values = candidates.values.iter().map(|value| value.to_string()).collect();
        let mut built = candidates.choices.iter().map(|choice| self.built(choice)).collect::<Result<Vec<_>>>()?;
        let weights = |window: &Window| -> Vec<Result<Vec<f64>>> {
            built.iter().map(|estimator| minimum_variance(&estimator.estimate(window)?)).collect()
        };
        let place = self.choose(name, &candidates.parameter, values, !candidates.in_part, &weights)?;
        Ok(built.swap_remove(place))
    }

    /// The place of the best of some values, chosen now or by an earlier part of the run.
    fn choose(
        &mut self,
        name: &str,
        parameter: &str,
        values: Vec<String>,
        of_portfolio: bool,
        weights: &(dyn Fn(&Window) -> Vec<Result<Vec<f64>>> + Sync),
    ) -> Result<usize> {
        let is_this = |known: &&Chosen| (known.estimator.as_str(), known.year) == (name, self.year);
        if let Some(known) = self.chosen.iter().find(is_this) {
            return Ok(known.place);
        }
        let past = self.calibration.history.as_ref().expect("a year has a history").past;
        let done = AtomicUsize::new(0);
        let (plan, eligible) = (self.plan, self.networks.eligible());
        let work = || fitted::choose(plan, past, eligible, of_portfolio, weights, &done);
        let (year, label) = (self.year, name.to_string());
        let mut show = |done: usize| {
            let progress = TrainingProgress::counted(done, DRAWS);
            (self.progress)(Training { what: "draws", name: label.clone(), year, progress });
        };
        let (losses, place) = watched(work, &done, &mut show)?;
        let (estimator, parameter) = (name.to_string(), parameter.to_string());
        self.chosen.push(Chosen { estimator, year, parameter, values, losses, place });
        Ok(place)
    }

    /// An estimator without fitted parameters.
    fn built(&mut self, choice: &Choice) -> Result<Box<dyn CovarianceEstimator>> {
        if [MODEL, TRAIN].contains(&choice.name.as_str()) {
            return self.networks.estimator(choice, self.year, self.progress);
        }
        let networks = self.networks.modules(choice, self.year, self.progress)?;
        let calibration = Calibration { networks: Some(&networks), ..self.calibration };
        let fit = || composition::build(choice, &calibration);
        let Some(draws) = draws(choice)? else { return fit() };
        self.asked.store(0, Ordering::Relaxed);
        let mut show = |done: usize| {
            let (name, progress) = (choice.label.clone(), TrainingProgress::counted(done.min(draws), draws));
            (self.progress)(Training { what: "draws", name, year: self.year, progress });
        };
        watched(fit, self.asked, &mut show)
    }
}

/// Unconstrained minimum-variance weights.
fn minimum_variance(covariance: &Covariance) -> Result<Vec<f64>> {
    let gmv = allocators::build("gmv")?;
    Ok(gmv.allocate(covariance, &Situation::default())?.as_slice().to_vec())
}

/// Minimum-variance weights of a combination by several lists of shares.
fn combined(
    members: &[Box<dyn CovarianceEstimator>],
    shares: &[Vec<f64>],
    of: Of,
    window: &Window,
) -> Vec<Result<Vec<f64>>> {
    let all = || -> Result<Vec<Result<Vec<f64>>>> {
        let covariances = members.iter().map(|member| member.estimate(window)).collect::<Result<Vec<_>>>()?;
        let weights = covariances.iter().map(minimum_variance).collect::<Result<Vec<_>>>()?;
        let by = |shares: &Vec<f64>| match of {
            Of::Weights => Ok(weighted(shares.iter().copied().zip(weights.iter().map(Vec::as_slice)))),
            Of::Covariances => {
                let used = shares.iter().copied().zip(covariances.iter().cloned());
                minimum_variance(&mean(&used.filter(|(share, _)| *share != 0.0).collect::<Vec<_>>(), window)?)
            }
        };
        Ok(shares.iter().map(by).collect())
    };
    // A member without an estimate leaves none of them.
    all().unwrap_or_else(|error| {
        let why = error.to_string();
        shares.iter().map(|_| Err(crate::error::Error::Undefined { what: "a member", why: why.clone() })).collect()
    })
}

/// The sum of weights times their shares.
pub(super) fn weighted<'a>(all: impl Iterator<Item = (f64, &'a [f64])>) -> Vec<f64> {
    let mut sum = Vec::new();
    for (share, weights) in all {
        sum.resize(weights.len(), 0.0);
        sum.iter_mut().zip(weights).for_each(|(sum, w)| *sum += share * w);
    }
    sum
}

/// Number of earlier days that an estimator draws to learn from; `None` if it draws none.
fn draws(choice: &Choice) -> Result<Option<usize>> {
    if choice.name == RECURRENT {
        return Ok(None);
    }
    let default = (estimators::named(&choice.name)?.parameters)().remove("draws");
    let draws = choice.parameter::<toml::Value>("draws")?.filter(|_| default.is_some()).or(default);
    Ok(draws.and_then(|draws| usize::try_from(draws.as_integer()?).ok()))
}
