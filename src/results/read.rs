//! Reads the tables of a run back from their files.

use serde::Deserialize;

use crate::calendar::Date;
use crate::data::{Columns, NotANumber};
use crate::description::{Point, PortfolioName};
use crate::error::{Error, Result, toml_message};
use crate::grouping::grouped;
#[cfg(feature = "figures")]
use crate::metrics;
use crate::render::{AccountRow, LeveragePoint, Performance, SweptSeries, component_columns, dollars};
use crate::results::Results;

/// Range of valid daily returns, at any leverage; a loss of everything (−1) ends a portfolio.
const RETURNS: std::ops::RangeInclusive<f64> = -1.0..=1e6;

/// Daily returns of several portfolios on the same dates.
#[derive(Clone, Debug, PartialEq)]
pub struct DailyReturns {
    /// The days, ascending.
    pub dates: Vec<Date>,
    /// The portfolios.
    pub portfolios: Vec<PortfolioReturns>,
}

/// Daily returns of a portfolio.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioReturns {
    /// Its name.
    pub name: PortfolioName,
    /// Returns on these days, as fractions; NaN before the portfolio first exists and after its ruin.
    pub returns: Vec<f64>,
}

impl PortfolioReturns {
    /// Whether the portfolio ever existed. One that was never defined has only NaN or, in older files, only zeros.
    pub fn is_defined(&self) -> bool {
        self.returns.iter().any(|r| !r.is_nan() && *r != 0.0)
    }

    /// Index of the day on which it lost everything, if it did.
    pub fn ruin(&self) -> Option<usize> {
        self.returns.iter().position(|r| *r <= -1.0)
    }

    /// Growth of 1 over the days from its first return on, starting with 1 itself; NaN after a ruin.
    #[cfg(feature = "figures")]
    pub(super) fn growth(&self) -> Vec<f64> {
        let first = self.returns.iter().position(|r| !r.is_nan()).unwrap_or(self.returns.len());
        metrics::equity(&self.returns[first..])
    }
}

/// Sets the returns after a loss of everything to NaN, because older files have zeros there.
fn ended_by_ruin(mut returns: Vec<f64>) -> Vec<f64> {
    if let Some(day) = returns.iter().position(|r| *r <= -1.0) {
        returns[day + 1..].fill(f64::NAN);
    }
    returns
}

/// Daily returns of an account.
pub(super) struct AccountReturns {
    pub profile: String,
    pub capital_usd: f64,
    pub leverage: f64,
    /// Whether it only ever held cash.
    pub is_cash: bool,
    pub series: PortfolioReturns,
}

impl AccountReturns {
    /// Profile, capital and leverage in words.
    pub fn words(&self) -> String {
        let leverage = if self.leverage == 1.0 { String::new() } else { format!(", leverage {:.2}", self.leverage) };
        format!("{}, {} dollars, net{leverage}", self.profile, dollars(self.capital_usd))
    }
}

/// Splits rows that are ordered by portfolio into one block per portfolio.
pub(super) fn blocks(keys: &[Vec<String>], n_rows: usize) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for row in 1..=n_rows {
        if row == n_rows || keys.iter().any(|column| column[row] != column[row - 1]) {
            blocks.push(start..row);
            start = row;
        }
    }
    blocks
}

impl Results {
    pub(super) fn columns(&self, file: &str) -> Result<Columns> {
        let path = self.folder.join(file);
        if !path.exists() {
            let (folder, run) = (self.folder.clone(), self.name.clone());
            return Err(Error::Missing { folder, file: file.to_string(), run });
        }
        Columns::read(&path)
    }

    /// The portfolios' measures, from `metrics.csv`.
    pub fn performances(&self) -> Result<Vec<Performance>> {
        self.columns("metrics.csv")?.rows(&["estimator", "allocator", "ruined", "universe"])
    }

