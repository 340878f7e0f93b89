//! Significance of the differences within a run: all tests of `significance`, on daily returns and on returns of a holding period,
//! before and after costs.
//!
//! Portfolios are compared with the reference: the estimator that `[evidence]` names, or else the best analytic one, the portfolio
//! with the lowest volatility among those that are neither a network nor the truth of a synthetic market. That one is chosen on the
//! days that it is tested on, which favours it. A group is tested on the days on which all of its portfolios exist; portfolios that
//! were ruined, never existed or only held cash are left out. Near copies, whose difference has a volatility below 0.1 % a year,
//! count once in the sets: the first of the list stands for them.

mod group;
mod tables;
mod words;

use std::path::Path;

use crate::calendar::Date;
use crate::costs::{BenchmarkRate, DEFAULT_SCHEDULES, Schedules};
use crate::data::remove_file;
use crate::error::{Error, Result};
use crate::grouping::grouped;
use crate::results::{DailyReturns, PortfolioReturns, Results};
use crate::significance::Kernel::QuadraticSpectral;
use crate::significance::{
    Difference, Measure, Resampling, Scheme, SeededDifference, Superior, bootstrap_difference, difference_block_length,
    hac_difference,
};

pub(in crate::results) use tables::p_value;
pub use tables::{evidence_table, periods_table, stars};
pub use words::{EXPLAINED, evidence_markdown, write_evidence};

/// What the name of a group says if its returns are those of weights alone.
pub(super) const BEFORE_COSTS: &str = "before costs";
/// Number of resamples of a test of two portfolios.
const PAIRWISE: usize = 4999;
/// Number of resamples of the confidence set and of the test of superior ability.
const SETWISE: usize = 100_000;

/// Two tests of the same difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// By a studentised block bootstrap; the stars refer to its p-value.
    pub bootstrap: Difference,
    /// p-value by asymptotics, with a HAC variance.
    pub hac_p: f64,
}

/// Tests of a portfolio, minus another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// Log variance of daily returns.
    pub variance: Tested,
    /// Log variance of returns compounded over holding periods; `None` if there are too few, or a period is a day.
    pub holding_variance: Option<Tested>,
    /// Daily Sharpe ratio.
    pub sharpe: Tested,
}

/// Results for a portfolio in its group.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the group: the allocator before costs, or allocator, profile and capital.
    pub group: String,
    /// Label of the portfolio.
    pub portfolio: String,
    /// Whether it is a trained network.
    pub is_network: bool,
    /// The first portfolio of the list that it nearly equals on every day.
    pub copy_of: Option<String>,
    /// Annual volatility of daily returns.
    pub volatility: f64,
    /// Annual volatility of returns compounded over holding periods.
    pub holding_volatility: f64,
    /// Annual Sharpe ratio, zero risk-free rate.
    pub sharpe: f64,
    /// Annual Sharpe ratio of returns in excess of the federal funds rate (yearly means).
    pub sharpe_excess: f64,
    /// Annual Sharpe ratio corrected for autocorrelation up to ten lags.
    pub sharpe_autocorrelated: f64,
    /// Largest loss from a peak.
    pub max_drawdown: f64,
    /// Tracking error, beta and information ratio against the benchmark, if one is named.
    pub tracking: Option<(f64, f64, f64)>,
    /// This portfolio minus the reference; `None` for the reference itself.
    pub against_reference: Option<Against>,
    /// The first network of the list minus this portfolio; `None` for that network itself or if there is no network.
    pub network_against: Option<Against>,
    /// p-values of the model confidence set for squared returns, by T_R and by T_max; a copy has those of its original.
    pub confidence_set: (f64, f64),
    /// Probability that the true Sharpe ratio is above zero.
    pub probabilistic_sharpe: f64,
    /// Probability that the true Sharpe ratio is above that expected of the best of as many worthless portfolios as
    /// the group has.
    pub deflated_sharpe: f64,
}

/// A test whether any of several portfolios is better than one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rivals {
    /// The test, by squared daily returns.
    pub superior: Superior,
    /// The portfolio with the largest statistic.
    pub best: String,
}

