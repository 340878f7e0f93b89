//! Comparison of runs: the same portfolios, or any two, on their common days.

use crate::calendar::Date;
use crate::error::{Error, Result, nearest};
use crate::metrics;
use crate::render::Sheet;
use crate::results::evidence::{Tested, is_same, test};
use crate::results::stars;
use crate::results::{DailyReturns, PortfolioReturns, Results};
use crate::significance::Measure;

/// Two portfolios and the tests of their difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairing {
    /// The first portfolio: `run: estimator / allocator`.
    pub first: String,
    /// The second portfolio, likewise.
    pub second: String,
    /// Annual volatilities on the common days.
    pub volatility: (f64, f64),
    /// Annual Sharpe ratios on the common days.
    pub sharpe: (f64, f64),
    /// Test of the difference of log variances, first minus second.
    pub variance_test: Tested,
    /// Test of the difference of daily Sharpe ratios, first minus second.
    pub sharpe_test: Tested,
}

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// One entry per pair. Pairs that are equal on every day appear only in the notes.
    pub pairings: Vec<Pairing>,
    /// First and last common day, and the number of common days.
    pub days: (Date, Date, usize),
    /// Differences between the runs apart from the portfolios: dates, data, universe.
    pub notes: Vec<String>,
}

/// A run and, if one is named, a portfolio of it: `RUN`, `RUN:ESTIMATOR/ALLOCATOR`, or `RUN:LABEL` if only one
/// portfolio has this label.
pub struct Side {
    /// The run.
    pub results: Results,
    /// The text after the colon.
    pub portfolio: Option<String>,
}

impl Side {
    /// The run, with the portfolio if one is given, as on the command line.
    fn named(&self) -> String {
        let name = &self.results.name;
        self.portfolio.as_ref().map_or_else(|| name.clone(), |portfolio| format!("{name}:{portfolio}"))
    }
}

/// Whether two sides are the same portfolios of the same run.
fn is_itself(a: &Side, b: &Side) -> bool {
    let real = |side: &Side| side.results.home.canonicalize().unwrap_or_else(|_| side.results.home.clone());
    a.portfolio == b.portfolio && real(a) == real(b)
}

/// The reason why a portfolio cannot be compared, if there is one.
fn unusable(daily: &DailyReturns, series: &PortfolioReturns) -> Option<String> {
    match series.ruin() {
        Some(day) => Some(format!("it was ruined on {}", daily.dates[day])),
        None if !series.is_defined() => Some("it never existed".to_string()),
        None => None,
    }
}

/// Names in a list, quoted because they contain commas, slashes and blanks.
fn listed(daily: &DailyReturns) -> String {
    daily.portfolios.iter().map(|series| format!("'{}'", series.name.path())).collect::<Vec<_>>().join(", ")
}

/// The portfolio with this full name, or the only one with this label.
fn named<'a>(daily: &'a DailyReturns, name: &str, run: &str) -> Result<&'a PortfolioReturns> {
    if let Some(found) = daily.portfolios.iter().find(|series| series.name.path() == name) {
        return Ok(found);
    }
    // Names of accounts include profile and capital, which may be omitted where the account is unambiguous.
    let begins =
        |series: &&PortfolioReturns| series.name.path().strip_prefix(name).is_some_and(|rest| rest.starts_with(", "));
    let begun: Vec<&PortfolioReturns> = daily.portfolios.iter().filter(begins).collect();
    if let [only] = begun[..] {
        return Ok(only);
    }
    if !begun.is_empty() {
        let known = begun.iter().map(|series| format!("'{}'", series.name.path())).collect::<Vec<_>>().join(", ");
        let why = format!("{run} has several accounts of {name}; choose one of {known}");
        return Err(Error::Undefined { what: "a comparison", why });
    }
    let labelled: Vec<&PortfolioReturns> =
        daily.portfolios.iter().filter(|series| series.name.short() == name).collect();
    if let [only] = labelled[..] {
        return Ok(only);
    }
    let known: Vec<String> = daily.portfolios.iter().map(|series| series.name.path()).collect();
    let near = nearest(name, &known.iter().map(String::as_str).collect::<Vec<_>>()).map(str::to_string);
    let suggestion = labelled.first().map(|series| series.name.path()).or(near);
    Err(Error::Unknown { kind: "portfolio", name: format!("{run}:{name}"), suggestion, known: listed(daily) })
}

