//! `minvar run`: an experiment from file to tables and figures.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::DataFolder;
use crate::data::open_panel;
use crate::experiment::{self, Experiment, Market, Progress};
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

    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} dates, {elapsed} elapsed, {eta} left")?);
    let mut resumed = None;
    let mut shown = 0;
    let mut show = |progress: Progress| {
        if resumed.is_none() {
            resumed = Some(progress.done);
            if progress.done > 0 {
                eprintln!("continuing behind {} of {} dates", progress.done, progress.total);
                shown = progress.done * 10 / progress.total;
            }
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            bar.reset_eta();
        }
        bar.set_position(progress.done as u64);
        // In a log file the bar is hidden; a line every tenth of the way stands in for it.
        let tenth = progress.done * 10 / progress.total;
        if bar.is_hidden() && tenth > shown {
            let left = indicatif::HumanDuration(bar.eta());
            eprintln!("{} of {} dates, {left} left", progress.done, progress.total);
            shown = tenth;
        }
    };
    let finished = experiment::run(&experiment, &market, &folder, &stop, &mut show);
    bar.finish_and_clear();
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
fn market(experiment: &Experiment, folder: &DataFolder) -> anyhow::Result<Market> {
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
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after the dates in work; press Ctrl-C again to stop at once");
    })?;
    Ok(stop)
}
