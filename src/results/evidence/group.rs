//! The tests of one group of portfolios.

use crate::costs::BenchmarkRate;
use crate::error::{Error, Result};
use crate::grouping::grouped;
use crate::metrics;
use crate::render::PERIODS;
use crate::results::evidence::{
    Against, Evidence, Finding, Group, GroupFinding, Named, PAIRWISE, PeriodFinding, Rivals, SETWISE, SeedFinding,
    Tested, is_same, test,
};
use crate::results::{DailyReturns, PortfolioReturns, Results};
use crate::significance::{
    LEAST_DAYS, Measure, Resampling, Scaling, Scheme, Statistic, block_length, confidence_set, deflated_sharpe,
    probabilistic_sharpe, seeded_difference, superior_ability,
};

/// Portfolios whose difference has a smaller annual volatility are near copies.
const COPY: f64 = 0.001;

/// The portfolios of a group that can be compared, on the days on which all of them exist.
struct Compared<'a> {
    daily: &'a DailyReturns,
    /// Place of each portfolio's original: its own, or that of the one that it nearly equals.
    original: Vec<usize>,
    reference: usize,
    /// The first network of the list.
    network: Option<usize>,
    holding: usize,
    per_year: f64,
}

impl Compared<'_> {
    fn label(&self, k: usize) -> &str {
        self.daily.portfolios[k].name.short()
    }

    fn returns(&self, k: usize) -> &[f64] {
        &self.daily.portfolios[k].returns
    }

    /// Returns compounded over holding periods; an incomplete last one is left out.
    fn held(&self, k: usize) -> Vec<f64> {
        self.returns(k).chunks_exact(self.holding).map(metrics::total_return).collect()
    }

    /// Whether returns over holding periods can be tested.
    fn has_periods(&self) -> bool {
        self.holding > 1 && self.returns(0).len() / self.holding >= LEAST_DAYS
    }

    /// All tests of one portfolio minus another.
    fn against(&self, first: usize, second: usize, seed: u64) -> Result<Against> {
        let of = |measure| test(measure, self.returns(first), self.returns(second), seed);
        let held = || test(Measure::LogVariance, &self.held(first), &self.held(second), seed);
        Ok(Against {
            variance: of(Measure::LogVariance)?,
            holding_variance: self.has_periods().then(held).transpose()?,
            sharpe: of(Measure::SharpeRatio)?,
        })
    }
}

