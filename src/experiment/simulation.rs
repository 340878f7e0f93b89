//! Accounts that trade stored target weights.
//!
//! Every account is stored when it is finished, so that an interrupted simulation can continue. `simulation_output.rs`
//! writes the results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;

use crate::costs::{BenchmarkRate, Profile, Schedules};
use crate::data::{hash_file, read_rates, read_text, remove_partial_files};
use crate::description::{Provenance, RunFile};
use crate::error::{Error, Result};
use crate::experiment::accounts::{AccountTask, Bench, StoredAccount};
use crate::experiment::job::{Job, Work};
use crate::experiment::store::Store;
use crate::experiment::targets::{Foreign, TargetPortfolio, read_portfolios};
use crate::experiment::{Experiment, Progress, Simulation};
use crate::panel::stand_ins;
use crate::program::computation;
use crate::render::{AccountRow, Sheet};
use crate::results::{Results, redraw};

/// Accounts computed together, per thread.
const ACCOUNTS_PER_THREAD: usize = 8;
/// What `keep_capital` does.
const KEEP_CAPITAL: &str =
    "at every rebalance what exceeds the starting capital is paid out, and what is missing is paid in";
/// Name of the folder of stored accounts.
const ACCOUNTS: &str = "accounts";

/// The files from which a simulation takes its inputs.
#[derive(Default)]
pub struct Inputs {
    /// File of weights, or the folder of a run: from this experiment or elsewhere.
    pub weights: PathBuf,
    /// The folder of data, in which the experiment's file of `rates` is looked up.
    pub data: PathBuf,
    /// How to read and check weights that were not written by a run; `None` for a run's own weights.
    pub foreign: Option<Foreign>,
}

/// Outcome of a finished simulation.
pub struct Simulated {
    /// One row per account.
    pub rows: Vec<AccountRow>,
    /// The tables of `table.md`.
    pub sheets: Vec<Sheet>,
    /// What was guessed when weights and rates were read, one sentence each.
    pub read: Vec<String>,
    /// What had to be assumed for lack of data, one sentence each.
    pub stand_ins: Vec<String>,
    /// Seconds of work over all sessions.
    pub seconds: f64,
}

