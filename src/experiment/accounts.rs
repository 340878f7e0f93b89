//! Accounts of a simulation: from target weights to measures, equity and a ledger.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::account::{Entry, Posting};
use crate::calendar::Date;
use crate::costs::{BenchmarkRate, Profile, Schedules};
use crate::data::{Table, TableStream};
use crate::error::{Error, Result};
use crate::experiment::targets::TargetPortfolio;
use crate::experiment::{Experiment, Leverage, Simulation};
use crate::metrics;
use crate::panel::{Panel, SizeRanks};
use crate::policies::{Leveraged, Rebalance, Rounded, Stored};
use crate::render::{AccountRow, annual_bps};
use crate::simulator::{AccountOutcome, Event, EventKind, Followed, Observed, Setting, Simulator, follow_all};

/// Most ledger rows to hold in memory before they are written.
const LEDGER_ROWS: usize = 100_000;
/// Name of the profile without costs, which gives the gross return.
pub(super) const FRICTIONLESS: &str = "frictionless";

/// An account to simulate.
#[derive(Clone, Copy)]
pub(super) struct AccountTask<'a> {
    pub number: usize,
    pub portfolio: &'a TargetPortfolio,
    /// Name of the profile.
    pub name: &'a str,
    pub profile: &'a Profile,
    pub capital_usd: f64,
    pub leverage: f64,
}

/// The stored outcome of a finished account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredAccount {
    pub row: AccountRow,
    /// Growth of 1 from the first day of the account on, net and gross of costs; empty in a grid of leverages.
    pub net: Vec<f64>,
    pub gross: Vec<f64>,
    /// One entry per event: date, kind, symbol, description.
    pub events: Vec<[String; 4]>,
}

/// Inputs that all accounts share.
pub(super) struct Bench<'a> {
    pub panel: &'a Panel,
    pub schedules: Schedules,
    benchmark: BenchmarkRate,
    frictionless: Profile,
    ranks: SizeRanks,
    /// The day of the first trade of any account. Returns begin the day after, as in a run.
    pub first: usize,
    pub end: usize,
    pub is_grid: bool,
    keeps_capital: bool,
    ledger: Option<PathBuf>,
}

impl<'a> Bench<'a> {
    pub fn new(
        experiment: &Experiment,
        simulation: &Simulation,
        panel: &'a Panel,
        portfolios: &[TargetPortfolio],
        schedules: Schedules,
        benchmark: BenchmarkRate,
        folder: &Path,
    ) -> Result<Self> {
        let calendar = panel.calendar();
        let opened = |portfolio: &TargetPortfolio| portfolio.targets.days[0].0;
        let first = portfolios.iter().map(opened).min().expect("there are portfolios");
        let newest = portfolios.iter().max_by_key(|portfolio| opened(portfolio)).expect("there are portfolios");
        let last = experiment.walk_forward.last;
        let end = last.map_or(panel.n_days(), |date| calendar.dates().partition_point(|d| *d <= date));
        if end <= opened(newest) + 1 {
            let (from, to) = (calendar.date(opened(newest)), last.unwrap_or(calendar.date(panel.n_days() - 1)));
            let rule = format!("the weights of {} begin on {from}, with no later day up to {to}", newest.name.short());
            return Err(Error::data("walk_forward", rule));
        }
        for name in &simulation.profiles {
            let profile = schedules.profile(name)?;
            if profile.needs_rates()? {
                benchmark.check(calendar.date(first), calendar.date(end - 1))?;
            }
        }
        let frictionless = Schedules::default().profile(FRICTIONLESS)?.clone();
        let is_grid = matches!(simulation.leverage, Leverage::Grid(_));
        let ledger = simulation.ledger.then(|| folder.join("ledger"));
        let ranks = SizeRanks::new(panel, first, end);
        let keeps_capital = simulation.keep_capital;
        Ok(Self { panel, schedules, benchmark, frictionless, ranks, first, end, is_grid, keeps_capital, ledger })
    }

    /// The first year of the benchmark rates, if accounts begin before it; the rates of that year then stand in for
    /// the earlier ones.
    pub fn rates_stand_in(&self) -> Option<Date> {
        self.benchmark.stands_in(self.panel.calendar().date(self.first))
    }