impl Evidence {
    pub(super) fn add_group(
        &mut self,
        results: &Results,
        group: &Group,
        rate: &BenchmarkRate,
        seed: u64,
    ) -> Result<()> {
        let per_year = self.per_year;
        let (common, days) = self.common_days(&group.name, &group.daily);
        let daily = self.without_twins(&group.name, common);
        let volatility = |k: usize| metrics::volatility_annual(&daily.portfolios[k].returns, per_year);
        let places = || 0..daily.portfolios.len();
        let is_network = |k: &usize| results.is_network(&daily.portfolios[*k].name);
        let is_analytic = |k: &usize| !is_network(k) && !results.is_truth(&daily.portfolios[*k].name);
        let wanted = results.run.experiment.evidence.reference.as_ref();
        let named = wanted.and_then(|label| places().find(|k| daily.portfolios[*k].name.short() == label));
        if let (Some(label), None) = (wanted, named) {
            self.notes.push(format!("{}: the reference '{label}' is not in it", group.name));
        }
        let best = || places().filter(is_analytic).min_by(|a, b| volatility(*a).total_cmp(&volatility(*b)));
        let Some(reference) = named.or_else(best).filter(|_| places().len() > 1) else {
            let why = "it takes two different portfolios, one of them analytic".to_string();
            return Err(Error::Undefined { what: "a comparison", why });
        };
        let compared = Compared {
            original: originals(&daily, per_year),
            daily: &daily,
            reference,
            network: places().find(is_network),
            holding: results.run.experiment.walk_forward.horizon,
            per_year,
        };
        // In the sets, the first of near copies stands for them; the reference and the network stay themselves.
        let stays = |k: &usize| compared.original[*k] == *k || *k == reference || Some(*k) == compared.network;
        let members: Vec<usize> = places().filter(stays).collect();
        let losses: Vec<Vec<f64>> =
            members.iter().map(|k| compared.returns(*k).iter().map(|r| r * r).collect()).collect();
        let views: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
        let n_days = daily.dates.len();
        let mean_length = set_block_length(&views)?;
        let scheme = Scheme::Stationary { mean_length };
        let resampling = Resampling { scheme, n_resamples: SETWISE, seed };
        let blocks = |resample: usize| resampling.blocks(resample, n_days);
        let range = confidence_set(&views, Statistic::Range, SETWISE, blocks)?;
        let max = confidence_set(&views, Statistic::Max, SETWISE, blocks)?;
        let place = |k: usize| {
            let stands = if stays(&k) { k } else { compared.original[k] };
            members.iter().position(|member| *member == stands).expect("an original is a member")
        };
        // Whether any of some portfolios is better than one.
        let rivals = |of: usize, among: &dyn Fn(&usize) -> bool| -> Result<Rivals> {
            let others: Vec<usize> = members.iter().copied().filter(|k| *k != of && among(k)).collect();
            let rivals: Vec<&[f64]> = others.iter().map(|k| views[place(*k)]).collect();
            let superior =
                superior_ability(views[place(of)], &rivals, Scaling::Studentised, mean_length, SETWISE, blocks)?;
            Ok(Rivals { best: compared.label(others[superior.best]).to_string(), superior })
        };
        let returns: Vec<&[f64]> = places().map(|k| compared.returns(k)).collect();
        let excess_rate = |day: usize| rate.at(daily.dates[day]).unwrap_or(0.0) / 100.0 / per_year;
        let mut findings = Vec::new();
        for k in places() {
            let r = compared.returns(k);
            let excess: Vec<f64> = r.iter().enumerate().map(|(day, r)| r - excess_rate(day)).collect();
            let against = |other: Option<usize>, first: bool| {
                let other = other.filter(|other| *other != k);
                let pair = |other| if first { (k, other) } else { (other, k) };
                other.map(|other| compared.against(pair(other).0, pair(other).1, seed)).transpose()
            };
            let tracked = group.benchmark.as_ref().map(|all| days.iter().map(|day| all[*day]).collect::<Vec<f64>>());
            let copy = Some(compared.original[k]).filter(|original| *original != k);
            findings.push(Finding {
                group: group.name.clone(),
                portfolio: compared.label(k).to_string(),
                is_network: is_network(&k),
                copy_of: copy.map(|original| compared.label(original).to_string()),
                volatility: volatility(k),
                holding_volatility: metrics::block_volatility_annual(r, compared.holding, per_year),
                sharpe: metrics::sharpe_ratio(r, per_year),
                sharpe_excess: metrics::sharpe_ratio(&excess, per_year),
                sharpe_autocorrelated: metrics::autocorrelated_sharpe_ratio(r, 10, per_year),
                max_drawdown: metrics::max_drawdown(r),
                tracking: tracked.map(|benchmark| metrics::tracking(r, &benchmark, per_year)),
                against_reference: against(Some(reference), true)?,
                network_against: against(compared.network, false)?,
                confidence_set: (range.p_values[place(k)], max.p_values[place(k)]),
                probabilistic_sharpe: probabilistic_sharpe(r, 0.0)?,
                deflated_sharpe: deflated_sharpe(&returns, k)?,
            });
        }
        let against_network = match compared.network.filter(|_| members.iter().any(is_analytic)) {
            None => None,
            Some(network) => Some((compared.label(network).to_string(), rivals(network, &is_analytic)?)),
        };
        let (first, last) = (daily.dates[0], daily.dates[n_days - 1]);
        self.groups.push(GroupFinding {
            group: group.name.clone(),
            reference: compared.label(reference).to_string(),
            named: match named {
                None => Named::No,
                Some(_) if results.run.provenance.reference.as_ref() == wanted => Named::Before,
                Some(_) => Named::After,
            },
            days: (first, last),
            n_days,
            holding: compared.holding,
            block_length: mean_length,
            against_reference: rivals(reference, &|_| true)?,
            against_network,
        });
        self.findings.extend(findings);
        self.add_periods(&group.name, &compared);
        self.add_seeds(&group.name, &compared, seed)
    }

    /// The portfolios that can be tested, on the days on which all of them exist, with the places of these days; notes what is left
    /// out.
    fn common_days(&mut self, group: &str, daily: &DailyReturns) -> (DailyReturns, Vec<usize>) {
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
        let dates = days.iter().map(|day| daily.dates[*day]).collect();
        (DailyReturns { dates, portfolios: kept.iter().map(on_days).collect() }, days)
    }

