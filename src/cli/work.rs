//! What `run`, `train` and `simulate` share: an experiment, its data and the folder of its results.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context;

use crate::cli::DataFolder;
use crate::experiment::{self, Experiment, Market};
use crate::registry::check_name;

/// The arguments that say what to work on.
#[derive(clap::Args)]
pub(super) struct Work {
    /// Experiment file, such as experiments/quick.toml
    file: PathBuf,
    #[command(flatten)]
    data: DataFolder,
    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// An experiment with its data.
pub(super) struct Opened {
    pub experiment: Experiment,
    pub market: Market,
    /// Where its results go.
    pub folder: PathBuf,
    /// The folder that holds the panels.
    pub data: PathBuf,
}

impl Work {
    /// Starts the threads, and reads the experiment and its data.
    pub fn open_quietly(&self) -> anyhow::Result<Opened> {
        super::start_threads(self.threads.unwrap_or(0))?;
        let experiment = Experiment::read(&self.file)?;
        let market = market(&experiment, &self.data)?;
        let real = if market.truth.is_none() { experiment.without_oracle() } else { None };
        let experiment = real.unwrap_or(experiment);
        let name = self.file.file_stem().context("the experiment file has no name")?;
        check_name("the name of the experiment file", &name.to_string_lossy())?;
        let folder = self.out.join(name);
        Ok(Opened { experiment, market, folder, data: self.data.path() })
    }

    /// The same, with what a user should know before something is estimated.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let opened = self.open_quietly()?;
        let written = Experiment::read(&self.file)?.compare.estimators.len();
        if opened.experiment.compare.estimators.len() < written {
            eprintln!("oracle is left out: the true covariance is known for synthetic data only");
        }
        experiment::notes(&opened.experiment, &opened.market).iter().for_each(|note| eprintln!("{note}"));
        Ok(opened)
    }
}

/// The data of an experiment; an unknown panel is answered with those there are.
fn market(experiment: &Experiment, folder: &DataFolder) -> anyhow::Result<Market> {
    if let Some(panel) = &experiment.data.panel {
        folder.panel(panel)?;
    }
    Ok(Market::open(experiment, &folder.path())?)
}

/// Becomes true at the first Ctrl-C; a second one ends the program at once.
pub(super) fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stop) = STOP.get() {
        return Ok(stop.clone());
    }
    let stop = STOP.get_or_init(|| Arc::new(AtomicBool::new(false))).clone();
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after the dates, accounts or training step in work; press Ctrl-C again to stop at once");
    })?;
    Ok(stop)
}
