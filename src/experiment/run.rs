//! The walk-forward run: dates in blocks, each stored when it is decided, then tables, figures and provenance.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;

use crate::data::write_text;
use crate::error::{Error, Result};
use crate::experiment::fits::Fits;
use crate::experiment::networks::Networks;
use crate::experiment::plan::{Pair, Plan};
use crate::experiment::store::Store;
use crate::experiment::windows::{Allocation, Decision, decide_block, eigenvalue_maps};
use crate::experiment::{Experiment, Market, Progress, Provenance, Resources, Share, output};
use crate::program::{Program, computation};
use crate::report::Performance;
use crate::results::{self, Results};

/// Dates computed together, per thread: enough to share the work evenly, few enough to fit the memory.
const DATES_PER_THREAD: usize = 2;
/// The folder of stored dates.
pub(super) const DATES: &str = "windows";

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
pub(super) fn run_and_keep(
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
    let mut fits = Fits::new(&plan, &networks);
    while decisions.len() < total {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted { what: "dates", done: decisions.len(), total });
        }
        let from = decisions.len();
        let days = &plan.decisions[from..(from + block).min(total)];
        let done = decisions.len();
        fits.enter(days, &mut |training| progress(Progress { training: Some(training), ..at(done) }))?;
        let decided = decide_block(&fits, days, &decisions)?;
        store.save_seconds(seconds + start.elapsed().as_secs_f64())?;
        for decision in decided {
            store.save(decisions.len(), &decision)?;
            decisions.push(decision);
        }
        progress(at(decisions.len()));
    }
    let rows = output::write(&plan, &decisions, folder)?;
    if !experiment.figures.eigenvalues.is_empty() {
        let maps = eigenvalue_maps(&mut fits)?;
        output::write_eigenvalues(&maps, folder)?;
    }
    let provenance = Provenance {
        program: Program::this(),
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
        models: networks.models.clone(),
    };
    let text = toml::to_string(&RunFile { provenance: &provenance, experiment }).expect("a run is plain data");
    write_text(&folder.join("run.toml"), &text)?;
    redraw(folder)?;
    Ok((Finished { rows, provenance, never_defined: never_defined(&plan, &decisions) }, store))
}

/// Tables and figures from the files of a finished run.
pub(super) fn redraw(folder: &Path) -> Result<()> {
    results::redraw(&Results::open(folder)?)
}

/// One line for each portfolio that never existed.
fn never_defined(plan: &Plan<'_>, decisions: &[Decision]) -> Vec<String> {
    let line = |(number, pair): (usize, &Pair)| {
        let why = |decision: &Decision| match &decision.allocations[number] {
            Allocation::Undefined(why) => Some(why.clone()),
            Allocation::Weights { .. } => None,
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

/// Equal for runs whose dates may be mixed: configuration, data, computation and device are the same.
fn fingerprint(experiment: &Experiment, market: &Market, networks: &Networks<'_>, device: &str) -> String {
    let config = toml::to_string(experiment).expect("an experiment is plain data");
    let mut hasher = blake3::Hasher::new();
    let models = networks.models.values().map(|hash| hash.as_str()).collect::<String>();
    for part in [config.as_str(), market.panel.content_hash(), &computation(), &models, device] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}
