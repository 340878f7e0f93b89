//! A TOML file to a resumable run: what to compare, on which windows.

mod accounts;
mod config;
mod evaluate;
mod explained;
mod market;
mod networks;
mod notes;
mod output;
mod plan;
mod simulation;
mod simulation_config;
mod simulation_output;
mod start;
mod store;
mod sweep;
mod targets;
mod watched;
mod windows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;

pub use config::{Compare, Data, Experiment, Figures, Sweep, WalkForward};
pub use market::{ExclusionCount, Market};
pub use networks::{Resources, Share, Training};
pub use notes::notes;
pub use simulation::{Inputs, Simulated, check_simulation, discard_simulation, simulate};
pub use simulation_config::{Leverage, LeverageGrid, Rates, RatesTable, Simulation};
pub use sweep::{SweepRow, SweptRun, sweep};
pub use targets::{Foreign, Portfolio, read_portfolios};

use crate::cuda::Ceilings;
use crate::data::write_text;
use crate::error::{Error, Result};
use crate::report::Performance;
use crate::results::{self, Results};
use crate::train::Profiled;

use networks::Networks;
use plan::Plan;
use store::Store;
use windows::{Decision, Fits};

/// Dates computed together, per thread: enough to share the work evenly, few enough to fit the memory.
const DATES_PER_THREAD: usize = 2;
/// The folder of stored dates.
const DATES: &str = "windows";

/// How far a run or a simulation is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What is counted: dates or accounts.
    pub what: &'static str,
    /// How many are stored.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// The network that is being trained, if one is.
    pub training: Option<Training>,
    /// The size of the universe in work, in a sweep.
    pub size: Option<usize>,
    /// What the user should know, such as a stored date that was damaged.
    pub notes: Vec<String>,
}

impl Progress {
    /// How many are done.
    fn new(what: &'static str, done: usize, total: usize) -> Self {
        Self { what, done, total, training: None, size: None, notes: Vec::new() }
    }
}

/// Where a result came from; written to `run.toml`.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// Version of minvar.
    pub version: String,
    /// Commit of the source.
    pub commit: String,
    /// Content hash of the panel.
    pub data_hash: String,
    /// Where it was computed.
    pub device: String,
    /// Threads of the last session.
    pub threads: usize,
    /// Seconds of work over all sessions.
    pub duration_seconds: f64,
    /// Decision dates.
    pub n_decisions: usize,
    /// Returns that were missing inside accepted windows, over all windows.
    pub n_filled: usize,
    /// What assets were ranked by, where the panel lacks what the rules ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranked_by: Option<String>,
    /// Days in a year, if not 252.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods_per_year: Option<f64>,
    /// Repairs and fallbacks of each estimator, by its label: how many eigenvalues, assets or steps, over all windows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub repairs: BTreeMap<String, BTreeMap<String, usize>>,
    /// What `exclude` in `[data]` left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<ExclusionCount>,
    /// Hash of the parameters of every network that came from a file, by its label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct RunFile<'a> {
    provenance: &'a Provenance,
    experiment: &'a Experiment,
}

/// A finished run.
pub struct Finished {
    /// One row per portfolio.
    pub rows: Vec<Performance>,
    /// What `run.toml` says.
    pub provenance: Provenance,
    /// Portfolios that were undefined on every date, with the reason of the last one.
    pub never_defined: Vec<String>,
}