/// When the reference of a group was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Before the run.
    Before,
    /// After it: `minvar report --experiment`.
    After,
    /// Never: it is the best analytic one on the tested days.
    No,
}

/// Results for a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFinding {
    /// Name of the group.
    pub group: String,
    /// Label of the reference.
    pub reference: String,
    /// When the experiment named it.
    pub named: Named,
    /// First and last day.
    pub days: (Date, Date),
    /// Number of days.
    pub n_days: usize,
    /// Days of a holding period.
    pub holding: usize,
    /// Mean block length of the confidence set, days.
    pub block_length: f64,
    /// Whether any other portfolio is better than the reference.
    pub against_reference: Rivals,
    /// The first network of the list, and whether any analytic portfolio is better than it.
    pub against_network: Option<(String, Rivals)>,
}

/// A network against the reference, averaged over its seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedFinding {
    /// Name of the group.
    pub group: String,
    /// The part of the label that the seeds have in common.
    pub network: String,
    /// Number of seeds.
    pub n_seeds: usize,
    /// Difference of log variances of daily returns.
    pub variance: SeededDifference,
    /// The same of returns over holding periods.
    pub holding_variance: Option<SeededDifference>,
    /// Difference of daily Sharpe ratios.
    pub sharpe: SeededDifference,
    /// Standard deviation over seeds of the difference of log variances: the uncertainty of a training.
    pub training: f64,
    /// Mean over seeds of its standard error with the seed fixed: the uncertainty of the days.
    pub sampling: f64,
}

/// A portfolio in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodFinding {
    /// Name of the group.
    pub group: String,
    /// Label of the portfolio.
    pub portfolio: String,
    /// The period: a calendar year or one with a name.
    pub period: String,
    /// Number of days.
    pub n_days: usize,
    /// Annual volatility in it.
    pub volatility: f64,
    /// Relative to the reference in the same period, minus one.
    pub against_reference: f64,
}

/// All findings of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// One entry per portfolio and group.
    pub findings: Vec<Finding>,
    /// One entry per group.
    pub groups: Vec<GroupFinding>,
    /// One entry per group and network with several seeds.
    pub seeds: Vec<SeedFinding>,
    /// One entry per group, portfolio and period.
    pub periods: Vec<PeriodFinding>,
    /// Portfolios and days that were left out, and why.
    pub notes: Vec<String>,
    /// Days in a year.
    pub per_year: f64,
}

/// A group before it is tested.
struct Group {
    name: String,
    daily: DailyReturns,
    /// Returns of the named benchmark on the same days.
    benchmark: Option<Vec<f64>>,
}

/// Tests the portfolios of a run, of all runs of a sweep, or of its simulations. Fails if nothing can be tested.
pub fn evidence(results: &Results, seed: u64) -> Result<Evidence> {
    let mut evidence = Evidence { per_year: results.periods_per_year(), ..Evidence::default() };
    let mut groups: Vec<Group> = Vec::new();
    match results.is_sweep() {
        true => {
            for point in results.run.experiment.points() {
                let one = Results::open(&results.folder.join(point.folder()))?;
                groups.extend(groups_of(&one, &format!(", {}", point.label()))?);
            }
        }
        false if results.has_run => groups.extend(groups_of(results, "")?),
        false => {}
    }
    for simulation in &results.simulations {
        if !results.has(&format!("{simulation}/leverage.csv")) {
            evidence.add_accounts(results, simulation, &mut groups);
        }
    }
    let rate = BenchmarkRate::yearly(&Schedules::parse(DEFAULT_SCHEDULES, "the built-in schedules")?);
    for group in groups {
        if let Err(error) = evidence.add_group(results, &group, &rate, seed) {
            evidence.notes.push(format!("{}: {error}", group.name));
        }
    }
    if evidence.findings.is_empty() {
        let why = evidence.notes.first().cloned().unwrap_or_else(|| "it has no two portfolios to compare".to_string());
        return Err(Error::data(results.folder.display().to_string(), format!("nothing can be tested: {why}")));
    }
    Ok(evidence)
}

