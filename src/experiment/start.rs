//! The first decision day. It is `walk_forward.first` if that is given. Otherwise it is the first day on which the
//! universe rules leave `size` assets, or all assets that have been listed for long enough, and before whose calendar
//! year the panel has the days that estimators learn from.
//!
//! Assets too young for the look-back are not counted among "all", and up to a tenth of the others may have holes, so
//! that one hole in one asset does not move the start. Days before any asset has a return do not count towards the
//! look-back. Where holes or missing ranks keep out more assets for good, the start is the first day on which the
//! rules leave at least half of the most assets that they ever leave. This rule is our own choice.

use rayon::prelude::*;

use crate::calendar::Date;
use crate::description::UsedNetwork;
use crate::error::{Error, Removed, Result};
use crate::estimators::combination::Combination;
use crate::estimators::{Calibration, History, composition};
use crate::experiment::Experiment;
use crate::panel::{Panel, Past};
use crate::registry::Choice;
use crate::train::{Schedule, days_needed};
use crate::universe::{RankedUniverse, Selection, Universe};

/// The universe of an experiment on a panel, and a sentence on each rule that the panel does not answer.
pub(super) fn universe_of(experiment: &Experiment, panel: &Panel) -> Result<(RankedUniverse, Vec<String>)> {
    let windows = &experiment.walk_forward;
    let calendar = panel.calendar();
    let first = windows.first.map_or(0, |date| calendar.first_on_or_after(date)).max(windows.lookback);
    let end = windows.last.map_or(panel.n_days(), |date| calendar.dates().partition_point(|d| *d <= date));
    let decisions = windows.decisions(first, end);
    experiment.universe.over(windows.lookback)?.answered_by(panel, &decisions)
}

/// Number of days examined together.
const BLOCK: usize = 64;
/// One in this many assets may have holes on the first day.
const HOLED_SHARE: usize = 10;
/// In a panel with more entries than this, only every horizon-th day is examined.
const LARGE: usize = 4_000_000;

/// The first decision day and the day after the last return that counts, as indices. Fails if either does not fit the
/// panel and the rules.
pub(super) fn span(experiment: &Experiment, panel: &Panel, universe: &RankedUniverse) -> Result<(usize, usize)> {
    let (windows, calendar) = (&experiment.walk_forward, panel.calendar());
    let (lookback, n_days) = (windows.lookback, panel.n_days());
    let (Some(&first_day), Some(&last_day)) = (calendar.dates().first(), calendar.dates().last()) else {
        return Err(Error::data("panel", "it has no days"));
    };
    if n_days < lookback + 2 {
        let most = n_days.saturating_sub(2);
        let hint = format!(
            ": walk_forward.lookback = {lookback} leaves no decision in a panel from {first_day} to {last_day}; \
             a look-back of at most {most} leaves one"
        );
        return Err(Error::NotEnoughDays { need: lookback, have: n_days, date: last_day, hint });
    }
    let end = windows.last.map_or(n_days, |date| calendar.dates().partition_point(|d| *d <= date));
    let latest = calendar.date(n_days - 2);
    let first = windows.first.map(|date| calendar.first_on_or_after(date));
    let mut learns = Learns::of(experiment, panel)?;
    if learns.need > 0 {
        // Estimators that learn draw only from days on which the rules leave at least one asset.
        let none = Learns { need: 0, known: learns.known.clone() };
        let (size, horizon) = (experiment.universe.size, windows.horizon);
        let any = Search { panel, universe, size, horizon, learns: &none, days: lookback..n_days - 1 };
        learns.need += any.first_day()?.map_or(0, |day| day - lookback);
    }
    let search = |from: usize, to: usize| Search {
        panel,
        universe,
        size: experiment.universe.size,
        horizon: windows.horizon,
        learns: &learns,
        days: from..to,
    };
    // A panel of prices begins with a day on which no asset has a return.
    let is_silent = |day: &usize| (0..panel.n_assets()).all(|asset| panel.returns(asset)[*day].is_nan());
    let earliest_day = (lookback + (0..n_days - lookback - 1).take_while(is_silent).count()).min(n_days - 2);
    let from_all = search(earliest_day, n_days - 1);
    if let (Some(first), Some(date)) = (first.filter(|first| *first < lookback), windows.first) {
        let works = from_all.works();
        let last = windows.last.filter(|last| works.is_some_and(|works| *last <= works));
        let last = last.map_or(String::new(), |last| format!(", and walk_forward.last = {last} must be after it"));
        let hint = format!(": walk_forward.lookback = {lookback}; {}{last}", earliest(works));
        return Err(Error::NotEnoughDays { need: lookback, have: first, date, hint });
    }
    // A decision needs at least one later day that still counts.
    if first.unwrap_or(earliest_day) + 1 >= end {
        let written = |date: Option<Date>| date.map_or_else(|| "the start".to_string(), |date| date.to_string());
        let (from, to) = (written(windows.first), windows.last.unwrap_or(last_day));
        let possible = match from_all.works() {
            Some(works) => {
                format!("decisions are possible from {works} to {latest}: change first and last, or leave them out")
            }
            None => "no date works".to_string(),
        };
        let rule = format!(
            "no decision date between {from} and {to}; the panel ends on {last_day}, and with walk_forward.lookback = \
             {lookback} {possible}"
        );
        return Err(Error::data("walk_forward", rule));
    }
    let start = first.unwrap_or(earliest_day);
    match first {
        Some(first) => match universe.select(panel.past(first)) {
            Err(error @ Error::EmptyUniverse { .. }) => Err(search(start, n_days - 1).explained(error)),
            other => other.map(|_| (first, end)),
        },
        None => Ok((search(start, end - 1).first_full()?, end)),
    }
    .and_then(|(first, end)| check_last(experiment, panel, universe, first, end))
}

