//! An experiment at several sizes of the universe.
//!
//! ```text
//! results/<name>/n=<size>/   the run of that size, as any other
//! results/<name>/            metrics.csv with the sizes, table.md and size.svg: volatility against size, run.toml
//! ```
//! Dates of a finished size stay stored until all sizes are finished, so that the same command continues anywhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::data::write_text;
use crate::error::Result;
use crate::experiment::run::{DATES, redraw, run_and_keep};
use crate::experiment::store::Store;
use crate::experiment::windows::Decision;
use crate::experiment::{Experiment, Market, Progress, Resources};
use crate::program::Program;
use crate::report::{Performance, performance_table};

/// A portfolio at one size.
pub struct SweepRow {
    /// `universe.size`.
    pub size: usize,
    /// What it did.
    pub performance: Performance,
}

/// A finished sweep.
pub struct SweptRun {
    /// One row per size and portfolio.
    pub rows: Vec<SweepRow>,
    /// Seconds of work over all sessions.
    pub seconds: f64,
}

#[derive(Serialize)]
struct RunFile<'a> {
    provenance: Provenance<'a>,
    experiment: &'a Experiment,
}

#[derive(Serialize)]
struct Provenance<'a> {
    #[serde(flatten)]
    program: Program,
    data_hash: &'a str,
    device: &'a str,
    threads: usize,
    duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    periods_per_year: Option<f64>,
    duration_seconds_by_size: BTreeMap<String, f64>,
}

/// Runs every size, or what is left of them; as [`run_with`](crate::experiment::run_with) otherwise.
pub fn sweep(
    experiment: &Experiment,
    market: &Market,
    folder: &Path,
    resources: Resources<'_>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<SweptRun> {
    let sizes = experiment.sweep.as_ref().map_or(&[][..], |sweep| &sweep.size);
    let place = |size: usize| folder.join(format!("n={size}"));
    let (mut rows, mut durations) = (Vec::new(), BTreeMap::new());
    for &size in sizes {
        let mut of_size = |p: Progress| progress(Progress { size: Some(size), ..p });
        let (finished, _) =
            run_and_keep(&experiment.at_size(size), market, &place(size), resources, stop, &mut of_size)?;
        durations.insert(size.to_string(), finished.provenance.duration_seconds);
        rows.extend(finished.rows.into_iter().map(|performance| SweepRow { size, performance }));
    }
    let performances: Vec<Performance> = rows.iter().map(|row| row.performance.clone()).collect();
    let table = performance_table(&performances).with_counts("size", rows.iter().map(|row| row.size));
    table.write_csv(&folder.join("metrics.csv"))?;
    let seconds = durations.values().sum();
    let provenance = Provenance {
        program: Program::this(),
        data_hash: market.panel.content_hash(),
        device: resources.compute.name(),
        threads: rayon::current_num_threads(),
        duration_seconds: seconds,
        periods_per_year: market.unusual_periods_per_year(),
        duration_seconds_by_size: durations,
    };
    let text = toml::to_string(&RunFile { provenance, experiment }).expect("a run is plain data");
    write_text(&folder.join("run.toml"), &text)?;
    redraw(folder)?;
    for &size in sizes {
        Store::<Decision>::discard(&place(size), DATES)?;
    }
    Ok(SweptRun { rows, seconds })
}

/// Forgets an unfinished run or sweep.
pub fn discard(experiment: &Experiment, folder: &Path) -> Result<()> {
    let sizes = experiment.sweep.iter().flat_map(|sweep| &sweep.size);
    sizes.into_iter().try_for_each(|size| Store::<Decision>::discard(&folder.join(format!("n={size}")), DATES))?;
    Store::<Decision>::discard(folder, DATES)
}