/// The groups of a run, one per allocator.
fn groups_of(results: &Results, suffix: &str) -> Result<Vec<Group>> {
    let DailyReturns { dates, portfolios } = results.daily_returns()?;
    let label = results.run.experiment.evidence.benchmark.as_deref();
    let benchmark = portfolios.iter().find(|c| c.name.estimator.is_none() && Some(c.name.allocator.as_str()) == label);
    let benchmark = benchmark.map(|series| series.returns.clone());
    let mut groups: Vec<Group> = Vec::new();
    for series in portfolios.into_iter().filter(|c| c.name.estimator.is_some()) {
        let name = format!("{}, {BEFORE_COSTS}{suffix}", series.name.allocator);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.daily.portfolios.push(series),
            None => {
                let daily = DailyReturns { dates: dates.clone(), portfolios: vec![series] };
                groups.push(Group { name, daily, benchmark: benchmark.clone() });
            }
        }
    }
    if let Some((reference, DailyReturns { dates, portfolios })) = results.equal_turnover_returns()? {
        for (allocator, portfolios) in grouped(portfolios.into_iter().map(|c| (c.name.allocator.clone(), c))) {
            let name = format!("{allocator}, {BEFORE_COSTS}, at no more than the turnover of {reference}{suffix}");
            let daily = DailyReturns { dates: dates.clone(), portfolios };
            groups.push(Group { name, daily, benchmark: benchmark.clone() });
        }
    }
    Ok(groups)
}

impl Evidence {
    /// Adds the accounts of a simulation. Each simulation has groups of its own: its days, weights or costs may differ from those of
    /// the others.
    fn add_accounts(&mut self, results: &Results, simulation: &str, groups: &mut Vec<Group>) {
        let tag = simulation.strip_prefix("simulation-").map(|tag| format!(" ({tag})")).unwrap_or_default();
        let (dates, accounts) = match results.account_returns(simulation) {
            Ok(known) => known,
            Err(error) => return self.notes.push(error.to_string()),
        };
        let is_portfolio = |series: &PortfolioReturns| series.name.estimator.is_some();
        for a in accounts.into_iter().filter(|a| a.capital_usd.is_finite() && is_portfolio(&a.series)) {
            let name = format!("{}, {}{tag}", a.series.name.allocator, a.words());
            if a.is_cash {
                self.notes.push(format!("{name}: {} is left out, it only ever held cash", a.series.name.short()));
                continue;
            }
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.daily.portfolios.push(a.series),
                None => {
                    let daily = DailyReturns { dates: dates.clone(), portfolios: vec![a.series] };
                    groups.push(Group { name, daily, benchmark: None });
                }
            }
        }
    }
}

/// Removes the tests of earlier results from the folder of a run, and the figure that is drawn from them.
pub fn discard_tests(folder: &Path) -> Result<()> {
    let files = ["significance.csv", "significance.md", "periods.csv", "forest.svg"];
    files.into_iter().try_for_each(|file| remove_file(&folder.join(file)))
}

/// Daily returns that differ by less than this are those of the same portfolio, rounded differently.
const ROUNDING: f64 = 1e-9;

/// Whether two portfolios are equal on every day. They are not tested, because rounding errors would appear
/// significant.
pub(super) fn is_same(first: &[f64], second: &[f64]) -> bool {
    first.iter().zip(second).all(|(a, b)| (a - b).abs() <= ROUNDING)
}

/// The bootstrap and asymptotic tests of a difference.
pub(super) fn test(measure: Measure, first: &[f64], second: &[f64], seed: u64) -> Result<Tested> {
    let length = difference_block_length(measure, first, second)?;
    let resampling = Resampling { scheme: Scheme::Circular { length }, n_resamples: PAIRWISE, seed };
    let blocks = |resample: usize| resampling.blocks(resample, first.len());
    let bootstrap = bootstrap_difference(measure, first, second, length, PAIRWISE, blocks)?;
    Ok(Tested { bootstrap, hac_p: hac_difference(measure, first, second, QuadraticSpectral)?.p_value })
}