/// Refuses a span if the rules leave no asset at its end, and names the last date that works. Without this check,
/// missing data at the end would stop the run only after all the work on the earlier dates.
fn check_last(
    experiment: &Experiment,
    panel: &Panel,
    universe: &RankedUniverse,
    first: usize,
    end: usize,
) -> Result<(usize, usize)> {
    let decisions = experiment.walk_forward.decisions(first, end);
    let is_empty = |day: &usize| matches!(universe.select(panel.past(*day)), Err(Error::EmptyUniverse { .. }));
    let Some(last) = decisions.last().filter(|day| is_empty(day)) else { return Ok((first, end)) };
    let error = universe.select(panel.past(*last)).err();
    let key = match &error {
        Some(Error::EmptyUniverse { removed, .. }) => key_of_most(removed).map(|key| format!("; {key}")),
        _ => None,
    };
    let works = decisions.iter().rev().find(|day| !is_empty(day)).map(|day| panel.calendar().date(*day));
    let works = works.map_or_else(String::new, |date| format!("; the last walk_forward.last that works is {date}"));
    let error = error.map(|error| error.to_string()).unwrap_or_default();
    Err(Error::data("walk_forward.last", format!("{error}{}{works}", key.unwrap_or_default())))
}

/// The part of an error message that names the earliest date that works.
fn earliest(works: Option<Date>) -> String {
    works.map_or_else(
        || "no later date works".to_string(),
        |date| format!("the earliest walk_forward.first that works is {date}"),
    )
}

/// The days that the experiment's estimators learn from.
struct Learns {
    /// The most days before a calendar year that any one of them needs.
    need: usize,
    /// For each day of the panel, the number of days before its calendar year.
    known: Vec<usize>,
}

