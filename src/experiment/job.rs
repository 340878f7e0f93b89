//! A job: an experiment, the resources to run it with, and the means to watch and stop it.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::description::Experiment;
use crate::error::{Error, Result};
use crate::experiment::store::Store;
use crate::experiment::{MarketData, Progress};
use crate::train::Compute;

/// A stop flag that is never set.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The resources for the networks of an experiment.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// The device that trains and applies them.
    pub compute: Compute<'a>,
    /// Models trained at once, each by its own thread; on a device, each on its own stream.
    pub parallel_models: usize,
}

impl Default for Resources<'_> {
    fn default() -> Self {
        Self { compute: Compute::Processor, parallel_models: 1 }
    }
}

/// An experiment with its data, its folder of results, its resources, and the means to watch and stop it.
///
/// ```
/// use minvar::experiment::{Experiment, Job, MarketData, run};
/// # use minvar::prelude::*;
/// # fn main() -> Result<()> {
/// let text = "data.synthetic = { n_assets = 10, n_days = 60 }\nwalk_forward = { lookback = 30 }\n\
///             universe = { size = 5, rank_min_values = 5, rank_frequency = 'decision', recent_days = 5 }\n\
///             compare = { estimators = ['lw_identity'], allocators = ['gmv'] }";
/// let experiment = Experiment::parse(text, "small.toml")?;
/// let market = MarketData::open(&experiment, "data".as_ref())?;
/// let folder = std::env::temp_dir().join(format!("minvar_job_{}", std::process::id()));
/// let mut show = |progress: minvar::experiment::Progress| println!("{} of {}", progress.done, progress.total);
/// let finished = run(Job::new(&experiment, &market, &folder).watched(&mut show))?;
/// assert_eq!(finished.rows.len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct Job<'a> {
    /// The experiment to run.
    pub experiment: &'a Experiment,
    /// Its data.
    pub market: &'a MarketData,
    /// The folder for its results.
    pub folder: &'a Path,
    /// The resources for its networks.
    pub resources: Resources<'a>,
    /// Checked between items of work. When it becomes true, the items in progress are finished and stored, and the
    /// work ends with [`Error::Interrupted`]. Running the same job again continues.
    pub stop: &'a AtomicBool,
    progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl<'a> Job<'a> {
    /// A job on the processor, without progress reports and without a way to stop it.
    pub fn new(experiment: &'a Experiment, market: &'a MarketData, folder: &'a Path) -> Self {
        Self { experiment, market, folder, resources: Resources::default(), stop: &NEVER, progress: None }
    }

    /// This job with other resources.
    pub fn with(self, resources: Resources<'a>) -> Self {
        Self { resources, ..self }
    }

    /// This job, stopped when the flag `stop` becomes true.
    pub fn stopped_by(self, stop: &'a AtomicBool) -> Self {
        Self { stop, ..self }
    }

    /// This job, with `progress` called as the work proceeds.
    pub fn watched(self, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Calls the job's progress function.
    pub(super) fn show(&mut self, progress: Progress) {
        if let Some(show) = &mut self.progress {
            show(progress);
        }
    }

    /// Computes the items that a store lacks, a block at a time, and stores each block before the next one is begun.
    pub(super) fn work_off<T: Serialize + DeserializeOwned>(
        &mut self,
        work: &mut Work<'_, T>,
        mut block: impl FnMut(&mut Self, Range<usize>, &[T]) -> Result<Vec<T>>,
    ) -> Result<()> {
        let Work { what, total, size, .. } = *work;
        while work.items.len() < total {
            let done = work.items.len();
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted { what, done, total });
            }
            let finished = block(self, done..(done + size).min(total), &work.items)?;
            work.store.save_seconds(work.seconds())?;
            for item in finished {
                work.store.save(work.items.len(), &item)?;
                work.items.push(item);
            }
            self.show(Progress::new(what, work.items.len(), total));
        }
        Ok(())
    }
}

/// Items that are computed in blocks and stored.
pub(super) struct Work<'a, T> {
    /// Plural name of the items, for progress.
    pub what: &'static str,
    /// Total number of items.
    pub total: usize,
    /// Number of items computed together.
    pub size: usize,
    /// The store of finished items.
    pub store: &'a Store<T>,
    /// The finished items.
    pub items: Vec<T>,
    /// When this process began to work, and the seconds of work that earlier processes stored.
    pub since: (Instant, f64),
}

impl<T> Work<'_, T> {
    /// Seconds of work of this and earlier processes.
    pub fn seconds(&self) -> f64 {
        self.since.1 + self.since.0.elapsed().as_secs_f64()
    }
}
