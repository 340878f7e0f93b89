//! A TOML file to a resumable run: what to compare, on which windows.

mod accounts;
mod choices;
mod config;
mod evaluate;
mod explained;
mod fits;
mod market;
mod networks;
mod notes;
mod output;
mod plan;
mod run;
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
use std::sync::atomic::AtomicBool;

use serde::Serialize;

pub use config::{Compare, Data, Experiment, Figures, Sweep, WalkForward};
pub use market::{ExclusionCount, Market};
pub use networks::{Resources, Share, Training};
pub use notes::notes;
pub use run::{Finished, run, run_with};
pub use simulation::{Inputs, Simulated, check_simulation, discard_simulation, simulate};
pub use simulation_config::{Leverage, LeverageGrid, Rates, RatesTable, Simulation};
pub use sweep::{SweepRow, SweptRun, discard, sweep};
pub use targets::{Foreign, Portfolio, read_portfolios};

use crate::cuda::Ceilings;
use crate::error::Result;
use crate::program::Program;
use crate::train::Profiled;

use networks::Networks;
use plan::Plan;

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
    /// Version and commit.
    #[serde(flatten)]
    pub program: Program,
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
