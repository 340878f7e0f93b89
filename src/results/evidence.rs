//! Significance of the differences within a run: all tests of `significance`, on daily returns before and after costs.
//!
//! Portfolios are compared with the reference, the best analytic competitor: the portfolio with the lowest volatility
//! among those that are neither a network nor the truth of a synthetic market. It is chosen on the same days as it is
//! tested on, which favours it. A group is tested on the days on which all of its portfolios exist; portfolios that
//! were ruined, never existed or only held cash are left out.

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::grouping::grouped;
use crate::metrics;
use crate::results::{DailyReturns, PortfolioReturns, Results};
use crate::significance::Kernel::QuadraticSpectral;
use crate::significance::{
    Difference, Measure, Resampling, Scaling, Scheme, SeededDifference, Statistic, Superior, block_length,
    bootstrap_difference, confidence_set, deflated_sharpe, difference_block_length, hac_difference,
    probabilistic_sharpe, seeded_difference, superior_ability,
};

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

/// Results for a portfolio in its group.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the group: the allocator before costs, or allocator, profile and capital.
    pub group: String,
    /// Label of the portfolio.
    pub portfolio: String,
    /// Whether it is a trained network.
    pub is_network: bool,
    /// Annual volatility.
    pub volatility: f64,
    /// Annual Sharpe ratio, zero risk-free rate.
    pub sharpe: f64,
    /// Annual Sharpe ratio corrected for autocorrelation up to ten lags.
    pub sharpe_autocorrelated: f64,
    /// Tests of log variance and of daily Sharpe ratio, this portfolio minus the reference; `None` for the reference
    /// itself.
    pub against_reference: Option<(Tested, Tested)>,
    /// Tests of log variance and of daily Sharpe ratio, the best network minus this portfolio; `None` for that network
    /// itself or if there is no network.
    pub network_against: Option<(Tested, Tested)>,
    /// p-values of the model confidence set for squared returns, by T_R and by T_max.
    pub confidence_set: (f64, f64),
    /// Probability that the true Sharpe ratio is above zero.
    pub probabilistic_sharpe: f64,
    /// Probability that the true Sharpe ratio is above that expected of the best of as many worthless portfolios as
    /// the group has.
    pub deflated_sharpe: f64,
}

/// Results for a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFinding {
    /// Name of the group.
    pub group: String,
    /// Label of the best analytic competitor.
    pub reference: String,
    /// Number of days.
    pub n_days: usize,
    /// Mean block length of the confidence set, days.
    pub block_length: f64,
    /// Test whether any portfolio is better than the reference, by squared returns.
    pub superior: Superior,
    /// The portfolio with the largest statistic of the test of superior ability.
    pub best: String,
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
    /// Difference of log variances.
    pub variance: SeededDifference,
    /// Difference of daily Sharpe ratios.
    pub sharpe: SeededDifference,
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
    /// Portfolios and days that were left out, and why.
    pub notes: Vec<String>,
    /// Days in a year.
    pub per_year: f64,
}

/// Tests the portfolios of a run and of its simulations. Fails if nothing can be tested.
pub fn evidence(results: &Results, seed: u64) -> Result<Evidence> {
    let mut evidence = Evidence { per_year: results.periods_per_year(), ..Evidence::default() };
    let mut groups: Vec<(String, DailyReturns)> = Vec::new();
    let mut add = |name: String, dates: &[Date], series: PortfolioReturns| match groups
        .iter_mut()
        .find(|(known, _)| *known == name)
    {
        Some((_, group)) => group.portfolios.push(series),
        None => groups.push((name, DailyReturns { dates: dates.to_vec(), portfolios: vec![series] })),
    };
    if results.has_run && !results.is_sweep() {
        let DailyReturns { dates, portfolios } = results.daily_returns()?;
        for series in portfolios.into_iter().filter(|c| c.name.estimator.is_some()) {
            add(format!("{}, before costs", series.name.allocator), &dates, series);
        }
    }
    for simulation in &results.simulations {
        if results.has(&format!("{simulation}/leverage.csv")) {
            continue;
        }
        // Each simulation is a group of its own: its days, weights or costs may differ from those of the others.
        let tag = simulation.strip_prefix("simulation-").map(|tag| format!(" ({tag})")).unwrap_or_default();
        match results.account_returns(simulation) {
            Ok((dates, accounts)) => {
                for a in accounts.into_iter().filter(|a| a.capital_usd.is_finite() && a.series.name.estimator.is_some())
                {
                    let group = format!("{}, {}{tag}", a.series.name.allocator, a.words());
                    match a.is_cash {
                        true => evidence
                            .notes
                            .push(format!("{group}: {} is left out, it only ever held cash", a.series.name.short())),
                        false => add(group, &dates, a.series),
                    }
                }
            }
            Err(error) => evidence.notes.push(error.to_string()),
        }
    }
    for (name, daily) in groups {
        if let Err(error) = evidence.add_group(results, &name, &daily, seed) {
            evidence.notes.push(format!("{name}: {error}"));
        }
    }
    if evidence.findings.is_empty() {
        let why = evidence.notes.first().cloned().unwrap_or_else(|| "it has no two portfolios to compare".to_string());
        return Err(Error::data(results.folder.display().to_string(), format!("nothing can be tested: {why}")));
    }
    Ok(evidence)
}

