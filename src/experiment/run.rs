//! The walk-forward run: dates in blocks, each stored when decided, then tables, figures and provenance.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::description::RunFile;
use crate::error::Result;
use crate::experiment::fits::Fits;
use crate::experiment::job::{Job, Work};
use crate::experiment::networks::Networks;
use crate::experiment::plan::{Pair, Plan};
use crate::experiment::store::Store;
use crate::experiment::windows::{Allocation, Decision, decide_block, eigenvalue_maps};
use crate::experiment::{Experiment, MarketData, Progress, Provenance, Share, output};
use crate::program::computation;
use crate::render::Performance;
use crate::results::{self, Results};

/// Dates computed together, per thread: enough to share the work evenly, few enough to fit in memory.
const DATES_PER_THREAD: usize = 2;
/// Plural name of decision dates in progress reports.
const DECISIONS: &str = "dates";
/// Name of the folder of stored dates.
pub(super) const DATES: &str = "windows";

/// A finished run.
pub struct RunSummary {
    /// One row per portfolio.
    pub rows: Vec<Performance>,
    /// Number of decision dates.
    pub n_decisions: usize,
    /// Number of returns that were missing inside accepted windows, over all windows.
    pub n_filled: usize,
    /// The provenance, as written to `run.toml`.
    pub provenance: Provenance,
    /// Portfolios that were undefined on every date, each with its last reason.
    pub never_defined: Vec<String>,
}

/// Runs an experiment, or continues one that was interrupted, and writes its results into the folder of the job.
///
/// Every finished date is stored at once, so the same job continues after an interruption.
pub fn run(job: Job<'_>) -> Result<RunSummary> {
    let (finished, store) = run_and_keep(job, false)?;
    store.close()?;
    Ok(finished)
}

/// [`run`], except that the stored dates stay in place, still locked, so that a repetition finds them all and only
/// writes the results again; for a run of a sweep.
pub(super) fn run_and_keep(mut job: Job<'_>, is_of_sweep: bool) -> Result<(RunSummary, Store<Decision>)> {
    let start = Instant::now();
    let Job { experiment, market, folder, resources, .. } = job;
    let plan = Plan::new(experiment, market)?;
    let networks = Networks::new(&plan, &job)?;
    let fingerprint = fingerprint(experiment, market, &networks, resources.compute.name());
    let (store, seconds) = Store::<Decision>::open(folder, DATES, &fingerprint)?;
    let total = plan.decisions.len();
    let stored = store.load(total)?;
    let done = stored.items.len();
    let date = |day: &usize| market.panel.calendar().date(*day);
    let span = plan.decisions.first().zip(plan.decisions.last()).map(|(from, to)| (date(from), date(to)));
    let span = span.map(|(from, to)| format!("{total} decisions from {from} to {to}"));
    let told = span.filter(|_| experiment.walk_forward.first.is_none());
    let told = told.map(|span| format!("{span}; set first and last in [walk_forward] to change that"));
    let notes = told.into_iter().chain(networks.notes.iter().cloned()).chain(stored.damaged).collect();
    job.show(Progress { notes, ..Progress::new(DECISIONS, done, total) });
    if resources.parallel_models > 1 {
        let training = &mut |training| job.show(Progress::training(training, DECISIONS, done, total));
        networks.train_all(&plan.years(), &Share::default(), training)?;
    }
    let size = DATES_PER_THREAD * rayon::current_num_threads();
    let chosen = stored.items.iter().flat_map(|decision| decision.fitted.clone()).collect();
    let mut fits = Fits::new(&plan, &networks, chosen);
    let mut work = Work { what: DECISIONS, total, size, store: &store, items: stored.items, since: (start, seconds) };
    job.work_off(&mut work, |job, block, decided| {
        let days = &plan.decisions[block];
        let done = decided.len();
        fits.enter(days, &mut |training| job.show(Progress::training(training, DECISIONS, done, total)))?;
        decide_block(&fits, days, decided)
    })?;
    let seconds = work.seconds();
    let decisions = work.items;
    results::discard_tests(folder)?; // of the returns that are written now, nothing is known yet
    let rows = output::write(&plan, &decisions, folder, is_of_sweep)?;
    if !experiment.figures.eigenvalues.is_empty() {
        let maps = eigenvalue_maps(&mut fits)?;
        output::write_eigenvalues(&maps, folder)?;
    }
    let n_filled = decisions.iter().map(|d| d.n_filled).sum();
    let provenance = Provenance {
        n_decisions: Some(total),
        n_filled: Some(n_filled),
        ranked_by: market.ranked_by(experiment).map(|rank_by| rank_by.name().to_string()),
        repairs: repairs(experiment, &decisions),
        models: networks.models.clone(),
        reference: experiment.evidence.reference.clone(),
        ..market.provenance(resources.compute.name(), seconds)
    };
    RunFile::new(provenance.clone(), experiment.clone()).write(&folder.join("run.toml"))?;
    redraw(folder)?;
    let never_defined = never_defined(&plan, &decisions);
    Ok((RunSummary { rows, n_decisions: total, n_filled, provenance, never_defined }, store))
}

/// Makes the tables and figures from the files of a finished run.
pub(super) fn redraw(folder: &Path) -> Result<()> {
    results::redraw(&Results::open(folder)?)
}

/// One line, with the reason, for each portfolio that never existed.
fn never_defined(plan: &Plan<'_>, decisions: &[Decision]) -> Vec<String> {
    let line = |(number, pair): (usize, &Pair)| {
        let why = |decision: &Decision| match &decision.allocations[number] {
            Allocation::Undefined(why) => Some(why.clone()),
            Allocation::Weights { .. } => None,
        };
        let reasons: Option<Vec<String>> = decisions.iter().map(why).collect();
        Some(format!("{}: {}", pair.name.title(), reasons?.last()?))
    };
    plan.pairs.iter().enumerate().filter_map(line).collect()
}

/// Counts of repairs over all dates, by the estimator's label.
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

/// Fingerprint of configuration, data, computation and device. Runs with equal fingerprints may share stored dates.
fn fingerprint(experiment: &Experiment, market: &MarketData, networks: &Networks<'_>, device: &str) -> String {
    let config = toml::to_string(experiment).expect("an experiment is plain data");
    let mut hasher = blake3::Hasher::new();
    let models = networks.models.values().map(|hash| hash.as_str()).collect::<String>();
    for part in [config.as_str(), market.panel.content_hash(), &computation(), &models, device] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}
