//! An experiment repeated for several universes.
//!
//! ```text
//! results/<name>/n=<size>/           an ordinary run of that size
//! results/<name>/universe=<label>/   an ordinary run of that variant of the rules (with several sizes: …,n=<size>/)
//! results/<name>/                    metrics.csv of all, table.md, run.toml; size.svg or universe.svg: volatilities of all
//! ```
//! Dates of a finished run stay stored until all are finished, so that the same command can continue from any
//! point.

use std::collections::BTreeMap;
use std::path::Path;

use crate::description::{Point, Provenance, RunFile};
use crate::error::Result;
use crate::experiment::run::{DATES, redraw, run_and_keep};
use crate::experiment::store::Store;
use crate::experiment::windows::Decision;
use crate::experiment::{Experiment, Job, Progress};
use crate::render::{Performance, performance_table};
use crate::results;

/// A portfolio in one run of a sweep.
pub struct SweepRow {
    /// The run.
    pub point: Point,
    /// Its measures.
    pub performance: Performance,
}

/// A finished sweep.
pub struct SweptRun {
    /// One row per run and portfolio.
    pub rows: Vec<SweepRow>,
    /// Seconds of work over all sessions.
    pub seconds: f64,
}

/// Runs one after the other, each as [`run`](crate::experiment::run) does. The dates of a finished run are
/// all stored, so that in a repetition only its tables are written again.
pub fn sweep(mut job: Job<'_>) -> Result<SweptRun> {
    let Job { experiment, market, folder, resources, stop, .. } = job;
    let points = experiment.points();
    let (mut rows, mut durations) = (Vec::new(), BTreeMap::new());
    for point in &points {
        let (one, folder) = (experiment.at(point), folder.join(point.folder()));
        let mut show = |progress: Progress| job.show(Progress { point: Some(point.clone()), ..progress });
        let of_point = Job::new(&one, market, &folder).with(resources).stopped_by(stop).watched(&mut show);
        let (finished, _) = run_and_keep(of_point, true)?;
        durations.insert(point.folder(), finished.provenance.duration_seconds);
        rows.extend(finished.rows.into_iter().map(|performance| SweepRow { point: point.clone(), performance }));
    }
    let performances: Vec<Performance> = rows.iter().map(|row| row.performance.clone()).collect();
    let mut table = performance_table(&performances).with_counts("size", rows.iter().map(|row| row.point.size));
    if points.iter().any(|point| point.universe.is_some()) {
        table = table.with_texts("universe", rows.iter().map(|row| row.point.universe.clone().unwrap_or_default()));
    }
    if points.iter().any(|point| point.phase.is_some()) {
        table = table.with_counts("phase", rows.iter().map(|row| row.point.phase.unwrap_or(0)));
    }
    results::discard_tests(folder)?;
    table.write_csv(&folder.join("metrics.csv"))?;
    let seconds = durations.values().sum();
    let provenance = Provenance {
        duration_seconds: seconds,
        duration_seconds_by_run: durations,
        reference: experiment.evidence.reference.clone(),
        ..market.provenance(resources.compute.name(), seconds)
    };
    RunFile::new(provenance, experiment.clone()).write(&folder.join("run.toml"))?;
    redraw(folder)?;
    for point in &points {
        Store::<Decision>::discard(&folder.join(point.folder()), DATES)?;
    }
    Ok(SweptRun { rows, seconds })
}

/// Removes an unfinished run or sweep. Fails if a process is working on it.
pub fn discard(experiment: &Experiment, folder: &Path) -> Result<()> {
    let folders = experiment.points().into_iter().map(|point| folder.join(point.folder()));
    folders.into_iter().try_for_each(|folder| Store::<Decision>::discard(&folder, DATES))?;
    Store::<Decision>::discard(folder, DATES)
}
