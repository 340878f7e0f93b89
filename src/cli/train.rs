//! `minvar train`: the networks of an experiment.

use std::path::PathBuf;

use anyhow::Context;

use crate::cli::DataFolder;
use crate::cli::progress::Shown;
use crate::cli::run::{market, stop_on_interrupt};
use crate::experiment::{self, Experiment};

/// Train the networks of an experiment, or continue a training that was stopped
///
/// Every { train = "NAME" } among the estimators is trained for every calendar year of the experiment on everything
/// before that year. Models go to OUT/<name of the file>/models/, where `minvar run` finds them; it trains what is
/// missing by itself. A training that was stopped or killed continues from its last checkpoint, bit by bit.
/// Watch it with: tensorboard --logdir OUT/<name>/models
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Experiment file, such as experiments/us_network.toml
    file: PathBuf,
    #[command(flatten)]
    data: DataFolder,
    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Discard all networks of the experiment, finished or not, and start again
    #[arg(long)]
    fresh: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads.unwrap_or(0)).build_global()?;
    let experiment = Experiment::read(&arguments.file)?;
    let market = market(&experiment, &arguments.data)?;
    let name = arguments.file.file_stem().context("the experiment file has no name")?;
    let folder = arguments.out.join(name);
    if arguments.fresh {
        experiment::discard_networks(&folder)?;
    }
    let stop = stop_on_interrupt()?;
    let mut shown = Shown::new();
    let files = experiment::train(&experiment, &market, &folder, &stop, &mut |training| shown.training(&training));
    shown.clear();
    let files = files?;
    anyhow::ensure!(
        !files.is_empty(),
        "no estimator of this experiment is trained; add {{ train = \"NAME\" }} and [train.NAME]"
    );
    files.iter().for_each(|file| println!("{}", file.display()));
    Ok(())
}