    /// Simulates accounts that trade the same portfolio and, except in a grid of leverages, the same without costs
    /// beside each.
    pub fn accounts(&self, tasks: &[AccountTask<'_>]) -> Result<Vec<StoredAccount>> {
        let targets = &tasks[0].portfolio.targets;
        let twin = |task: &AccountTask<'_>| Profile {
            rebalance_sessions: task.profile.rebalance_sessions,
            ..self.frictionless.clone()
        };
        let twins: Vec<Profile> = if self.is_grid { Vec::new() } else { tasks.iter().map(twin).collect() };
        let net = tasks.iter().map(|task| (task.profile, task.capital_usd, task.leverage, self.ledger(task)));
        let gross = twins.iter().zip(tasks).map(|(profile, task)| (profile, 1e6, task.leverage, None));
        let mut simulators = Vec::new();
        let (mut policies, mut ledgers) = (Vec::new(), Vec::new());
        for (profile, capital_usd, leverage, ledger) in net.chain(gross) {
            let simulator = Simulator::new(profile, &self.schedules, &self.benchmark, &self.ranks)?;
            let simulator = simulator.keeping_capital(self.keeps_capital);
            let rebalance = profile.rebalance_sessions.map_or(Rebalance::OnDecisions, Rebalance::Every);
            let policy = Rounded { policy: Stored::new(targets, rebalance), step: profile.weight_rounding };
            simulators.push((simulator, capital_usd));
            policies.push(Leveraged { policy, leverage });
            ledgers.push(ledger);
        }
        let observers = ledgers
            .iter_mut()
            .map(|ledger| move |day: &Observed<'_>| ledger.as_mut().map_or(Ok(()), |ledger| ledger.keep(day.postings)));
        let mut observers: Vec<_> = observers.collect();
        let followed = simulators.iter().zip(&mut policies).zip(&mut observers);
        let followed = followed.map(|(((simulator, capital_usd), policy), observe)| Followed {
            simulator,
            capital_usd: *capital_usd,
            policy,
            observe,
        });
        // An account is opened when its portfolio first exists.
        let (panel, assets, first, end) = (self.panel, targets.assets(), targets.days[0].0, self.end);
        let outcomes = follow_all(&Setting { panel, assets, first, end }, followed.collect())?;
        drop(observers);
        ledgers.into_iter().flatten().try_for_each(Ledger::finish)?;
        let (net, gross) = outcomes.split_at(tasks.len());
        Ok(tasks.iter().zip(net).enumerate().map(|(k, (task, net))| self.finished(task, net, gross.get(k))).collect())
    }

    fn ledger(&self, task: &AccountTask<'_>) -> Option<Ledger<'a>> {
        let path = self.ledger.as_ref()?.join(format!("{}.parquet", file_name(task)));
        Some(Ledger { panel: self.panel, file: TableStream::new(&path), rows: Vec::new() })
    }

    fn finished(&self, task: &AccountTask<'_>, net: &AccountOutcome, gross: Option<&AccountOutcome>) -> StoredAccount {
        let calendar = self.panel.calendar();
        let opened = task.portfolio.targets.days[0].0;
        let n_days = net.returns.len();
        let per_year = self.panel.periods_per_year();
        // A ruined account has no measures, and an account that only ever held cash has no Sharpe ratio.
        let is_open = net.ruined.is_none();
        let measured = |x: f64| if is_open { x } else { f64::NAN };
        let sharpe = |returns: &[f64]| {
            if is_open && net.n_fills > 0 { metrics::sharpe_ratio(returns, per_year) } else { f64::NAN }
        };
        let daily = |sum: f64| measured(annual_bps(sum / n_days as f64, per_year));
        // The holder of the account cannot lose more than everything.
        let returns: Vec<f64> = net.returns.iter().map(|r| r.max(-1.0)).collect();
        let date = |day: usize| calendar.date(day).to_string();
        let excess: Vec<f64> = returns.iter().enumerate().map(|(k, r)| r - self.risk_free(opened + 1 + k)).collect();
        let market_bps = daily(net.market);
        let gross_bps = gross.map_or(market_bps, |gross| daily(gross.returns.iter().sum()));
        let sharpe_gross = gross.filter(|gross| gross.ruined.is_none() && gross.n_fills > 0);
        let row = AccountRow {
            name: task.portfolio.name.clone(),
            profile: task.name.to_string(),
            capital_usd: task.capital_usd,
            leverage: task.leverage,
            volatility_annual: measured(metrics::volatility_annual(&returns, per_year)),
            sharpe: sharpe(&returns),
            sharpe_excess: sharpe(&excess),
            sharpe_gross: sharpe_gross.map_or(f64::NAN, |gross| metrics::sharpe_ratio(&gross.returns, per_year)),
            growth_annual: measured(metrics::growth_annual(&returns, per_year)),
            max_drawdown: measured(metrics::max_drawdown(&returns)),
            value_at_risk: measured(metrics::value_at_risk(&returns, 0.05)),
            conditional_value_at_risk: measured(metrics::conditional_value_at_risk(&returns, 0.05)),
            turnover_annual: measured(net.turnover / n_days as f64 * per_year),
            gross_leverage: measured(net.gross),
            gross_bps,
            tracking_bps: market_bps - gross_bps,
            charges_bps: net.charges.map(daily),
            net_bps: daily(net.returns.iter().sum()),
            final_usd: net.equity_usd.last().copied().unwrap_or(task.capital_usd),
            paid_out_usd: net.paid_out_usd,
            n_days,
            n_rebalances: net.n_rebalances,
            n_fills: net.n_fills,
            n_capped: net.n_capped,
            n_unpriced: net.n_unpriced,
            n_endings: net.events.iter().filter(|event| event.kind == EventKind::Ending).count(),
            n_liquidations: net.liquidations().count(),
            first_liquidation: net.liquidations().next().map(date).unwrap_or_default(),
            ruined: net.ruined.map(date).unwrap_or_default(),
        };
        let growth = |returns: &[f64]| {
            let steps = returns.iter().scan(1.0, |equity, r| {
                *equity *= 1.0 + r;
                Some(*equity)
            });
            std::iter::once(1.0).chain(steps).collect::<Vec<f64>>()
        };
        let event = |event: &Event| {
            let symbol = event.asset.map(|asset| self.panel.assets()[asset].symbol.clone());
            [date(event.day), event.kind.name().to_string(), symbol.unwrap_or_default(), event.detail.clone()]
        };
        let is_kept = |event: &&Event| !self.is_grid || event.kind == EventKind::Ruin;
        StoredAccount {
            row,
            net: if self.is_grid { Vec::new() } else { growth(&returns) },
            gross: gross.map_or(Vec::new(), |gross| growth(&gross.returns)),
            events: net.events.iter().filter(is_kept).map(event).collect(),
        }
    }

    /// The benchmark's return from the previous session to `day`.
    fn risk_free(&self, day: usize) -> f64 {
        let calendar = self.panel.calendar();
        let Some(last) = day.checked_sub(1).map(|last| calendar.date(last)) else { return 0.0 };
        let nights = (calendar.date(day) - last).get_days();
        let percent = self.benchmark.at(last).unwrap_or(0.0);
        percent / 100.0 * f64::from(nights) / self.schedules.financing.day_count
    }
}

/// A file name for an account, made of its number, labels, profile, capital and leverage.
fn file_name(task: &AccountTask<'_>) -> String {
    let AccountTask { number, portfolio, name, capital_usd, leverage, .. } = task;
    let words =
        format!("{number:03}-{}-{}-{name}-{capital_usd}-{leverage}", portfolio.name.short(), portfolio.name.allocator);
    words.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect()
}

/// The file of a ledger: all rows up to a day sum to the account's money (cents) and shares on that day.
struct Ledger<'a> {
    panel: &'a Panel,
    file: TableStream,
    /// Rows not yet in the file.
    rows: Vec<Posting>,
}

impl Ledger<'_> {
    fn keep(&mut self, postings: &[Posting]) -> Result<()> {
        self.rows.extend_from_slice(postings);
        if self.rows.len() < LEDGER_ROWS { Ok(()) } else { self.write() }
    }

    fn finish(mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.write()?;
        }
        self.file.finish()
    }

    fn write(&mut self) -> Result<()> {
        let (panel, rows) = (self.panel, &self.rows);
        let symbols = panel.assets().iter().map(|asset| asset.symbol.clone());
        let symbols: Vec<String> = symbols.chain([String::new()]).collect();
        let entries = Entry::ALL.iter().map(|entry| entry.name().to_string()).collect();
        let table = Table::default()
            .with_dates("date", rows.iter().map(|row| panel.calendar().date(row.day)))
            .with_names("entry", rows.iter().map(|row| row.entry as usize), entries)
            .with_names("asset", rows.iter().map(|row| row.asset.unwrap_or(panel.n_assets())), symbols)
            .with_numbers("shares", rows.iter().map(|row| row.shares))
            .with_numbers("price", rows.iter().map(|row| row.price))
            .with_numbers("cents", rows.iter().map(|row| row.cents));
        self.rows.clear();
        self.file.append(table)
    }
}