    /// The portfolios without duplicates: of those that are equal on every day, the first is kept.
    fn without_twins(&mut self, group: &str, daily: DailyReturns) -> DailyReturns {
        let mut kept: Vec<PortfolioReturns> = Vec::new();
        for series in daily.portfolios {
            match kept.iter().find(|known| is_same(&known.returns, &series.returns)) {
                Some(twin) => {
                    let (own, twin) = (series.name.short(), twin.name.short());
                    self.notes.push(format!("{group}: {own} is left out, it is {twin} on every day"));
                }
                None => kept.push(series),
            }
        }
        DailyReturns { portfolios: kept, ..daily }
    }

    /// Volatility in every calendar year and every period with a name, with enough days.
    fn add_periods(&mut self, group: &str, compared: &Compared<'_>) {
        let dates = &compared.daily.dates;
        let years = dates.iter().map(|date| date.year());
        let mut periods: Vec<(String, Vec<usize>)> =
            grouped(years.enumerate().map(|(day, year)| (year.to_string(), day)));
        for period in &PERIODS {
            let days: Vec<usize> = (0..dates.len()).filter(|day| period.contains(dates[*day])).collect();
            if days.len() < dates.len() && !periods.iter().any(|(name, _)| name == period.name) {
                periods.push((period.name.to_string(), days));
            }
        }
        periods.retain(|(_, days)| days.len() >= crate::render::LEAST_DAYS);
        for (period, days) in &periods {
            let volatility = |k: usize| {
                let inside: Vec<f64> = days.iter().map(|day| compared.returns(k)[*day]).collect();
                metrics::volatility_annual(&inside, compared.per_year)
            };
            let reference = volatility(compared.reference);
            for k in 0..compared.daily.portfolios.len() {
                let own = volatility(k);
                self.periods.push(PeriodFinding {
                    group: group.to_string(),
                    portfolio: compared.label(k).to_string(),
                    period: period.clone(),
                    n_days: days.len(),
                    volatility: own,
                    against_reference: own / reference - 1.0,
                });
            }
        }
    }

    /// Tests networks whose labels differ only after ", seed".
    fn add_seeds(&mut self, group: &str, compared: &Compared<'_>, seed: u64) -> Result<()> {
        let family = |label: &'_ str| label.split_once(", seed").map(|(family, _)| family.to_string());
        let places = 0..compared.daily.portfolios.len();
        let families = grouped(places.filter_map(|k| Some((family(compared.label(k))?, k))));
        let reference = compared.returns(compared.reference);
        for (network, seeds) in families.into_iter().filter(|(_, seeds)| seeds.len() > 1) {
            let returns: Vec<&[f64]> = seeds.iter().map(|k| compared.returns(*k)).collect();
            let tested = |measure| seeded_difference(measure, &returns, reference, PAIRWISE, seed);
            let held: Vec<Vec<f64>> = seeds.iter().map(|k| compared.held(*k)).collect();
            let held: Vec<&[f64]> = held.iter().map(Vec::as_slice).collect();
            let reference_held = compared.held(compared.reference);
            let over_periods = || seeded_difference(Measure::LogVariance, &held, &reference_held, PAIRWISE, seed);
            let each = returns.iter().map(|returns| test(Measure::LogVariance, returns, reference, seed));
            let each: Vec<Tested> = each.collect::<Result<_>>()?;
            let of = |f: fn(&Tested) -> f64| each.iter().map(f).collect::<Vec<f64>>();
            self.seeds.push(SeedFinding {
                group: group.to_string(),
                network,
                n_seeds: seeds.len(),
                variance: tested(Measure::LogVariance)?,
                holding_variance: compared.has_periods().then(over_periods).transpose()?,
                sharpe: tested(Measure::SharpeRatio)?,
                training: metrics::standard_deviation(&of(|tested| tested.bootstrap.estimate)),
                sampling: metrics::mean(&of(|tested| tested.bootstrap.standard_error)),
            });
        }
        Ok(())
    }
}

/// For each portfolio the place of the first that it nearly equals.
fn originals(daily: &DailyReturns, per_year: f64) -> Vec<usize> {
    let mut original: Vec<usize> = Vec::new();
    for (k, series) in daily.portfolios.iter().enumerate() {
        let is_copy = |j: &usize| {
            let gaps: Vec<f64> = series.returns.iter().zip(&daily.portfolios[*j].returns).map(|(a, b)| a - b).collect();
            original[*j] == *j && metrics::volatility_annual(&gaps, per_year) < COPY
        };
        original.push((0..k).find(is_copy).unwrap_or(k));
    }
    original
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
