//! An experiment repeated for several sizes of the universe.
//!
//! ```text
//! results/<name>/n=<size>/   an ordinary run of that size
//! results/<name>/            metrics.csv with the sizes, table.md and size.svg: volatility against size, run.toml
//! ```
//! Dates of a finished size stay stored until all sizes are finished, so that the same command can continue from any
//! point.

use std::collections::BTreeMap;
use std::path::Path;

use crate::description::{Provenance, RunFile};
use crate::error::Result;
use crate::experiment::run::{DATES, redraw, run_and_keep};
use crate::experiment::store::Store;
use crate::experiment::windows::Decision;
use crate::experiment::{Experiment, Job, Progress};
use crate::render::{Performance, performance_table};

/// A portfolio at one size.
pub struct SweepRow {
    /// `universe.size`.
    pub size: usize,
    /// Its measures.
    pub performance: Performance,
}

/// A finished sweep.
pub struct SweptRun {
    /// One row per size and portfolio.
    pub rows: Vec<SweepRow>,
    /// Seconds of work over all sessions.
    pub seconds: f64,
}

/// Runs the sizes one after the other, each as [`run`](crate::experiment::run) does. The dates of a finished size are
/// all stored, so that in a repetition only its tables are written again.
pub fn sweep(mut job: Job<'_>) -> Result<SweptRun> {
    let Job { experiment, market, folder, resources, stop, .. } = job;
    let sizes = experiment.sweep.as_ref().map_or(&[][..], |sweep| &sweep.size);
    let place = |size: usize| folder.join(format!("n={size}"));
    let (mut rows, mut durations) = (Vec::new(), BTreeMap::new());
    for &size in sizes {
        let (at_size, folder) = (experiment.at_size(size), place(size));
        let mut show = |progress: Progress| job.show(Progress { size: Some(size), ..progress });
        let of_size = Job::new(&at_size, market, &folder).with(resources).stopped_by(stop).watched(&mut show);
        let (finished, _) = run_and_keep(of_size)?;
        durations.insert(size.to_string(), finished.provenance.duration_seconds);
        rows.extend(finished.rows.into_iter().map(|performance| SweepRow { size, performance }));
    }
    let performances: Vec<Performance> = rows.iter().map(|row| row.performance.clone()).collect();
    let table = performance_table(&performances).with_counts("size", rows.iter().map(|row| row.size));
    table.write_csv(&folder.join("metrics.csv"))?;
    let seconds = durations.values().sum();
    let provenance = Provenance {
        duration_seconds: seconds,
        duration_seconds_by_size: durations,
        ..market.provenance(resources.compute.name(), seconds)
    };
    RunFile::new(provenance, experiment.clone()).write(&folder.join("run.toml"))?;
    redraw(folder)?;
    for &size in sizes {
        Store::<Decision>::discard(&place(size), DATES)?;
    }
    Ok(SweptRun { rows, seconds })
}

/// Removes an unfinished run or sweep. Fails if a process is working on it.
pub fn discard(experiment: &Experiment, folder: &Path) -> Result<()> {
    let sizes = experiment.sweep.iter().flat_map(|sweep| &sweep.size);
    sizes.into_iter().try_for_each(|size| Store::<Decision>::discard(&folder.join(format!("n={size}")), DATES))?;
    Store::<Decision>::discard(folder, DATES)
}
