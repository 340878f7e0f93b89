//! `minvar run`: an experiment from file to tables and figures.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::cli::DataFolder;
use crate::cli::progress::Shown;
use crate::data::open_panel;
use crate::experiment::{self, Experiment, Market};
use crate::report::terminal_table;

/// Run an experiment, or continue one that was stopped
///
/// Results go to OUT/<name of the file>/. Every finished date is stored, so Ctrl-C or a power cut costs at most a few
/// dates: the same command continues. The files are the same bytes on any number of threads.
#[derive(clap::Args)]
pub(super) struct Arguments {
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
    /// Discard an unfinished run of the same name and start again
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
        experiment::discard(&folder)?;
    }
    let stop = stop_on_interrupt()?;
    let panel = &market.panel;
    eprintln!("{}", experiment.about);
    eprintln!(
        "panel of {} assets x {} days, data hash {}",
        panel.n_assets(),
        panel.n_days(),
        &panel.content_hash()[..12]
    );

    let mut shown = Shown::new();
    let finished = experiment::run(&experiment, &market, &folder, &stop, &mut |progress| shown.run(&progress));
    shown.clear();
    let finished = finished?;
    println!("{}", terminal_table(&finished.rows));
    let (n_filled, seconds) = (finished.provenance.n_filled, finished.provenance.duration_seconds);
    println!(
        "{} rebalances, {n_filled} missing returns filled, {seconds} s; tables, figures and run.toml are in {}",
        finished.provenance.n_decisions,
        folder.display()
    );
    Ok(())
}

/// The data of an experiment: drawn, or read from a panel folder.
pub(super) fn market(experiment: &Experiment, folder: &DataFolder) -> anyhow::Result<Market> {
    let data = &experiment.data;
    if let Some(synthetic) = &data.synthetic {
        let (panel, truth) = synthetic.simulate()?;
        return Ok(Market { panel, truth: Some(truth) });
    }
    let path = folder.panel(data.panel.as_deref().unwrap_or_default())?;
    let (panel, manifest) = open_panel(Path::new(&path))?;
    let truth = manifest.synthetic.map(|synthetic| synthetic.simulate()).transpose()?.map(|(_, truth)| truth);
    Ok(Market { panel, truth })
}

/// Becomes true at the first Ctrl-C; a second one ends the program at once.
pub(super) fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after the dates or the training step in work; press Ctrl-C again to stop at once");
    })?;
    Ok(stop)
}