/// Runs an experiment, or what is left of it, and writes its results into `folder`.
///
/// Every finished date is stored at once. When `stop` becomes true, the dates in work are finished, stored, and the
/// run returns [`Error::Interrupted`]; the same call continues.
pub fn run(
    experiment: &Experiment,
    market: &Market,
    folder: &Path,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Finished> {
    run_with(experiment, market, folder, Resources::default(), stop, progress)
}

/// The same with networks trained and applied elsewhere than on the processor, or several at once.
pub fn run_with(
    experiment: &Experiment,
    market: &Market,
    folder: &Path,
    resources: Resources<'_>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Finished> {
    let (finished, store) = run_and_keep(experiment, market, folder, resources, stop, progress)?;
    store.close()?;
    Ok(finished)
}

/// The same, but the stored dates stay, still locked: a repetition finds them all and writes the results again.
fn run_and_keep(
    experiment: &Experiment,
    market: &Market,
    folder: &Path,
    resources: Resources<'_>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Finished, Store<Decision>)> {
    let start = Instant::now();
    let plan = Plan::new(experiment, market)?;
    let networks = Networks::new(&plan, folder, resources, stop)?;
    let fingerprint = fingerprint(experiment, market, &networks, resources.compute.name());
    let (store, seconds) = Store::<Decision>::open(folder, DATES, &fingerprint)?;
    let total = plan.decisions.len();
    let stored = store.load(total)?;
    let mut decisions = stored.items;
    let at = |done: usize| Progress::new("dates", done, total);
    let notes = networks.notes.iter().cloned().chain(stored.damaged).collect();
    progress(Progress { notes, ..at(decisions.len()) });
    if resources.parallel_models > 1 {
        let done = decisions.len();
        let training = &mut |training| progress(Progress { training: Some(training), ..at(done) });
        networks.train_all(&plan.years(), &Share::default(), training)?;
    }
    let block = DATES_PER_THREAD * rayon::current_num_threads();
    let mut fits = Fits::new();
    while decisions.len() < total {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted { what: "dates", done: decisions.len(), total });
        }
        let from = decisions.len();
        let days = &plan.decisions[from..(from + block).min(total)];
        let done = decisions.len();
        let training = &mut |training| progress(Progress { training: Some(training), ..at(done) });
        let decided = windows::decide_block(&plan, &networks, &mut fits, days, &decisions, training)?;
        store.save_seconds(seconds + start.elapsed().as_secs_f64())?;
        for decision in decided {
            store.save(decisions.len(), &decision)?;
            decisions.push(decision);
        }
        progress(at(decisions.len()));
    }
    let rows = output::write(&plan, &decisions, folder)?;
    if !experiment.figures.eigenvalues.is_empty() {
        let maps = windows::eigenvalue_maps(&plan, &networks, &mut fits, &mut |_| {})?;
        output::write_eigenvalues(&maps, folder)?;
    }
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").to_string(),
        commit: env!("MINVAR_COMMIT").to_string(),
        data_hash: market.panel.content_hash().to_string(),
        device: resources.compute.name().to_string(),
        threads: rayon::current_num_threads(),
        duration_seconds: (10.0 * (seconds + start.elapsed().as_secs_f64())).round() / 10.0,
        n_decisions: total,
        n_filled: decisions.iter().map(|d| d.n_filled).sum(),
        ranked_by: market.ranked_by(experiment).map(|rank_by| rank_by.name().to_string()),
        periods_per_year: market.unusual_periods_per_year(),
        repairs: repairs(experiment, &decisions),
        excluded: market.exclusion_count(),
        models: networks.models,
    };
    let text = toml::to_string(&RunFile { provenance: &provenance, experiment }).expect("a run is plain data");
    write_text(&folder.join("run.toml"), &text)?;
    redraw(folder)?;
    Ok((Finished { rows, provenance, never_defined: never_defined(&plan, &decisions) }, store))
}

/// Tables and figures from the files of a finished run.
fn redraw(folder: &Path) -> Result<()> {
    results::redraw(&Results::open(folder)?)
}

/// One line for each portfolio that never existed.
fn never_defined(plan: &Plan<'_>, decisions: &[Decision]) -> Vec<String> {
    let line = |(number, pair): (usize, &plan::Pair)| {
        let why = |decision: &Decision| match &decision.allocations[number] {
            windows::Allocation::Undefined(why) => Some(why.clone()),
            windows::Allocation::Weights { .. } => None,
        };
        let reasons: Option<Vec<String>> = decisions.iter().map(why).collect();
        Some(format!("{} of {}: {}", pair.allocator_label, pair.estimator_label, reasons?.last()?))
    };
    plan.pairs.iter().enumerate().filter_map(line).collect()
}

/// Repairs over all dates, by the label of the estimator.
fn repairs(experiment: &Experiment, decisions: &[Decision]) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for decision in decisions {
        for (choice, repairs) in experiment.compare.estimators.iter().zip(&decision.repairs) {
            for repair in repairs {
                *counts.entry(choice.label.clone()).or_default().entry(repair.what.clone()).or_default() +=
                    repair.count;
            }
        }
    }
    counts
}

/// Trains the networks that an experiment needs, or what is left of them, and returns the files of their models.
///
/// [`run`] does the same as it comes to each year. When `stop` becomes true, the step in work is finished, its
/// checkpoint stored, and [`Error::Interrupted`] returned; the same call continues.
pub fn train(
    experiment: &Experiment,
    market: &Market,
    folder: &Path,
    share: &Share,
    resources: Resources<'_>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Training),
) -> Result<Vec<PathBuf>> {
    let plan = Plan::new(experiment, market)?;
    Networks::new(&plan, folder, resources, stop)?.train_all(&plan.years(), share, progress)
}

/// Measures the first steps of each recipe that the experiment trains, beside what the device can do, and writes nothing.
pub fn profile(
    experiment: &Experiment,
    market: &Market,
    resources: Resources<'_>,
    limits: Option<Ceilings>,
    steps: usize,
) -> Result<Vec<(String, Profiled)>> {
    let (plan, stop) = (Plan::new(experiment, market)?, AtomicBool::new(false));
    Networks::new(&plan, Path::new(""), resources, &stop)?.profile_all(steps, limits)
}

/// Forgets the networks of an experiment, finished or not.
pub fn discard_networks(folder: &Path) -> Result<()> {
    networks::discard(folder)
}

/// Forgets an unfinished run or sweep.
pub fn discard(experiment: &Experiment, folder: &Path) -> Result<()> {
    sweep::discard(experiment, folder)?;
    Store::<Decision>::discard(folder, DATES)
}

/// Equal for runs whose dates may be mixed: configuration, data, program and device are the same.
fn fingerprint(experiment: &Experiment, market: &Market, networks: &Networks<'_>, device: &str) -> String {
    let config = toml::to_string(experiment).expect("an experiment is plain data");
    let mut hasher = blake3::Hasher::new();
    let models = networks.models.values().map(|hash| hash.as_str()).collect::<String>();
    let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("MINVAR_COMMIT"));
    for part in [config.as_str(), market.panel.content_hash(), version, commit, &models, device] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}