/// Compares the portfolios of every later side with those of the first, on the days that all sides have. Fails if
/// there is no common day or no pair to compare.
pub fn compare(sides: &[Side], seed: u64) -> Result<Compared> {
    let daily: Vec<DailyReturns> = sides.iter().map(|side| side.results.daily_returns()).collect::<Result<_>>()?;
    if let Some(twice) = sides[1..].iter().find(|side| is_itself(side, &sides[0])) {
        let why = format!("{} is on both sides, so there is nothing to compare", twice.named());
        return Err(Error::Undefined { what: "a comparison", why });
    }
    let mut common = daily[0].dates.clone();
    for other in &daily[1..] {
        common.retain(|date| other.dates.binary_search(date).is_ok());
    }
    let (Some(first_day), Some(last_day)) = (common.first().copied(), common.last().copied()) else {
        let span = |c: &DailyReturns| match (c.dates.first(), c.dates.last()) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => "no days".to_string(),
        };
        let spans: Vec<String> =
            sides.iter().zip(&daily).map(|(s, c)| format!("{}: {}", s.results.name, span(c))).collect();
        let why = format!("the runs share no day ({})", spans.join("; "));
        return Err(Error::Undefined { what: "a comparison", why });
    };
    let mut notes = notes(sides, &daily, common.len());
    let per_year = sides[0].results.periods_per_year();
    for side in &sides[1..] {
        let (theirs, name) = (side.results.periods_per_year(), &side.results.name);
        if theirs != per_year {
            notes.push(format!(
                "{name} has {theirs} days a year, {} {per_year}; everything is annualised by {per_year}",
                sides[0].results.name
            ));
        }
    }
    let (mut pairings, mut n_same) = (Vec::new(), 0);
    let on = |daily: &DailyReturns, series: &PortfolioReturns, date: &Date| {
        series.returns[daily.dates.binary_search(date).expect("a common day")]
    };
    for (side, other) in sides.iter().zip(&daily).skip(1) {
        for (first, second) in pairs(&sides[0], &daily[0], side, other, &mut notes)? {
            let name = |side: &Side, c: &PortfolioReturns| {
                format!("{}: {} / {}", side.results.name, c.name.estimator_cell(), c.name.allocator)
            };
            let both = [(&sides[0], &daily[0], first), (side, other, second)];
            let out = both.iter().find_map(|(side, daily, series)| Some((*side, *series, unusable(daily, series)?)));
            if let Some((side, series, why)) = out {
                notes.push(format!("{} is left out, {why}", name(side, series)));
                continue;
            }
            let days = common.iter().map(|date| (on(&daily[0], first, date), on(other, second, date)));
            let (a, b): (Vec<f64>, Vec<f64>) = days.filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip();
            if a.len() < common.len() {
                let pair = format!("{} and {}", name(&sides[0], first), name(side, second));
                notes.push(format!("{pair} both exist on {} of these {} days", a.len(), common.len()));
            }
            if is_same(&a, &b) {
                notes.push(format!("{} and {} are equal on every day", name(&sides[0], first), name(side, second)));
                n_same += 1;
                continue;
            }
            pairings.push(Pairing {
                first: name(&sides[0], first),
                second: name(side, second),
                volatility: (metrics::volatility_annual(&a, per_year), metrics::volatility_annual(&b, per_year)),
                sharpe: (metrics::sharpe_ratio(&a, per_year), metrics::sharpe_ratio(&b, per_year)),
                variance_test: test(Measure::LogVariance, &a, &b, seed)?,
                sharpe_test: test(Measure::SharpeRatio, &a, &b, seed)?,
            });
        }
    }
    if let (true, Some(why)) = (pairings.is_empty() && n_same == 0, notes.last()) {
        return Err(Error::Undefined { what: "a comparison", why: why.clone() });
    }
    Ok(Compared { pairings, days: (first_day, last_day, common.len()), notes })
}