impl Learns {
    fn of(experiment: &Experiment, panel: &Panel) -> Result<Self> {
        let (windows, calendar) = (&experiment.walk_forward, panel.calendar());
        let history = History::of_all_assets(panel.past(0), windows.lookback);
        let calibration = Calibration { history: Some(history), horizon: windows.horizon, ..Calibration::default() };
        let need = |choice: &Choice| {
            let mut need = 0;
            for network in UsedNetwork::all_of(choice)? {
                if let UsedNetwork::Recipe(wanted) = network {
                    let schedule = &wanted.recipe(&experiment.train)?.schedule;
                    need = need.max(days_needed(schedule, windows.lookback, windows.horizon));
                }
            }
            if is_fitted(choice)? {
                need = need.max(days_needed(
                    &Schedule::of_windows([1, 1], windows.lookback),
                    windows.lookback,
                    windows.horizon,
                ));
            }
            // Fitted without any history, an estimator that learns fails and reports how many days it needs.
            for member in Combination::members_of(choice)? {
                if let Err(Error::NotEnoughDays { need: more, .. }) = composition::build(&member, &calibration) {
                    need = need.max(more);
                }
            }
            Ok(need)
        };
        let needs = experiment.compare.estimators.iter().map(need).collect::<Result<Vec<usize>>>()?;
        let before_year = |date: &Date| calendar.first_on_or_after(date.first_of_year());
        Ok(Self {
            need: needs.into_iter().max().unwrap_or(0),
            known: calendar.dates().iter().map(before_year).collect(),
        })
    }

    fn enough(&self, day: usize) -> bool {
        self.known[day] >= self.need
    }
}

/// Whether a choice, or a member of it, has a parameter that is chosen on the past.
fn is_fitted(choice: &Choice) -> Result<bool> {
    let several = Combination::of(choice)?.is_some_and(|combination| combination.shares.len() > 1);
    let mut members = Combination::members_of(choice)?.into_iter();
    members.try_fold(several, |fitted, member| Ok(fitted || member.candidates()?.is_some()))
}

struct Search<'a> {
    panel: &'a Panel,
    universe: &'a RankedUniverse,
    size: usize,
    horizon: usize,
    learns: &'a Learns,
    days: std::ops::Range<usize>,
}

impl Search<'_> {
    /// For each examined day: the day, the number of members, and whether they are all there can be. Stops at the
    /// first day that satisfies `enough`.
    fn counts(&self, enough: impl Fn(usize, bool) -> bool) -> Result<Vec<(usize, usize, bool)>> {
        let step = if self.panel.n_days() * self.panel.n_assets() > LARGE { self.horizon } else { 1 };
        let days: Vec<usize> = self.days.clone().filter(|day| self.learns.enough(*day)).step_by(step).collect();
        let mut counts = Vec::new();
        for block in days.chunks(BLOCK) {
            let count = |&day: &usize| match self.universe.select(self.panel.past(day)) {
                Ok(selection) => Ok((day, selection.members.len(), self.is_full(&selection, self.panel.past(day)))),
                Err(Error::EmptyUniverse { .. }) => Ok((day, 0, false)),
                Err(error) => Err(error),
            };
            counts.extend(block.par_iter().map(count).collect::<Result<Vec<_>>>()?);
            if counts.iter().any(|&(_, n, full)| enough(n, full)) {
                break;
            }
        }
        Ok(counts)
    }

    /// Whether the rules leave `size` assets, or else remove for lack of data (almost) only assets that are too young.
    fn is_full(&self, selection: &Selection, past: Past<'_>) -> bool {
        let removed = |rule: &str| selection.removed.iter().filter(|(r, _)| *r == rule).map(|(_, n)| n).sum::<usize>();
        let young = |asset: &usize| {
            let first = self.panel.life(*asset).map_or(0, |life| life.0);
            past.is_listed(*asset) && past.n_days() - first < self.universe.min_returns()
        };
        let n_young = (0..past.n_assets()).filter(young).count();
        let n_holed = removed("history").saturating_sub(n_young);
        let n_old = selection.members.len() + n_holed;
        selection.members.len() >= self.size || removed("rank") == 0 && HOLED_SHARE * n_holed <= n_old
    }

    /// The first day that has everything: a full look-back, days to learn from, and at least one asset.
    fn works(&self) -> Option<Date> {
        self.first_day().ok()?.map(|day| self.panel.calendar().date(day))
    }

    fn first_day(&self) -> Result<Option<usize>> {
        let counts = self.counts(|n, _| n > 0)?;
        Ok(counts.into_iter().find(|(_, n, _)| *n > 0).map(|(day, ..)| day))
    }

    fn first_full(&self) -> Result<usize> {
        if !self.days.clone().any(|day| self.learns.enough(day)) {
            // The history is too short for some estimator. That estimator will report it; the others would begin on
            // this day.
            let all = Search {
                learns: &Learns { need: 0, known: self.learns.known.clone() },
                days: self.days.clone(),
                ..*self
            };
            return all.first_full();
        }
        let counts = self.counts(|_, full| full)?;
        let most = counts.iter().map(|count| count.1).max().unwrap_or(0);
        let full = counts.iter().find(|(_, _, full)| *full);
        match full.or(counts.iter().find(|(_, n, _)| *n > 0 && 2 * n >= most)) {
            Some(&(day, ..)) => Ok(day),
            None => {
                let error = self.universe.select(self.panel.past(self.days.end - 1)).err();
                Err(self.explained(error.unwrap_or_else(|| Error::data("universe", "no asset is eligible on any day"))))
            }
        }
    }

    /// Adds to the error of an empty universe the rule that removes most assets, the key that sets it, and the
    /// earliest date that works.
    fn explained(&self, error: Error) -> Error {
        let key = match &error {
            Error::EmptyUniverse { removed, .. } => key_of_most(removed).map(|key| format!("{key}; ")),
            _ => None,
        };
        Error::data("walk_forward.first", format!("{error}; {}{}", key.unwrap_or_default(), earliest(self.works())))
    }
}