/// Simulates every portfolio of the weights with every profile, capital and leverage of `[simulation]`, and writes the
/// results into the folder of the job. The same job continues after an interruption.
pub fn simulate(mut job: Job<'_>, inputs: &Inputs) -> Result<Simulated> {
    let start = Instant::now();
    let Job { experiment, market, folder, .. } = job;
    let simulation = experiment.simulation.as_ref().ok_or_else(|| Error::Undefined {
        what: "simulation",
        why: "the experiment has no [simulation] with profiles".to_string(),
    })?;
    let panel = &market.panel;
    let schedules_text = schedules_text(simulation)?;
    let (schedules, place) = (&schedules_text.0, &schedules_text.1);
    let schedules = Schedules::parse(schedules, place)?;
    let benchmark = benchmark(simulation, &schedules, &inputs.data)?;
    if !inputs.weights.exists() {
        let place = inputs.weights.display().to_string();
        let rule =
            "no stored target weights; 'minvar run' with this experiment writes them, or give others with --weights";
        return Err(Error::data(place, rule));
    }
    let weights_hash = hash_file(&inputs.weights)?;
    let (portfolios, mut read) = read_portfolios(&inputs.weights, panel, inputs.foreign.as_ref())?;
    let (portfolios, unnamed) = in_order(experiment, portfolios);
    read.extend(unnamed);
    if inputs.foreign.is_none() {
        read.clear(); // nothing has to be guessed in our own files
    }
    read.extend(benchmark.read);
    let bench = Bench::new(experiment, simulation, panel, &portfolios, schedules, benchmark.series, folder)?;
    let accounts = accounts(simulation, &bench.schedules, &portfolios)?;
    let hash = |what: &str| blake3::hash(what.as_bytes()).to_hex().to_string();
    let schedules_hash = hash(&schedules_text.0);
    let config = toml::to_string(experiment).expect("an experiment is plain data");
    let identity =
        [config.as_str(), panel.content_hash(), &weights_hash, &schedules_hash, &benchmark.identity, &computation()];
    let fingerprint = hash(&identity.join("\0"));

    let (store, seconds) = Store::<StoredAccount>::open(folder, ACCOUNTS, &fingerprint)?;
    let total = accounts.len();
    remove_partial_files(&folder.join("ledger"));
    let stored = store.load(total)?;
    job.show(Progress {
        notes: stored.damaged.into_iter().collect(),
        ..Progress::new("accounts", stored.items.len(), total)
    });
    let size = ACCOUNTS_PER_THREAD * rayon::current_num_threads();
    let mut work = Work { what: "accounts", total, size, store: &store, items: stored.items, since: (start, seconds) };
    job.work_off(&mut work, |_, block, _| {
        // Accounts of the same portfolio are simulated side by side, as many as leave no thread idle.
        let share = block.len().div_ceil(rayon::current_num_threads());
        let same = |a: &AccountTask<'_>, b: &AccountTask<'_>| std::ptr::eq(a.portfolio, b.portfolio);
        let groups = accounts[block].chunk_by(same).flat_map(|group| group.chunks(share));
        let groups: Vec<&[AccountTask<'_>]> = groups.collect();
        let finished: Vec<Vec<StoredAccount>> =
            groups.par_iter().with_max_len(1).map(|group| bench.accounts(group)).collect::<Result<_>>()?;
        Ok(finished.into_iter().flatten().collect())
    })?;
    let seconds = work.seconds();
    let finished = work.items;

    let mut assumed = stand_ins(panel);
    if inputs.foreign.is_some() {
        for name in &simulation.profiles {
            if let Some(sessions) = bench.schedules.profile(name)?.rebalance_sessions {
                assumed.push(format!(
                    "profile {name} brings positions back to the newest weights every {sessions} sessions (rebalance_sessions of \
                     the schedules; without it they are traded on their dates)"
                ));
            }
        }
    }
    let profiles = simulation.profiles.iter().map(|name| Ok((name.clone(), bench.schedules.profile(name)?.clone())));
    let profiles: BTreeMap<String, Profile> = profiles.collect::<Result<_>>()?;
    let undated = profiles.values().flat_map(|profile| profile.undated_commissions(&bench.schedules));
    assumed.extend(
        undated
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|name| format!("the commission {name} is one constant, that of today, in every year")),
    );
    if simulation.keep_capital {
        assumed.push(KEEP_CAPITAL.to_string());
    }
    assumed.push(benchmark.sentence.clone());
    if let Some(first) = bench.rates_stand_in() {
        assumed.push(format!("before {} interest follows the mean of that year", first.year()));
    }
    let rows: Vec<AccountRow> = finished.iter().map(|account| account.row.clone()).collect();
    bench.write(&finished, &rows, folder)?;
    let provenance = Provenance {
        weights_hash: Some(weights_hash),
        schedules_hash: Some(schedules_hash),
        benchmark: Some(benchmark.sentence),
        n_accounts: Some(rows.len()),
        read: read.clone(),
        stand_ins: assumed.clone(),
        ..market.provenance("cpu", seconds)
    };
    let seconds = provenance.duration_seconds;
    RunFile::new(provenance, experiment.clone()).with_profiles(profiles).write(&folder.join("run.toml"))?;
    let results = Results::open_simulation(folder)?;
    redraw(&results)?;
    let sheets = results.simulation_sheets(&results.simulations[0])?;
    store.close()?;
    Ok(Simulated { rows, sheets, read, stand_ins: assumed, seconds })
}

