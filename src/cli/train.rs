//! `minvar train`: the networks of an experiment.

use crate::cli::progress::Shown;
use crate::cli::work::{Opened, Work, stop_on_interrupt};
use crate::experiment;

/// Train the networks of an experiment, or continue a training that was stopped
///
/// Every { train = "NAME" } among the estimators is trained for every calendar year of the experiment on everything
/// before that year. Models go to OUT/<name of the file>/models/, where `minvar run` finds them; it trains what is
/// missing by itself. A training that was stopped or killed continues from its last checkpoint, bit by bit.
/// Watch it with: tensorboard --logdir OUT/<name>/models
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    work: Work,
    /// Discard all networks of the experiment, finished or not, and start again
    #[arg(long)]
    fresh: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Opened { experiment, market, folder, .. } = arguments.work.open()?;
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
