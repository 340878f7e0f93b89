//! The first decision day: what `walk_forward.first` says, or the first one on which the universe rules leave `size` assets,
//! or all that have been listed for long enough.
//!
//! An asset that is too young for the look-back does not count among all. Where holes or missing ranks keep an asset out for
//! ever, the first day with half of the most that the rules ever leave is taken. Our choice.

use rayon::prelude::*;

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::panel::{Panel, Past};
use crate::universe::{RankedUniverse, Selection, Universe};

/// Days looked at together.
const BLOCK: usize = 64;
/// Of a panel with more entries only every horizon-th day is looked at.
const LARGE: usize = 4_000_000;

/// First decision day and the day after the last return that counts, both checked against the panel and the rules.
pub(super) fn span(experiment: &Experiment, panel: &Panel, universe: &RankedUniverse) -> Result<(usize, usize)> {
    let (windows, calendar) = (&experiment.walk_forward, panel.calendar());
    let (lookback, n_days) = (windows.lookback, panel.n_days());
    let (Some(&first_day), Some(&last_day)) = (calendar.dates().first(), calendar.dates().last()) else {
        return Err(Error::data("panel", "it has no days"));
    };
    if n_days < lookback + 2 {
        let most = n_days.saturating_sub(2);
        let hint = format!(
            ": walk_forward.lookback = {lookback} leaves no decision in a panel from {first_day} to {last_day}; at most \
             {most} does"
        );
        return Err(Error::NotEnoughDays { need: lookback, have: n_days, date: last_day, hint });
    }
    let end = windows.last.map_or(n_days, |date| calendar.dates().partition_point(|d| *d <= date));
    let (earliest, latest) = (calendar.date(lookback), calendar.date(n_days - 2));
    let first = windows.first.map(|date| calendar.first_on_or_after(date));
    if let (Some(first), Some(date)) = (first.filter(|first| *first < lookback), windows.first) {
        let last = windows.last.filter(|last| *last <= earliest);
        let last = last.map_or(String::new(), |last| format!(", and walk_forward.last = {last} must lie after it"));
        let hint = format!(
            ": walk_forward.lookback = {lookback}; the earliest walk_forward.first that works is {earliest}{last}"
        );
        return Err(Error::NotEnoughDays { need: lookback, have: first, date, hint });
    }
    // A decision needs a day after it that still counts.
    if first.unwrap_or(lookback) + 1 >= end {
        let written = |date: Option<Date>| date.map_or_else(|| "the start".to_string(), |date| date.to_string());
        let (from, to) = (written(windows.first), windows.last.unwrap_or(last_day));
        let rule = format!(
            "no decision date between {from} and {to}; the panel ends on {last_day}, and with walk_forward.lookback = \
             {lookback} decisions are possible from {earliest} to {latest}: change first and last, or leave them out"
        );
        return Err(Error::data("walk_forward", rule));
    }
    let start = first.unwrap_or(lookback);
    let search =
        Search { panel, universe, size: experiment.universe.size, horizon: windows.horizon, days: start..end - 1 };
    match first {
        Some(first) => match universe.select(panel.past(first)) {
            Err(error @ Error::EmptyUniverse { .. }) => Err(search.explained(error)),
            other => other.map(|_| (first, end)),
        },
        None => Ok((search.first_full()?, end)),
    }
}

struct Search<'a> {
    panel: &'a Panel,
    universe: &'a RankedUniverse,
    size: usize,
    horizon: usize,
    days: std::ops::Range<usize>,
}

impl Search<'_> {
    /// Numbers of members, and whether they are all there can be, by day, until `enough` says so of one.
    fn counts(&self, enough: impl Fn(usize, bool) -> bool) -> Result<Vec<(usize, usize, bool)>> {
        let step = if self.panel.n_days() * self.panel.n_assets() > LARGE { self.horizon } else { 1 };
        let days: Vec<usize> = self.days.clone().step_by(step).collect();
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

    /// Whether the rules leave `size` assets, or remove for want of data only what is too young.
    fn is_full(&self, selection: &Selection, past: Past<'_>) -> bool {
        let removed = |rule: &str| selection.removed.iter().filter(|(r, _)| *r == rule).map(|(_, n)| n).sum::<usize>();
        let young = |asset: &usize| {
            let first = self.panel.life(*asset).map_or(0, |life| life.0);
            past.is_listed(*asset) && past.n_days() - first < self.universe.min_returns()
        };
        let n_young = (0..past.n_assets()).filter(young).count();
        selection.members.len() >= self.size || removed("rank") == 0 && removed("history") <= n_young
    }

    fn first_full(&self) -> Result<usize> {
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

    /// The error of an empty universe with the rule that removes most, its key and the earliest date that works.
    fn explained(&self, error: Error) -> Error {
        let works = self.counts(|n, _| n > 0).ok().and_then(|counts| counts.into_iter().find(|(_, n, _)| *n > 0));
        let works = match works {
            Some((day, ..)) => {
                format!("the earliest walk_forward.first that works is {}", self.panel.calendar().date(day))
            }
            None => "no later date works".to_string(),
        };
        let key = match &error {
            Error::EmptyUniverse { removed, .. } => key_of_most(removed).map(|key| format!("{key}; ")),
            _ => None,
        };
        Error::data("walk_forward.first", format!("{error}; {}{works}", key.unwrap_or_default()))
    }
}

/// The rule that removes most, with the key that sets it, from a list such as `history 3, rank 57`.
fn key_of_most(removed: &str) -> Option<String> {
    let counts = removed.split(", ").filter_map(|part| part.rsplit_once(' '));
    let counts = counts.filter_map(|(rule, n)| Some((rule, n.parse::<usize>().ok().filter(|n| *n > 0)?)));
    let (rule, _) = counts.max_by_key(|(_, n)| *n)?;
    let key = match rule {
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
    Some(format!("'{rule}' removes most, {key}"))
}

/// The earliest decision date of an estimator that learns from `need` days before a calendar year, for a message.
pub(super) fn explain_fit(error: Error, panel: &Panel, label: &str) -> Error {
    let Error::NotEnoughDays { need, have, date, hint } = error else { return error };
    let calendar = panel.calendar();
    let years = calendar.dates().iter().map(|date| date.year()).collect::<std::collections::BTreeSet<_>>();
    let starts = years.into_iter().map(|year| jiff::civil::date(year, 1, 1));
    let works = starts
        .map(|start| (start, calendar.first_on_or_after(start)))
        .find(|(_, day)| *day >= need && *day < panel.n_days());
    let works = match works {
        Some((start, _)) => format!("the earliest walk_forward.first that works is {start}"),
        None => "no calendar year of the panel has so many before it".to_string(),
    };
    let hint = format!("{hint}; '{label}' learns from the days before the calendar year of a decision: {works}");
    Error::NotEnoughDays { need, have, date, hint }
}
