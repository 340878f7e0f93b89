//! `minvar run`: takes an experiment from its file to tables and figures.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::device::ComputeArguments;
use crate::cli::output::{note, say};
use crate::cli::progress::Shown;
use crate::cli::simulate::simulate;
use crate::cli::work::{Opened, Work, stop_on_interrupt};
use crate::data::list_folder;
use crate::description::{Experiment, RunFile};
use crate::experiment::{self, Inputs, Job, MarketData, SweepRow};
use crate::render::performance_sheet;
use crate::results::Results;

/// Run an experiment, or continue one that was stopped
///
/// Results go to OUT/<name of the file>/. Every finished date is stored, so Ctrl-C or a power cut costs at most a few
/// dates: run the same command again to continue. The result files are identical, byte for byte, on any number of
/// threads.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Discard an unfinished run of the same name and start again
    #[arg(long)]
    fresh: bool,
    /// Leave out the tests of significance and the figure of differences with their intervals
    #[arg(long)]
    no_tests: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let selected = arguments.compute.select()?;
    let resources = selected.resources();
    let Opened { experiment, market, folder, data } = arguments.work.open()?;
    if let Some(simulation) = &experiment.simulation {
        experiment::check_simulation(simulation, &data)?;
    }
    if arguments.fresh {
        experiment::discard(&experiment, &folder)?;
        experiment::discard_simulation(&folder.join("simulation"))?;
    }
    let stop = stop_on_interrupt()?;
    note_replaced(&experiment, &market, &folder);
    let panel = &market.panel;
    note!("{}", experiment.about);
    note!("panel of {} assets x {} days, data hash {}", panel.n_assets(), panel.n_days(), &panel.content_hash()[..12]);

    let mut shown = Shown::new();
    let mut show = |progress| shown.run(&progress);
    let job = Job::new(&experiment, &market, &folder).with(resources).stopped_by(&stop).watched(&mut show);
    if experiment.sweep.is_some() {
        let swept = experiment::sweep(job);
        shown.clear();
        let swept = swept?;
        Results::open(&folder)?.sheets()?.iter().for_each(|sheet| say!("{}\n", sheet.markdown()));
        let headlines = arguments.tested(&folder)?;
        say!("{:.0} s; tables and figures of all runs are in {}", swept.seconds, folder.display());
        let row = |row: &SweepRow| {
            let mut value = serde_json::to_value(&row.performance)?;
            value["size"] = row.point.size.into();
            if let Some(universe) = &row.point.universe {
                value["universe"] = universe.as_str().into();
            }
            Ok(value)
        };
        let rows = swept.rows.iter().map(row).collect::<Result<Vec<Value>, serde_json::Error>>()?;
        return Ok(json!({ "folder": folder, "rows": rows, "tests": headlines, "duration_seconds": swept.seconds }));
    }
    let finished = experiment::run(job);
    shown.clear();
    let finished = finished?;
    say!("{}", performance_sheet("", &finished.rows).terminal());
    finished.never_defined.iter().for_each(|line| say!("undefined on every date: {line}"));
    let (n_filled, seconds) = (finished.n_filled, finished.provenance.duration_seconds);
    say!(
        "{} rebalances, {n_filled} missing returns filled, {seconds} s; tables, figures and run.toml are in {}",
        finished.n_decisions,
        folder.display()
    );
    let mut simulated = Value::Null;
    if experiment.simulation.is_some() {
        let inputs = Inputs { weights: folder.join("weights.parquet"), data, foreign: None };
        simulated = simulate(&experiment, &market, &inputs, &folder.join("simulation"))?;
    }
    let headlines = arguments.tested(&folder)?;
    say!("for one page with everything: minvar report {}", folder.display());
    Ok(json!({
        "folder": folder,
        "rows": finished.rows,
        "n_decisions": finished.n_decisions,
        "n_filled": n_filled,
        "duration_seconds": seconds,
        "never_defined": finished.never_defined,
        "simulation": simulated,
        "tests": headlines,
    }))
}

impl Arguments {
    /// Tests the finished run, and says what was found in a sentence for each group.
    fn tested(&self, folder: &Path) -> anyhow::Result<Vec<String>> {
        if self.no_tests {
            return Ok(Vec::new());
        }
        let found = super::report::tested(&Results::open(folder)?, 0)?;
        let headlines = found.map_or(Vec::new(), |evidence| evidence.headlines());
        headlines.iter().for_each(|line| say!("{line}"));
        Ok(headlines)
    }
}

/// Notes that the run replaces results of other data or settings, and what beside them stays as it is.
fn note_replaced(experiment: &Experiment, market: &MarketData, folder: &Path) {
    let Ok(old) = RunFile::read(&folder.join("run.toml")) else { return };
    let hash = &old.provenance.data_hash;
    if hash != market.panel.content_hash() {
        note!("note: replaces results on other data, hash {}, in {}", hash.get(..12).unwrap_or(hash), folder.display());
    } else if !old.experiment.decides_as(experiment) {
        note!("note: replaces results of other settings in {}", folder.display());
    } else {
        return;
    }
    let others = list_folder(folder).unwrap_or_default().into_iter().filter(|name| {
        let is_account = name.starts_with("simulation") && !(name == "simulation" && experiment.simulation.is_some());
        is_account || name == "report.html"
    });
    let mut others: Vec<String> = others.collect();
    others.sort();
    if !others.is_empty() {
        let names = others.join(", ");
        note!("note: {names} there are of the old results; 'minvar simulate' and 'minvar report' make them again");
    }
}