/// The rule that removes most assets, with the key that sets it.
fn key_of_most(removed: &Removed) -> Option<String> {
    let (rule, _) = removed.0.iter().filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n)?;
    let key = match *rule {
        "excluded_whole" => "data.exclude",
        "history" => "universe.min_returns, the returns needed inside the look-back",
        "rolling_year" => "universe.min_traded_share",
        "recent_trading" => "universe.recent_days",
        "price" => "universe.price_range",
        "shares_outstanding" => "universe.min_shares_outstanding",
        "still_prices" => "universe.volatility_fence",
        "announced_end" => "universe.delisting_within",
        "rank" => {
            "universe.rank_min_values, the values needed before a calendar year, or before a decision with rank_frequency = \
             \"decision\""
        }
        _ => return None,
    };
    Some(format!("'{rule}' removes most; its key is {key}"))
}

/// Adds to the error of an estimator that lacks days to learn from the earliest date on which all estimators of the
/// experiment have them.
pub(super) fn explain_fit(error: Error, experiment: &Experiment, panel: &Panel, label: &str) -> Error {
    if let Error::EmptyUniverse { removed, .. } = &error {
        let key = key_of_most(removed).map(|key| format!("; {key}")).unwrap_or_default();
        let way_out =
            "'{label}' learns from earlier days, on which the rules leave no asset: set a later walk_forward.first";
        let rule = format!("{error}; {}{key}", way_out.replace("{label}", label));
        return Error::data("walk_forward.first", rule);
    }
    let Error::NotEnoughDays { need, have, date, hint } = error else { return error };
    let works = || {
        let (universe, _) = universe_of(experiment, panel)?;
        let learns = Learns::of(experiment, panel)?;
        let (size, horizon) = (experiment.universe.size, experiment.walk_forward.horizon);
        let days = experiment.walk_forward.lookback..panel.n_days().saturating_sub(1);
        Ok::<_, Error>(Search { panel, universe: &universe, size, horizon, learns: &learns, days }.works())
    };
    let works = match works().ok().flatten() {
        Some(date) => earliest(Some(date)),
        None => {
            // The other requirements do not depend on the look-back, so only the look-back itself varies here.
            let lookback = experiment.walk_forward.lookback;
            let last = panel
                .calendar()
                .dates()
                .last()
                .map_or(0, |date| panel.calendar().first_on_or_after(date.first_of_year()));
            match (last + lookback).checked_sub(need).filter(|most| *most >= 2) {
                Some(most) => format!(
                    "no calendar year of the panel has that many days before it; a look-back of at most {most} days \
                     would work, with walk_forward.lookback and the keys that depend on it"
                ),
                None => format!("no calendar year of the panel has that many days before it; leave '{label}' out"),
            }
        }
    };
    let hint = format!("{hint}; '{label}' learns from the days before the calendar year of a decision: {works}");
    Error::NotEnoughDays { need, have, date, hint }
}
