//! `minvar simulate`: trades stored target weights in simulated accounts.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::output::{note, say};
use crate::cli::progress::Shown;
use crate::cli::reading::{self, Reading};
use crate::cli::work::{Opened, Work, stop_on_interrupt};
use crate::description::RunFile;
use crate::error::Error;
use crate::experiment::{self, Experiment, Foreign, Inputs, Job, Leverage, MarketData, Simulated, Simulation};
use crate::registry::check_name;

/// Trade stored target weights in simulated accounts: auctions, fees, slippage, interest, margin
///
/// Weights come from OUT/<name of the file>/weights.parquet, which `minvar run` wrote, so costs can be varied without
/// estimating again. They may also come from any file with the columns date, asset and weight (and estimator,
/// allocator or portfolio where it holds several portfolios), or with one column of weights per asset. They are
/// fractions of equity, or percent with --values percent. All portfolios of a file are traded. Weights of date d are
/// traded in the auctions of d, so they must be computed without the prices of d. Results go to OUT/<name of the
/// file>/simulation/.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  minvar simulate experiments/us_sim.toml
  minvar simulate experiments/us_sim.toml --profile stress --capital 5e6 --tag stress
  minvar simulate experiments/us_sim.toml --weights my_weights.csv --tag mine
  minvar list --schedules > schedules.toml   the built-in rates and profiles, to be edited
  minvar simulate experiments/us_sim.toml --schedules schedules.toml --tag mine")]
pub(super) struct Arguments {
    #[command(flatten)]
    work: Work,
    /// Weights, or the folder of a run that has them [default: the weights of this experiment]
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
    /// Trade only the portfolios with these labels, of those given with --weights
    #[arg(long, value_name = "LABEL", requires = "weights")]
    portfolio: Vec<String>,
    /// Highest gross leverage (sum of absolute weights) to accept in a file given with --weights
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0)]
    max_gross: f64,
    #[command(flatten)]
    reading: Reading,
    /// Profiles, instead of those of the experiment
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Capital in dollars, instead of that of the experiment
    #[arg(long, value_name = "USD")]
    capital: Vec<f64>,
    /// Begin every rebalance with the starting capital: pay out what exceeds it, pay in what is missing
    #[arg(long)]
    keep_capital: bool,
    /// Leverage of the weights, instead of that of the experiment
    #[arg(long, value_name = "FACTOR")]
    leverage: Vec<f64>,
    /// File of rates and profiles, instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    schedules: Option<PathBuf>,
    /// Daily benchmark rates (date, percent a year), a file in the data folder; the options on reading tables apply to
    /// it, too
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Write to simulation-TAG instead of simulation [default with --weights: the name of the file]
    #[arg(long)]
    tag: Option<String>,
    /// Write no ledgers
    #[arg(long)]
    no_ledger: bool,
    /// Discard an unfinished simulation and start again
    #[arg(long)]
    fresh: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let Opened { mut experiment, market, folder, data } = arguments.work.open_quietly()?;
    arguments.change(&mut experiment)?;
    let weights = match &arguments.weights {
        Some(path) if path.is_dir() => path.join("weights.parquet"),
        Some(path) => path.clone(),
        None => folder.join("weights.parquet"),
    };
    arguments.tag.iter().try_for_each(|tag| check_name("--tag", tag))?;
    // Results on weights from elsewhere must not replace those of the run's own accounts.
    let named = arguments.weights.as_ref().map(|path| crate::data::table_name(path));
    let tag = arguments.tag.clone().or(named);
    tag.iter().try_for_each(|tag| check_name("the tag, from the name of the file of weights", tag))?;
    let place = tag.as_ref().map_or("simulation".to_string(), |tag| format!("simulation-{tag}"));
    if arguments.weights.is_none() {
        check_configuration(&weights, &experiment)?;
    }
    note_other_panel(&weights, &market);
    let folder = folder.join(place);
    if arguments.fresh {
        experiment::discard_simulation(&folder)?;
    }
    let foreign = arguments.weights.is_some().then(|| Foreign {
        options: arguments.reading.options(None),
        max_gross: arguments.max_gross,
        only: arguments.portfolio.clone(),
    });
    simulate(&experiment, &market, &Inputs { weights, data, foreign }, &folder)
}

/// Refuses the weights of a run whose experiment has been changed since.
fn check_configuration(weights: &Path, experiment: &Experiment) -> anyhow::Result<()> {
    let file = weights.with_file_name("run.toml");
    match RunFile::read(&file) {
        Ok(run) if !run.experiment.decides_as(experiment) => {
            let message = "the weights here were decided with other settings than this experiment's; 'minvar run' decides \
                           them again, --weights trades these";
            Err(Error::Config { file: file.display().to_string(), message: message.to_string() }.into())
        }
        _ => Ok(()),
    }
}

/// Notes that the panel is not the one that the weights were made on.
fn note_other_panel(weights: &Path, market: &MarketData) {
    let run = weights.parent().and_then(|folder| RunFile::read(&folder.join("run.toml")).ok());
    let Some(made_on) = run.map(|run| run.provenance.data_hash) else { return };
    let ours = market.panel.content_hash();
    if made_on != ours {
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_string();
        note!(
            "note: the weights were made on other data, hash {}; the panel has {}: 'minvar run' makes them again",
            short(&made_on),
            short(ours)
        );
    }
}

impl Arguments {
    /// Applies the options of the command line to the experiment.
    fn change(&self, experiment: &mut Experiment) -> anyhow::Result<()> {
        let default = Simulation {
            profiles: vec!["realistic".to_string()],
            capital_usd: Vec::new(),
            keep_capital: false,
            leverage: Leverage::default(),
            rates: None,
            schedules: None,
            ledger: true,
        };
        let simulation = experiment.simulation.get_or_insert(default);
        if !self.profile.is_empty() {
            simulation.profiles.clone_from(&self.profile);
        }
        if !self.capital.is_empty() {
            simulation.capital_usd.clone_from(&self.capital);
        }
        simulation.keep_capital |= self.keep_capital;
        if !self.leverage.is_empty() {
            simulation.leverage = Leverage::List(self.leverage.clone());
        }
        simulation.schedules = self.schedules.clone().or(simulation.schedules.take());
        if let Some(file) = &self.rates {
            simulation.rates = Some(self.reading.rates(file));
        }
        simulation.ledger &= !self.no_ledger;
        Ok(simulation.check()?)
    }
}

/// Simulates, and reports the result.
pub(super) fn simulate(
    experiment: &Experiment,
    market: &MarketData,
    inputs: &Inputs,
    folder: &Path,
) -> anyhow::Result<Value> {
    let stop = stop_on_interrupt()?;
    let mut shown = Shown::new();
    let mut show = |progress| shown.run(&progress);
    let job = Job::new(experiment, market, folder).stopped_by(&stop).watched(&mut show);
    let simulated = experiment::simulate(job, inputs);
    shown.clear();
    let Simulated { rows, sheets, read, stand_ins, seconds } = simulated?;
    reading::say(&read);
    sheets.iter().for_each(|sheet| say!("{}\n", sheet.markdown()));
    stand_ins.iter().for_each(|note| say!("assumed: {note}"));
    let n = rows.len();
    let accounts = if n == 1 { "account" } else { "accounts" };
    say!("{n} {accounts}, {seconds} s; tables, figures, ledgers and run.toml are in {}", folder.display());
    Ok(json!({ "folder": folder, "rows": rows, "assumed": stand_ins, "read": read, "duration_seconds": seconds }))
}