impl Evidence {
    fn add_group(&mut self, results: &Results, group: &str, daily: &DailyReturns, seed: u64) -> Result<()> {
        let common = self.common_days(group, daily);
        let defined = self.without_twins(group, common.iter().collect());
        let per_year = self.per_year;
        let volatility = |c: &PortfolioReturns| metrics::volatility_annual(&c.returns, per_year);
        let analytic = defined.iter().filter(|c| !results.is_network(&c.name) && !results.is_truth(&c.name));
        let reference = analytic.min_by(|a, b| volatility(a).total_cmp(&volatility(b)));
        let Some(&reference) = reference.filter(|_| defined.len() > 1) else {
            let why = "it takes two different portfolios, one of them analytic".to_string();
            return Err(Error::Undefined { what: "a comparison", why });
        };
        let networks = defined.iter().filter(|c| results.is_network(&c.name));
        let network = networks.min_by(|a, b| volatility(a).total_cmp(&volatility(b)));
        let losses: Vec<Vec<f64>> = defined.iter().map(|c| c.returns.iter().map(|r| r * r).collect()).collect();
        let views: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
        let n_days = reference.returns.len();
        let mean_length = set_block_length(&views)?;
        let scheme = Scheme::Stationary { mean_length };
        let resampling = Resampling { scheme, n_resamples: SETWISE, seed };
        let blocks = |resample: usize| resampling.blocks(resample, n_days);
        let range = confidence_set(&views, Statistic::Range, SETWISE, blocks)?;
        let max = confidence_set(&views, Statistic::Max, SETWISE, blocks)?;
        let returns: Vec<&[f64]> = defined.iter().map(|c| c.returns.as_slice()).collect();
        let mut findings = Vec::new();
        for (k, series) in defined.iter().enumerate() {
            let r = series.returns.as_slice();
            let tested = |first: &[f64], second: &[f64]| -> Result<(Tested, Tested)> {
                let of = |measure| test(measure, first, second, seed);
                Ok((of(Measure::LogVariance)?, of(Measure::SharpeRatio)?))
            };
            let is_reference = series.name.short() == reference.name.short();
            let against_reference = (!is_reference).then(|| tested(r, &reference.returns)).transpose()?;
            let other_network = network.filter(|network| network.name.short() != series.name.short());
            let network_against = other_network.map(|network| tested(&network.returns, r)).transpose()?;
            findings.push(Finding {
                group: group.to_string(),
                portfolio: series.name.short().to_string(),
                is_network: results.is_network(&series.name),
                volatility: volatility(series),
                sharpe: metrics::sharpe_ratio(r, per_year),
                sharpe_autocorrelated: metrics::autocorrelated_sharpe_ratio(r, 10, per_year),
                against_reference,
                network_against,
                confidence_set: (range.p_values[k], max.p_values[k]),
                probabilistic_sharpe: probabilistic_sharpe(r, 0.0)?,
                deflated_sharpe: deflated_sharpe(&returns, k)?,
            });
        }
        let place = defined
            .iter()
            .position(|c| c.name.short() == reference.name.short())
            .expect("the reference is one of them");
        let others: Vec<usize> = (0..defined.len()).filter(|k| *k != place).collect();
        let rivals: Vec<&[f64]> = others.iter().map(|k| views[*k]).collect();
        let superior = superior_ability(views[place], &rivals, Scaling::Studentised, mean_length, SETWISE, blocks)?;
        self.findings.extend(findings);
        self.groups.push(GroupFinding {
            group: group.to_string(),
            reference: reference.name.short().to_string(),
            n_days,
            block_length: mean_length,
            best: defined[others[superior.best]].name.short().to_string(),
            superior,
        });
        self.add_seeds(group, &defined, &reference.returns, seed)
    }

