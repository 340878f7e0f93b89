//! What is to be done with an experiment, and how it is watched.

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

/// A flag that nobody raises.
static NEVER: AtomicBool = AtomicBool::new(false);

/// What the networks of an experiment are worked on with.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// Where they are trained and applied.
    pub compute: Compute<'a>,
    /// Models trained at once, each by a thread of its own; on a device, each on a stream of its own.
    pub parallel_models: usize,
}

impl Default for Resources<'_> {
    fn default() -> Self {
        Self { compute: Compute::Processor, parallel_models: 1 }
    }
}

/// An experiment on its data, the folder of its results, and who works on it and watches it.
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
    /// What is asked for.
    pub experiment: &'a Experiment,
    /// Its data.
    pub market: &'a MarketData,
    /// Where its results go.
    pub folder: &'a Path,
    /// What networks are worked on with.
    pub resources: Resources<'a>,
    /// Looked at between items of work; when it becomes true, what is in work is finished and stored, and the work ends with
    /// [`Error::Interrupted`]. The same job continues.
    pub stop: &'a AtomicBool,
    progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl<'a> Job<'a> {
    /// Work on the processor that nobody watches or stops.
    pub fn new(experiment: &'a Experiment, market: &'a MarketData, folder: &'a Path) -> Self {
        Self { experiment, market, folder, resources: Resources::default(), stop: &NEVER, progress: None }
    }

    /// The same on other resources.
    pub fn with(self, resources: Resources<'a>) -> Self {
        Self { resources, ..self }
    }

    /// The same, stopped by a flag.
    pub fn stopped_by(self, stop: &'a AtomicBool) -> Self {
        Self { stop, ..self }
    }

    /// The same, watched.
    pub fn watched(self, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Tells who watches.
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
    /// What is counted.
    pub what: &'static str,
    /// How many there are.
    pub total: usize,
    /// How many are computed together.
    pub size: usize,
    /// Where they are stored.
    pub store: &'a Store<T>,
    /// Those that are finished.
    pub items: Vec<T>,
    /// When this session began, and the seconds of those before.
    pub since: (Instant, f64),
}

impl<T> Work<'_, T> {
    /// Seconds of work over all sessions.
    pub fn seconds(&self) -> f64 {
        self.since.1 + self.since.0.elapsed().as_secs_f64()
    }
}
