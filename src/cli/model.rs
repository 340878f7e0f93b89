//! `minvar model`: what a model file holds, and how fast the network is here.

use std::io::Write;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::nn::{Architecture, Cell};
use crate::train::{Timings, Workload, time};

/// Look into model files, and time the network
#[derive(Subcommand)]
pub(super) enum Command {
    /// Time training steps or forward passes on this machine
    ///
    /// One untimed repetition comes first. With --arrays the work is done on the tensors 'inputs' [batch, n, T] and
    /// 'sigma' [batch, n, n] of a safetensors file, so that other programs can be timed on the same numbers.
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
        /// Stop behind the weights
        #[arg(long)]
        forward_only: bool,
        /// Repetitions
        #[arg(long, default_value_t = 5)]
        repeat: usize,
        /// Arrays to work on [default: random]
        #[arg(long, value_name = "FILE")]
        arrays: Option<PathBuf>,
        /// Threads [default: all cores]
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
        /// Print seconds of every repetition as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Spelling of a cell on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum CellName {
    Gru,
    Lstm,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Time { assets, days, batch, cell, units, forward_only, repeat, arrays, threads, json } => {
            rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build_global()?;
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
            let timings = time(&work, arrays.as_deref())?;
            match json {
                true => println!("{}", serde_json::to_string(&timings)?),
                false => print_timings(&timings)?,
            }
        }
    }
    Ok(())
}

fn print_timings(timings: &Timings) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "milliseconds      best    median")?;
    for (name, seconds) in [
        ("forward", &timings.forward),
        ("backward", &timings.backward),
        ("optimiser", &timings.optimiser),
        ("whole step", &timings.total),
    ] {
        let mut sorted = seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let (best, median) = (sorted.first().copied(), sorted.get(sorted.len() / 2).copied());
        let ms = |x: Option<f64>| x.map_or(f64::NAN, |x| 1e3 * x);
        writeln!(out, "{name:<12} {:>9.1} {:>9.1}", ms(best), ms(median))?;
    }
    Ok(())
}