    /// The portfolios that can be tested, on the days on which all of them exist; notes what is left out.
    fn common_days(&mut self, group: &str, daily: &DailyReturns) -> Vec<PortfolioReturns> {
        let mut kept: Vec<&PortfolioReturns> = Vec::new();
        for series in &daily.portfolios {
            let why = match (series.is_defined(), series.ruin()) {
                (false, _) => "it was never defined".to_string(),
                (true, Some(day)) => format!("it was ruined on {}", daily.dates[day]),
                (true, None) => {
                    kept.push(series);
                    continue;
                }
            };
            self.notes.push(format!("{group}: {} is left out, {why}", series.name.short()));
        }
        let exists = |day: &usize| kept.iter().all(|series| !series.returns[*day].is_nan());
        let days: Vec<usize> = (0..daily.dates.len()).filter(exists).collect();
        let n_missing = daily.dates.len() - days.len();
        if n_missing > 0 {
            let begun = |series: &&&PortfolioReturns| series.returns.iter().take_while(|r| r.is_nan()).count();
            let latest = kept.iter().max_by_key(begun).map_or("", |series| series.name.short());
            let words = format!("{n_missing} of {} days are left out, before all exist", daily.dates.len());
            self.notes.push(format!("{group}: {words}; {latest} is the last to begin"));
        }
        let on_days = |series: &&PortfolioReturns| PortfolioReturns {
            returns: days.iter().map(|day| series.returns[*day]).collect(),
            ..PortfolioReturns::clone(series)
        };
        kept.iter().map(on_days).collect()
    }

    /// The portfolios without duplicates: of those that are equal on every day, the first is kept.
    fn without_twins<'a>(&mut self, group: &str, daily: Vec<&'a PortfolioReturns>) -> Vec<&'a PortfolioReturns> {
        let mut kept: Vec<&PortfolioReturns> = Vec::new();
        for series in daily {
            match kept.iter().find(|known| is_same(&known.returns, &series.returns)) {
                Some(twin) => {
                    let note = format!(
                        "{group}: {} is left out, it is {} on every day",
                        series.name.short(),
                        twin.name.short()
                    );
                    self.notes.push(note);
                }
                None => kept.push(series),
            }
        }
        kept
    }

    /// Tests networks whose labels differ only after ", seed".
    fn add_seeds(&mut self, group: &str, daily: &[&PortfolioReturns], reference: &[f64], seed: u64) -> Result<()> {
        let family = |label: &'_ str| label.split_once(", seed").map(|(family, _)| family.to_string());
        let seeded = daily.iter().filter_map(|series| Some((family(series.name.short())?, series.returns.as_slice())));
        let families = grouped(seeded);
        for (network, seeds) in families.into_iter().filter(|(_, seeds)| seeds.len() > 1) {
            let test = |measure| seeded_difference(measure, &seeds, reference, PAIRWISE, seed);
            self.seeds.push(SeedFinding {
                group: group.to_string(),
                network: network.to_string(),
                n_seeds: seeds.len(),
                variance: test(Measure::LogVariance)?,
                sharpe: test(Measure::SharpeRatio)?,
            });
        }
        Ok(())
    }
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

/// The median over portfolios of the block length of Politis and White, computed on each portfolio's losses minus
/// their mean over portfolios. The maximum would often be their upper bound, at which only about a dozen blocks fit
/// into the sample.
fn set_block_length(losses: &[&[f64]]) -> Result<f64> {
    let n_days = losses[0].len();
    let centre: Vec<f64> =
        (0..n_days).map(|day| losses.iter().map(|loss| loss[day]).sum::<f64>() / losses.len() as f64).collect();
    let mut lengths = Vec::new();
    for loss in losses {
        let relative: Vec<f64> = loss.iter().zip(&centre).map(|(a, b)| a - b).collect();
        lengths.push(block_length(&relative)?.stationary.max(1.0));
    }
    lengths.sort_by(f64::total_cmp);
    Ok(lengths[lengths.len() / 2])
}