/// The portfolios named on the two sides, or else those that both runs have under the same labels.
fn pairs<'a>(
    base: &Side,
    base_daily: &'a DailyReturns,
    side: &Side,
    daily: &'a DailyReturns,
    notes: &mut Vec<String>,
) -> Result<Vec<(&'a PortfolioReturns, &'a PortfolioReturns)>> {
    let (run, other) = (&base.results.name, &side.results.name);
    let pick = |portfolio: &Option<String>, from: &'a DailyReturns, run: &str| {
        portfolio.as_ref().map(|name| named(from, name, run)).transpose()
    };
    let (first, second) = (pick(&base.portfolio, base_daily, run)?, pick(&side.portfolio, daily, other)?);
    match (first, second) {
        (Some(first), Some(second)) => Ok(vec![(first, second)]),
        (Some(first), None) => Ok(vec![(first, named(daily, &first.name.path(), other)?)]),
        (None, Some(second)) => Ok(vec![(named(base_daily, &second.name.path(), run)?, second)]),
        (None, None) => {
            let twin = |c: &&'a PortfolioReturns| daily.portfolios.iter().find(|d| d.name == c.name);
            let defined = base_daily.portfolios.iter().filter(|c| c.is_defined());
            let found: Vec<_> = defined.filter_map(|c| Some((c, twin(&c).filter(|d| d.is_defined())?))).collect();
            let left_out = base_daily.portfolios.len() + daily.portfolios.len() - 2 * found.len();
            if found.is_empty() {
                let why = format!(
                    "{run} and {other} have no portfolio of the same name; choose with RUN:ESTIMATOR/ALLOCATOR. {run} has {}; \
                     {other} has {}",
                    listed(base_daily),
                    listed(daily)
                );
                return Err(Error::Undefined { what: "a comparison", why });
            }
            if left_out > 0 {
                notes.push(format!("{left_out} portfolios of {run} and {other} have no partner and are left out"));
            }
            Ok(found)
        }
    }
}

/// Notes on the differences between the runs.
fn notes(sides: &[Side], daily: &[DailyReturns], n_common: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for (side, daily) in sides.iter().zip(daily) {
        if daily.dates.len() > n_common {
            let dropped = daily.dates.len() - n_common;
            notes.push(format!(
                "{dropped} of {} days of {} are not in all runs and are left out",
                daily.dates.len(),
                side.results.name
            ));
        }
    }
    let base = &sides[0].results;
    for other in sides[1..].iter().map(|side| &side.results) {
        let (a, b) = (&base.run, &other.run);
        for (what, ours, theirs) in [
            ("the data", a.provenance.data_hash.clone(), b.provenance.data_hash.clone()),
            ("the universe rules", entries(&a.experiment.universe), entries(&b.experiment.universe)),
            ("the windows", entries(&a.experiment.walk_forward), entries(&b.experiment.walk_forward)),
        ] {
            if ours != theirs {
                notes.push(format!("{what} differ: {} has {ours}; {} has {theirs}", base.name, other.name));
            }
        }
    }
    notes
}

/// Keys and values of a part of an experiment, as text.
fn entries(part: &impl serde::Serialize) -> String {
    let table = toml::Table::try_from(part).expect("a part of an experiment is plain data");
    table.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

impl Compared {
    /// The comparison as a table.
    pub fn sheet(&self) -> Sheet {
        let (from, to, n) = self.days;
        let header = ["first", "second", "volatility", "volatility", "difference", "Sharpe", "Sharpe", "difference"];
        let mut sheet = Sheet::new(format!("{n} common days, {from} to {to}"), &header, 2);
        for p in &self.pairings {
            let ratio = 100.0 * ((p.variance_test.bootstrap.estimate / 2.0).exp() - 1.0);
            sheet.rows.push(vec![
                p.first.clone(),
                p.second.clone(),
                format!("{:.2} %", 100.0 * p.volatility.0),
                format!("{:.2} %", 100.0 * p.volatility.1),
                format!(
                    "{ratio:+.2} %{} (p {:.3})",
                    stars(p.variance_test.bootstrap.p_value),
                    p.variance_test.bootstrap.p_value
                ),
                format!("{:.2}", p.sharpe.0),
                format!("{:.2}", p.sharpe.1),
                format!(
                    "{:+.2}{} (p {:.3})",
                    p.sharpe.0 - p.sharpe.1,
                    stars(p.sharpe_test.bootstrap.p_value),
                    p.sharpe_test.bootstrap.p_value
                ),
            ]);
        }
        sheet
    }
}
