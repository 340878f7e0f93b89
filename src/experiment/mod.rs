//! From an experiment in a TOML file to a run that can be interrupted and resumed.
//!
//! # A run
//!
//! `experiment::run` (`run.rs`) fixes a `Plan` (names, sizes and dates are checked before anything is computed), then
//! works in blocks of decision dates; `fits.rs` fits estimators and networks for each year that a block enters. Within
//! a block, universe, window and all covariances are computed in parallel over dates; a `Window` computes its moments
//! and decompositions once for all estimators. Then each portfolio (estimator × allocator) is followed date by date,
//! in parallel over portfolios, so that a solver can start from the portfolio's own last weights. Each date is stored
//! as `windows/00042.json` before the next block begins. When all dates are stored, `evaluate` lets the weights drift
//! with the returns and `output` writes the tables of numbers; both are pure functions of the stored dates and the
//! panel. From these files `results` then makes the figures, formatted tables and pages.
//!
//! Timing: on decision date d the inputs are the returns of days d−T … d−1. The new weights are executed at the close
//! of day d, so the old weights earn the return of day d. The new weights earn the returns of d+1 … d+h, where d+h is
//! the next decision date.
//!
//! A stored date carries a checksum of its content, its number and the run it belongs to. If one was changed, it is
//! computed again together with all later dates, and the user is notified. A process that works on dates, accounts, a
//! model or a panel holds the lock of that unit (`data/lock.rs`); the operating system releases it when the process
//! ends.
//!
//! A portfolio has no return before it first exists and none after a ruin: the value is null in `returns.parquet`, and
//! tests leave it out. Holders of a listing that ends earn its delisting return on the following day, in `run` as in
//! `simulate`.
//!
//! A portfolio that does not exist on a date (a singular covariance, say) keeps its old positions. The table counts
//! such dates in its column *undefined*, and `diagnostics.parquet` gives the reason.
//!
//! A sweep repeats an experiment for several sizes of the universe (`experiment/sweep.rs`): each size is a run in a
//! folder of its own, whose dates stay stored until all sizes are finished.

mod accounts;
mod evaluate;
mod fits;
mod fitted;
mod forecasts;
mod job;
mod market;
mod networks;
mod notes;
mod output;
mod plan;
mod run;
mod scores;
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
    Compare, Data, Experiment, Figures, Leverage, LeverageGrid, Point, Provenance, Rates, RatesTable, Simulation,
    Sweep, WalkForward,
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

/// Progress of a run or a simulation.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Plural name of the items that are counted: dates or accounts.
    pub what: &'static str,
    /// Number of items stored.
    pub done: usize,
    /// Total number of items.
    pub total: usize,
    /// The network in training, if one is.
    pub training: Option<Training>,
    /// In a sweep, the run in progress.
    pub point: Option<Point>,
    /// Messages for the user, for example that a stored date was damaged.
    pub notes: Vec<String>,
}

impl Progress {
    /// Progress of `done` items out of `total`.
    fn new(what: &'static str, done: usize, total: usize) -> Self {
        Self { what, done, total, training: None, point: None, notes: Vec::new() }
    }

    /// Progress of a network in training that the items wait for.
    fn training(training: Training, what: &'static str, done: usize, total: usize) -> Self {
        Self { training: Some(training), ..Self::new(what, done, total) }
    }
}

/// Trains the networks that an experiment needs and that are not trained yet. Returns the files of their models.
///
/// [`run`] trains them by itself as it comes to each year. After an interruption the same job continues from the last
/// checkpoint.
pub fn train(mut job: Job<'_>, share: &Share) -> Result<Vec<PathBuf>> {
    let plan = Plan::new(job.experiment, job.market)?;
    let networks = Networks::new(&plan, &job)?;
    networks.train_all(&plan.years(), share, &mut |training| job.show(Progress::training(training, "models", 0, 0)))
}

/// Measures the first `steps` steps of each recipe that the experiment trains, compared with the device's `limits`.
/// Writes nothing.
pub fn profile(job: &Job<'_>, limits: Option<Ceilings>, steps: usize) -> Result<Vec<(String, Profiled)>> {
    let plan = Plan::new(job.experiment, job.market)?;
    Networks::new(&plan, job)?.profile_all(steps, limits)
}

/// Removes the networks of an experiment, finished or not. Fails if a process is training one.
pub fn discard_networks(folder: &Path) -> Result<()> {
    networks::discard(folder)
}