/// Refuses schedules, profiles and rates that cannot be used, before anything is computed; `data` is the folder of the
/// rates.
pub fn check_simulation(simulation: &Simulation, data: &Path) -> Result<()> {
    let (text, place) = schedules_text(simulation)?;
    let schedules = Schedules::parse(&text, &place)?;
    simulation.profiles.iter().try_for_each(|name| schedules.profile(name).map(|_| ()))?;
    benchmark(simulation, &schedules, data).map(|_| ())
}

/// Removes an unfinished simulation.
pub fn discard_simulation(folder: &Path) -> Result<()> {
    Store::<StoredAccount>::discard(folder, ACCOUNTS)
}

/// The text of the schedules, and the name to call them by in messages.
fn schedules_text(simulation: &Simulation) -> Result<(String, String)> {
    Ok(match &simulation.schedules {
        Some(path) => (read_text(path)?, path.display().to_string()),
        None => (crate::costs::DEFAULT_SCHEDULES.to_string(), "the built-in schedules".to_string()),
    })
}

/// The benchmark rate of a simulation, with what is to be recorded about it.
struct Interest {
    series: BenchmarkRate,
    /// A sentence for the user: where the interest rates come from.
    sentence: String,
    /// A hash or name, equal for equal rates.
    identity: String,
    /// What was guessed when the rates were read.
    read: Vec<String>,
}

fn benchmark(simulation: &Simulation, schedules: &Schedules, data: &Path) -> Result<Interest> {
    match &simulation.rates {
        Some(rates) => {
            let path = data.join(rates.file());
            let rows = read_rates(&path, &rates.options())?;
            Ok(Interest {
                series: BenchmarkRate::daily(rows.dates, rows.percent, &path.display().to_string())?,
                sentence: format!("interest follows the daily rates of {}", rates.file().display()),
                identity: hash_file(&path)?,
                read: rows.notes,
            })
        }
        None => {
            let sentence = "interest follows yearly means of the federal funds rate; no daily series was given";
            let series = BenchmarkRate::yearly(schedules);
            Ok(Interest { series, sentence: sentence.to_string(), identity: String::new(), read: Vec::new() })
        }
    }
}

/// The portfolios in the experiment's order, then those it does not name, and a note that lists the latter.
fn in_order(experiment: &Experiment, mut portfolios: Vec<TargetPortfolio>) -> (Vec<TargetPortfolio>, Option<String>) {
    let compare = &experiment.compare;
    let place = |portfolio: &TargetPortfolio| {
        let allocator = compare.allocators.iter().position(|choice| choice.label == portfolio.name.allocator)?;
        let estimator = match &portfolio.name.estimator {
            Some(label) => compare.estimators.iter().position(|choice| choice.label == *label)?,
            None => 0,
        };
        Some((allocator, estimator))
    };
    portfolios.sort_by_key(|portfolio| place(portfolio).map_or((usize::MAX, 0), |place| place));
    let others: Vec<String> = portfolios.iter().filter(|p| place(p).is_none()).map(|p| p.name.title()).collect();
    let note = (!others.is_empty() && others.len() < portfolios.len()).then(|| {
        format!(
            "the weights contain portfolios that the experiment does not name: {}; they are traded too",
            others.join(", ")
        )
    });
    (portfolios, note)
}

/// Every account to simulate; the leverages of a portfolio follow one another.
fn accounts<'a>(
    simulation: &'a Simulation,
    schedules: &'a Schedules,
    portfolios: &'a [TargetPortfolio],
) -> Result<Vec<AccountTask<'a>>> {
    let mut accounts = Vec::new();
    for name in &simulation.profiles {
        let profile = schedules.profile(name)?;
        let default = [profile.capital_usd];
        let capitals = if simulation.capital_usd.is_empty() { &default[..] } else { &simulation.capital_usd };
        for &capital_usd in capitals {
            for portfolio in portfolios {
                for leverage in simulation.leverage.values() {
                    accounts.push(AccountTask {
                        number: accounts.len(),
                        portfolio,
                        name,
                        profile,
                        capital_usd,
                        leverage,
                    });
                }
            }
        }
    }
    Ok(accounts)
}
