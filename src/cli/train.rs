//! `minvar train`: trains the networks of an experiment.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::cli::device::{ComputeArguments, ceilings_line, stage_sheet};
use crate::cli::output::say;
use crate::cli::progress::Shown;
use crate::cli::work::{Opened, Work, stop_on_interrupt};
use crate::experiment::{self, Job, Share};
use crate::nn::Architecture;
use crate::nn::ElementType;
use crate::train::{Compute, Profiled, ceilings};

/// Error message if there is nothing to train.
const NOTHING: &str = "no estimator of this experiment (with these years and seeds) is trained; add { train = \"NAME\" } to \
                       the estimators and [train.NAME] below";

/// Train the networks of an experiment, or continue a training that was stopped
///
/// Every { train = "NAME" } among the estimators is trained for every calendar year of the experiment, on all days
/// before that year. Models go to OUT/<name of the file>/models/, where `minvar run` finds them; it also trains the
/// missing ones by itself. A training that was stopped or killed continues from its last checkpoint, with
/// bit-identical results. Watch it with: tensorboard --logdir OUT/<name>/models
///
/// A checkpoint written on one device continues on any other. On several GPUs, start a process for each with a share of
/// the seeds or years; where a year continues from the year before (warm_steps), share seeds and not years.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  minvar train experiments/us_network.toml
  minvar train experiments/us_network.toml --device auto --timings
  minvar train experiments/us_network.toml --device cuda:0 --seeds 0,1
  minvar train experiments/us_network.toml --device cuda:1 --seeds 2")]
pub(super) struct Arguments {
    #[command(flatten)]
    work: Work,
    /// Discard all networks of the experiment, finished or not, and start again
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    compute: ComputeArguments,
    /// Train the models of these calendar years only, such as 2000-2011
    #[arg(long, value_name = "FROM-TO", value_parser = years)]
    years: Option<RangeInclusive<i16>>,
    /// Train the models of these seeds only
    #[arg(long, value_name = "SEED,...", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Train nothing; instead show where the time of the first steps of each recipe goes
    #[arg(long, conflicts_with_all = ["fresh", "years", "seeds"])]
    timings: bool,
}

/// Number of steps that `--timings` measures.
const TIMED_STEPS: usize = 20;

/// Parses FROM-TO or a single year.
fn years(text: &str) -> Result<RangeInclusive<i16>, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.trim().parse(), to.trim().parse()) {
        (Ok(from), Ok(to)) if from <= to => Ok(from..=to),
        _ => Err("write a year, or FROM-TO, such as 2000-2011".to_string()),
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let selected = arguments.compute.select()?;
    let resources = selected.resources();
    let Opened { experiment, market, folder, .. } = arguments.work.open()?;
    if arguments.timings {
        let limits = match resources.compute {
            Compute::Device { open, .. } => Some(ceilings(&*open(&Architecture::compact(), ElementType::F32)?)?),
            Compute::Processor => None,
        };
        let profiles =
            experiment::profile(&Job::new(&experiment, &market, &folder).with(resources), limits, TIMED_STEPS)?;
        anyhow::ensure!(!profiles.is_empty(), NOTHING);
        limits.iter().for_each(|limits| say!("{}\n", ceilings_line(resources.compute.name(), limits)));
        profiles.iter().for_each(|(name, profiled)| show(name, profiled));
        let timings: Vec<Value> = profiles.iter().map(|(name, of)| json!({ "recipe": name, "profile": of })).collect();
        return Ok(json!({ "timings": timings }));
    }
    if arguments.fresh {
        experiment::discard_networks(&folder)?;
    }
    let stop = stop_on_interrupt()?;
    let mut shown = Shown::new();
    let share = Share { years: arguments.years.clone(), seeds: arguments.seeds.clone() };
    let mut show = |progress| shown.run(&progress);
    let job = Job::new(&experiment, &market, &folder).with(resources).stopped_by(&stop).watched(&mut show);
    let files = experiment::train(job, &share);
    shown.clear();
    let files = files?;
    anyhow::ensure!(!files.is_empty(), NOTHING);
    files.iter().for_each(|file| say!("{}", file.display()));
    Ok(json!({ "models": files }))
}

fn show(name: &str, profiled: &Profiled) {
    let Profiled { steps, samples, seconds, stages } = profiled;
    let each = 1e3 * seconds / *steps as f64;
    let rate = (steps * samples) as f64 / seconds;
    say!("{name}: {each:.1} ms a step of {samples} samples, {rate:.0} samples/s over {steps} steps");
    say!("{}\n", stage_sheet("", stages, *steps).terminal());
}
