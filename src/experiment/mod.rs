//! A TOML file to a resumable run: what to compare, on which windows.
//!
//! # A run
//!
//! `experiment::run` (`run.rs`) fixes a `Plan` (names, sizes and dates are checked before anything is computed), then works in blocks
//! of decision dates; `fits.rs` fits estimators and networks for each year that a block enters. Within a block, universe, window and all covariances are computed in parallel over dates; a `Window`
//! computes its moments and decompositions once for all estimators. Then each portfolio (estimator × allocator) is followed
//! date by date, in parallel over portfolios, so that a solver can start from the portfolio's own last weights. Each date
//! is stored as `windows/00042.json` before the next block begins. When all dates are there, `evaluate` lets the weights
//! drift through the returns and `output` writes the tables of numbers; both are pure functions of the stored dates and the
//! panel. `results` then makes everything that is for eyes from these files.
//!
//! Timing: on decision date d the inputs are the returns of days d−T … d−1. Day d executes at its close and is earned by
//! the old weights. The new weights earn d+1 … d+h, and d+h is the next decision date.
//!
//! A stored date carries a checksum of its content, its number and the run it belongs to; one that was changed is computed again, with
//! all after it, and said. Whoever works on dates, accounts, a model or a panel holds the lock of that unit (`data/lock.rs`), which the
//! operating system releases with the process.
//!
//! A portfolio has no return before it first exists and none after a ruin: null in `returns.parquet`, and left out of tests. Holders of a
//! listing that ends earn its delisting return on the day after, in `run` as in `simulate`.
//!
//! A portfolio that does not exist on a date (a singular covariance, say) keeps its old positions; the date is counted in
//! the table's column *undefined* and the reason stands in `diagnostics.parquet`.
//!
//! A sweep is the same experiment at several sizes of the universe (`experiment/sweep.rs`): each size is a run in a folder of
//! its own, whose dates stay stored until all sizes are finished.

mod accounts;
mod evaluate;
mod fits;
mod job;
mod market;
mod networks;
mod notes;
mod output;
mod plan;
mod run;
mod simulation;
mod simulation_output;
mod start;
mod store;
mod sweep;
mod targets;
mod watched;
mod windows;

use std::path::{Path, PathBuf};

pub use crate::description::{
    Compare, Data, Experiment, Figures, Leverage, LeverageGrid, Provenance, Rates, RatesTable, Simulation, Sweep,
    WalkForward,
};
pub use job::{Job, Resources};
pub use market::MarketData;
pub use networks::{Share, Training};
pub use notes::notes;
pub use run::{RunSummary, run};
pub use simulation::{Inputs, Simulated, check_simulation, discard_simulation, simulate};
pub use sweep::{SweepRow, SweptRun, discard, sweep};
pub use targets::{Foreign, TargetPortfolio, read_portfolios};

use crate::cuda::Ceilings;
use crate::error::Result;
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

    /// How far a network is that they wait for.
    fn training(training: Training, what: &'static str, done: usize, total: usize) -> Self {
        Self { training: Some(training), ..Self::new(what, done, total) }
    }
}

/// Trains the networks that an experiment needs, or what is left of them, and returns the files of their models.
///
/// [`run`] does the same as it comes to each year. The same job continues from the last checkpoint after an interruption.
pub fn train(mut job: Job<'_>, share: &Share) -> Result<Vec<PathBuf>> {
    let plan = Plan::new(job.experiment, job.market)?;
    let networks = Networks::new(&plan, &job)?;
    networks.train_all(&plan.years(), share, &mut |training| job.show(Progress::training(training, "models", 0, 0)))
}

/// Measures the first steps of each recipe that the experiment trains, beside what the device can do, and writes nothing.
pub fn profile(job: &Job<'_>, limits: Option<Ceilings>, steps: usize) -> Result<Vec<(String, Profiled)>> {
    let plan = Plan::new(job.experiment, job.market)?;
    Networks::new(&plan, job)?.profile_all(steps, limits)
}

/// Forgets the networks of an experiment, finished or not.
pub fn discard_networks(folder: &Path) -> Result<()> {
    networks::discard(folder)
}
