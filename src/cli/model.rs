//! `minvar model`: shows a model file, and times the network on this machine.

use std::io::Write;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use serde_json::{Value, json};

use crate::cli::device::select;
use crate::cli::output::stdout;
use crate::cuda::Device;
use crate::nn::{Architecture, Cell};
use crate::train::{Compute, Measured, Model, Point, Timings, Workload, measure, time};

/// Show model files, and time the network
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the network in a model file, how it was trained and what it has learned
    Show {
        /// Model file
        file: PathBuf,
    },
    /// Time training steps or forward passes on this machine
    ///
    /// One untimed repetition comes first. With --arrays the tensors 'inputs' [batch, n, T] and 'sigma' [batch, n, n]
    /// of a safetensors file are used, so that other programs can be timed on the same numbers.
    Time {
        /// Number of assets n
        #[arg(long, default_value_t = 350)]
        assets: usize,
        /// Days in the window T
        #[arg(long, default_value_t = 1200)]
        days: usize,
        /// Samples in a batch
        #[arg(long, default_value_t = 32)]
        batch: usize,
        /// Recurrent cell
        #[arg(long, default_value = "gru")]
        cell: CellName,
        /// Units of the recurrent layer
        #[arg(long, default_value_t = 16)]
        units: usize,
        /// Time the forward pass up to the weights only
        #[arg(long)]
        forward_only: bool,
        /// Repetitions
        #[arg(long, default_value_t = 5)]
        repeat: usize,
        /// File of arrays to use [default: random numbers]
        #[arg(long, value_name = "FILE")]
        arrays: Option<PathBuf>,
        /// Number of threads [default: all cores]
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
        /// Device: cpu, cuda, cuda:N or auto. On a CUDA device only whole steps are timed
        #[arg(long, default_value = "cpu", value_name = "DEVICE")]
        device: Device,
    },
}

/// Name of a cell on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum CellName {
    Gru,
    Lstm,
}

pub(super) fn run(command: &Command) -> anyhow::Result<Value> {
    match command {
        Command::Show { file } => {
            let model = Model::open(file)?;
            show(&model)?;
            let (header, checksum, curves) = (&model.header, &model.checksum, model.curves()?);
            Ok(json!({ "header": header, "checksum": checksum, "curves": curves }))
        }
        Command::Time { assets, days, batch, cell, units, forward_only, repeat, arrays, threads, device } => {
            super::start_threads(*threads)?;
            let cell = match cell {
                CellName::Gru => Cell::Gru,
                CellName::Lstm => Cell::Lstm,
            };
            let work = Workload {
                network: Architecture { cell, hidden: vec![*units], ..Architecture::compact() },
                batch: *batch,
                n_assets: *assets,
                n_days: *days,
                forward_only: *forward_only,
                repetitions: *repeat,
            };
            let selected = select(*device)?;
            let timings = match selected.resources().compute {
                Compute::Processor => time(&work, arrays.as_deref())?,
                Compute::Device { open, .. } => {
                    let Measured { total, loss, .. } = measure(&work, arrays.as_deref(), open, None)?;
                    Timings { forward: vec![], backward: vec![], optimiser: vec![], total, loss }
                }
            };
            print_timings(&timings)?;
            Ok(serde_json::to_value(&timings)?)
        }
    }
}

/// Ages in days at which the lag curves are printed.
const AGES: [usize; 11] = [1, 2, 5, 10, 20, 50, 100, 252, 500, 1000, 1200];

fn show(model: &Model) -> anyhow::Result<()> {
    let (header, curves) = (&model.header, model.curves()?);
    let network = model.network::<f32>()?;
    let mut out = stdout();
    writeln!(out, "network of {} parameters", network.n_parameters())?;
    for (name, var) in network.parameters() {
        writeln!(out, "  {name:<40} {:?}", var.dims())?;
    }
    let architecture = toml::to_string(&header.network)?;
    architecture.lines().for_each(|line| drop(writeln!(out, "  {line}")));
    let start = match &header.continued_from {
        Some(hash) => format!("from the model with hash {hash}"),
        None => format!("from seed {}", header.seed),
    };
    writeln!(out, "\ntrained {start} on what was known before {}, {} steps", header.trained_before, header.steps)?;
    writeln!(out, "  hash {}, minvar {} ({}), {}", model.hash()?, header.version, header.commit, header.device)?;
    writeln!(out, "  data hash {}", header.data_hash)?;
    match &model.checksum {
        Some(checksum) => writeln!(out, "  checksum {checksum}, correct")?,
        None => writeln!(out, "  no checksum: the file comes from an earlier version, so damage would go unnoticed")?,
    }
    toml::to_string(&header.schedule)?.lines().for_each(|line| drop(writeln!(out, "  {line}")));

    writeln!(out, "\n    step       loss  gradient norm  validation")?;
    let every = header.record.len().div_ceil(12).max(1);
    for points in header.record.chunks(every) {
        let mean = |value: fn(&Point) -> f64| points.iter().map(value).sum::<f64>() / points.len() as f64;
        let validation = points.iter().rev().find_map(|point| point.validation);
        let validation = validation.map_or(String::new(), |v| format!("{v:>12.4}"));
        let step = points.last().map_or(0, |point| point.step);
        writeln!(out, "  {step:>6} {:>10.4} {:>14.4}{validation}", mean(|p| p.loss), mean(|p| p.gradient_norm))?;
    }

    writeln!(out, "\n  lag transform: age in days, weight alpha, beta, clip size 1/(252 beta) as a daily return")?;
    let n_days = curves.age.len();
    for age in AGES.into_iter().filter(|age| *age <= n_days) {
        let (alpha, beta) = (curves.alpha[age - 1], curves.beta[age - 1]);
        let clip = 100.0 / (crate::nn::TRADING_DAYS * beta);
        writeln!(out, "  {age:>6} {alpha:>10.4} {beta:>10.4} {clip:>9.3} %")?;
    }
    // A second moment is a product of two weighted returns, so it carries the square of the weight.
    let squares = || curves.alpha.iter().map(|alpha| alpha * alpha);
    let share = 100.0 * squares().take(252).sum::<f64>() / squares().sum::<f64>();
    writeln!(out, "  the newest 252 of {n_days} days carry {share:.1} % of the squared weight")?;
    writeln!(out, "\n  marginal volatility: s of an asset, inverse volatility before normalisation")?;
    for (s, e) in curves.volatility.iter().zip(&curves.inverse_volatility).skip(4).step_by(5) {
        writeln!(out, "  {s:>6.1} {e:>10.4}")?;
    }
    Ok(())
}

fn print_timings(timings: &Timings) -> std::io::Result<()> {
    let mut out = stdout();
    writeln!(out, "milliseconds      best    median")?;
    for (name, seconds) in [
        ("forward", &timings.forward),
        ("backward", &timings.backward),
        ("optimiser", &timings.optimiser),
        ("whole step", &timings.total),
    ]
    .into_iter()
    .filter(|(_, seconds)| !seconds.is_empty())
    {
        let mut sorted = seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let (best, median) = (sorted.first().copied(), sorted.get(sorted.len() / 2).copied());
        let ms = |x: Option<f64>| x.map_or(f64::NAN, |x| 1e3 * x);
        writeln!(out, "{name:<12} {:>9.1} {:>9.1}", ms(best), ms(median))?;
    }
    Ok(())
}