    /// Volatility in every run of a sweep for every portfolio, in the order of the first run.
    pub(super) fn swept_series(&self) -> Result<Vec<SweptSeries>> {
        let columns = self.columns("metrics.csv")?;
        let sizes = columns.numbers(&columns.require(&["size"])?, NotANumber::Refused)?;
        let universes = match columns.find(&["universe"]) {
            Some(column) => columns.texts(&column)?,
            None => vec![String::new(); sizes.len()],
        };
        let phases = match columns.find(&["phase"]) {
            Some(column) => columns.numbers(&column, NotANumber::Refused)?,
            None => vec![0.0; sizes.len()],
        };
        let known: Vec<Point> = self.run.experiment.points();
        let point_of = |((size, universe), phase): ((f64, String), f64)| {
            let is_it = |point: &&Point| {
                let of = (point.size, point.universe.as_deref().unwrap_or(""), point.phase.unwrap_or(0));
                of == (size as usize, universe.as_str(), phase as usize)
            };
            let why = || {
                Error::data(
                    self.folder.join("metrics.csv").display().to_string(),
                    format!("the sweep has no run of n = {size} {universe}"),
                )
            };
            known.iter().find(is_it).cloned().ok_or_else(why)
        };
        let points = sizes.into_iter().zip(universes).zip(phases).map(point_of).collect::<Result<Vec<Point>>>()?;
        let measured = self.performances()?.into_iter().zip(points);
        let groups = grouped(measured.map(|(p, point)| (p.name, (point, p.volatility_annual))));
        Ok(groups.into_iter().map(|(name, points)| SweptSeries { name, points }).collect())
    }

    /// Daily returns: before costs, from `returns.parquet`; or net of costs, from the accounts, if only a simulation
    /// was opened.
    pub fn daily_returns(&self) -> Result<DailyReturns> {
        match self.simulations.as_slice() {
            [simulation] if !self.has_run => self.net_returns(simulation),
            _ => self.gross_returns(),
        }
    }

    /// The accounts of a simulation as portfolios. If there are several profiles, capitals or leverages, they become
    /// part of the allocator's label.
    fn net_returns(&self, simulation: &str) -> Result<DailyReturns> {
        if self.has(&format!("{simulation}/leverage.csv")) {
            let why = "a grid of leverages keeps no daily returns of its accounts".to_string();
            return Err(Error::Undefined { what: "a comparison", why });
        }
        let (dates, mut accounts) = self.account_returns(simulation)?;
        accounts.retain(|account| account.capital_usd.is_finite());
        let is_one = accounts.iter().all(|account| account.words() == accounts[0].words());
        let series = |account: AccountReturns| {
            let words = account.words();
            let PortfolioName { estimator, allocator } = account.series.name;
            let allocator = if is_one { allocator } else { format!("{allocator}, {words}") };
            // An account that only earns interest is not a portfolio.
            let returns = if account.is_cash { vec![f64::NAN; dates.len()] } else { account.series.returns };
            PortfolioReturns { name: PortfolioName { estimator, allocator }, returns }
        };
        let portfolios = accounts.into_iter().map(series).collect();
        Ok(DailyReturns { dates, portfolios })
    }

    fn gross_returns(&self) -> Result<DailyReturns> {
        self.returns_of("returns.parquet")
    }

    /// A reference, and daily returns if all portfolios trade no more than it; `None` if the run has none.
    pub(super) fn equal_turnover_returns(&self) -> Result<Option<(String, DailyReturns)>> {
        if !self.has("equal_turnover.parquet") {
            return Ok(None);
        }
        let references = self.columns("equal_turnover.csv")?.texts("reference")?;
        Ok(references.into_iter().next().zip(Some(self.returns_of("equal_turnover.parquet")?)))
    }

    fn returns_of(&self, file: &str) -> Result<DailyReturns> {
        let columns = self.columns(file)?;
        let (estimators, allocators) = (columns.texts("estimator")?, columns.texts("allocator")?);
        let (dates, returns) = (columns.dates("date")?, columns.numbers("return", NotANumber::Missing)?);
        if let Some(row) = returns.iter().position(|r| !(r.is_nan() || RETURNS.contains(r))) {
            let rule = format!("a daily return of {:.3e} is impossible: the file was changed or damaged", returns[row]);
            return Err(Error::data(columns.place(row), rule));
        }
        let keys = [estimators.clone(), allocators.clone()];
        let blocks = blocks(&keys, dates.len());
        let first = blocks.first().cloned().unwrap_or(0..0);
        let series = |block: std::ops::Range<usize>| {
            if dates[block.clone()] != dates[first.clone()] {
                let place = format!("{}, portfolio {}", self.folder.join(file).display(), estimators[block.start]);
                return Err(Error::data(place, "its dates are not those of the first portfolio"));
            }
            Ok(PortfolioReturns {
                name: PortfolioName::new(&estimators[block.start], &allocators[block.start]),
                returns: ended_by_ruin(returns[block].to_vec()),
            })
        };
        let dates_of_all = dates[first.clone()].to_vec();
        self.check_days(&dates_of_all, file)?;
        Ok(DailyReturns { dates: dates_of_all, portfolios: blocks.into_iter().map(series).collect::<Result<_>>()? })
    }

    /// The accounts of a simulation, from `accounts.csv`.
    pub(super) fn accounts(&self, simulation: &str) -> Result<Vec<AccountRow>> {
        let texts = ["estimator", "allocator", "profile", "first_liquidation", "ruined"];
        let file = format!("{simulation}/accounts.csv");
        let row = |mut row: toml::Table| {
            // The file has one column per charge, but the row type has a table. A file written before a charge was
            // added lacks its column.
            let charges = component_columns().filter_map(|(entry, column)| Some((entry?, row.remove(&column)?)));
            let charges: toml::Table = charges.map(|(entry, bps)| (entry.name().to_string(), bps)).collect();
            row.insert("charges_bps".to_string(), toml::Value::Table(charges));
            let place = || self.folder.join(&file).display().to_string();
            AccountRow::deserialize(row).map_err(|error| Error::data(place(), toml_message(&error, None)))
        };
        self.columns(&file)?.rows::<toml::Table>(&texts)?.into_iter().map(row).collect()
    }

    /// The accounts of a simulation with a grid of leverages, from `leverage.csv`.
    pub(super) fn leverages(&self, simulation: &str) -> Result<Vec<LeveragePoint>> {
        let texts = ["estimator", "allocator", "first_liquidation", "ruined"];
        self.columns(&format!("{simulation}/leverage.csv"))?.rows(&texts)
    }

    /// Daily returns of every account of a simulation, from `equity.parquet`; returns before costs have the profile
    /// `frictionless`.
    pub(super) fn account_returns(&self, simulation: &str) -> Result<(Vec<Date>, Vec<AccountReturns>)> {
        let file = format!("{simulation}/equity.parquet");
        let columns = self.columns(&file)?;
        let texts = |name: &str| columns.texts(&columns.require(&[name])?);
        let numbers = |name: &str| columns.numbers(&columns.require(&[name])?, NotANumber::Missing);
        let (estimators, allocators, profiles) = (texts("estimator")?, texts("allocator")?, texts("profile")?);
        let (capital, leverage, equity) = (numbers("capital_usd")?, numbers("leverage")?, numbers("equity")?);
        let dates = columns.dates("date")?;
        let written = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>();
        let keys = [estimators.clone(), allocators.clone(), profiles.clone(), written(&capital), written(&leverage)];
        let blocks = blocks(&keys, dates.len());
        let rows = self.accounts(simulation)?;
        let is_cash = |row: usize| {
            let is_account = |a: &&AccountRow| {
                (&a.name, &a.profile) == (&PortfolioName::new(&estimators[row], &allocators[row]), &profiles[row])
                    && (a.capital_usd, a.leverage) == (capital[row], leverage[row])
            };
            rows.iter().find(is_account).is_some_and(AccountRow::is_cash)
        };
        let series = |block: &std::ops::Range<usize>| {
            let (row, mut before) = (block.start, 1.0);
            let earned = |now: &f64| {
                let earned = if before > 0.0 { now / before - 1.0 } else { f64::NAN };
                before = if now.is_nan() { before } else { *now };
                earned
            };
            AccountReturns {
                profile: profiles[row].clone(),
                capital_usd: capital[row],
                leverage: leverage[row],
                is_cash: is_cash(row),
                series: PortfolioReturns {
                    name: PortfolioName::new(&estimators[row], &allocators[row]),
                    returns: equity[block.clone()].iter().map(earned).collect(),
                },
            }
        };
        let first = blocks.first().cloned().unwrap_or(0..0);
        if let Some(block) = blocks.iter().find(|block| dates[(*block).clone()] != dates[first.clone()]) {
            return Err(Error::data(columns.place(block.start), "the days of this account are not those of the first"));
        }
        self.check_days(&dates[first.clone()], &file)?;
        Ok((dates[first].to_vec(), blocks.iter().map(series).collect()))
    }

    /// Refuses days of a result that are not in ascending order.
    fn check_days(&self, dates: &[Date], file: &str) -> Result<()> {
        match dates.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => {
                let rule = format!("{} follows {}: the file was changed or damaged", pair[1], pair[0]);
                Err(Error::data(self.folder.join(file).display().to_string(), rule))
            }
            None => Ok(()),
        }
    }
}
