//! The command line: one file per subcommand.

mod benchmark;
mod compare;
mod device;
mod data;
mod estimate;
mod figures;
mod init;
mod list;
mod model;
mod output;
mod paper;
mod progress;
mod reading;
mod report;
mod run;
pub mod schema;
mod shell;
mod simulate;
mod train;
mod work;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::cli::output::{Talk, note};
use crate::error::Error;
use crate::results::{self, Results};

/// Compare covariance cleaners by the realised risk of their minimum-variance portfolios.
///
/// An experiment is a TOML file: data, universe, windows, estimators, allocators. `minvar run` walks forward through
/// the data without look-ahead and writes tables, figures and full provenance.
#[derive(Parser)]
#[command(
    version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("MINVAR_COMMIT"), ")"),
    max_term_width = 100,
    after_help = "\
Start here:
  minvar run quick                           a synthetic market and a small network, 10 seconds
  minvar init mine --panel mine              an experiment of your own, with comments
  minvar list                                estimators and allocators, with parameters and references
  minvar estimate --returns returns.csv --estimator qis --out covariance.csv
  minvar report quick                        what a run found: tests of significance, figures, one HTML page
  minvar data import prices.csv --name mine  your own data, see data/README.md
  minvar simulate mine.toml                  trade the weights of a run: auctions, fees, slippage, interest, margin
  minvar device                              CUDA devices; --device cuda trains and runs networks there
In a clone of the repository:
  minvar run experiments/us_gmv.toml         1,000 US stocks, 2018-2023; the data need a licence, see data/README.md
  minvar train experiments/us_network.toml   a network for each of these years, for the same stocks
  minvar figures                             redraw all figures and tables of all committed runs
  minvar paper check                         compare published numbers with ours"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Init(init::Arguments),
    Schema(schema::Arguments),
    Simulate(simulate::Arguments),
    Train(train::Arguments),
    #[command(subcommand)]
    Model(model::Command),
    #[command(subcommand)]
    Data(data::Command),
    Report(report::Arguments),
    Figures(figures::Arguments),
    Compare(compare::Arguments),
    #[command(subcommand)]
    Paper(paper::Command),
    Estimate(estimate::Arguments),
    List(list::Arguments),
    Benchmark(benchmark::Arguments),
    Device(device::Arguments),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// The folder that holds the panels.
#[derive(clap::Args)]
struct DataFolder {
    /// Folder that holds the panels [default: $MINVAR_DATA, else data]
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl DataFolder {
    fn path(&self) -> PathBuf {
        let from_environment = || std::env::var_os("MINVAR_DATA").map(PathBuf::from);
        self.folder.clone().or_else(from_environment).unwrap_or_else(|| PathBuf::from("data"))
    }

    /// The folder of a panel. Fails with a list of the existing panels if there is none of this name.
    fn panel(&self, name: &str) -> crate::error::Result<PathBuf> {
        let root = self.path();
        let folder = root.join(name);
        if folder.join("panel.toml").exists() {
            return Ok(folder);
        }
        let entries = std::fs::read_dir(&root).into_iter().flatten().flatten();
        let mut known: Vec<String> = entries
            .filter(|entry| entry.path().join("panel.toml").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        known.sort();
        if known.is_empty() {
            known.push(format!("none in {} (fill it with 'minvar data import', see data/README.md)", root.display()));
        }
        Err(Error::unknown("panel", name, known.iter().map(String::as_str)))
    }
}

/// Starts the global thread pool, by default with one thread per core.
fn start_threads(number: Option<usize>) -> anyhow::Result<()> {
    if let Some(number) = number {
        crate::registry::check((1..=1024).contains(&number), "--threads", "in 1..=1024", number)?;
    }
    // For comparing the loops of different processors on one of them.
    if let Ok(written) = std::env::var("MINVAR_VECTOR_BITS") {
        let bits = written.parse().ok().filter(|bits| [128, 256, 512].contains(bits));
        let bits = bits.with_context(|| format!("MINVAR_VECTOR_BITS is 128, 256 or 512, not '{written}'"))?;
        anyhow::ensure!(
            crate::linalg::limit_vectors(bits),
            "MINVAR_VECTOR_BITS = {bits} is more than this processor has"
        );
    }
    rayon::ThreadPoolBuilder::new().num_threads(number.unwrap_or(0)).build_global()?;
    Ok(())
}

/// Opens a finished run, given its name below `out` or its folder.
fn open_results(out: &std::path::Path, name: &str) -> crate::error::Result<Results> {
    let folder = [out.join(name), PathBuf::from(name)].into_iter().find(|folder| folder.is_dir());
    match folder {
        Some(folder) => Results::open(&folder),
        None => {
            let known = results::find(out);
            let names: Vec<String> = known.iter().filter_map(|f| Some(Results::open(f).ok()?.name)).collect();
            Err(Error::unknown("run", name, names.iter().map(String::as_str)))
        }
    }
}

/// Runs the program and returns its exit code: 0 success, 1 failure, 130 interrupted.
pub fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // `println!` panics when the reader closes the pipe early, as `head` does.
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.starts_with("failed printing to stdout") {
            std::process::exit(0);
        }
        usual(panic);
    }));
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        // The tensor crate has threads of its own that wait actively: beside ours they take the processor from them, and
        // '--threads 1' would not mean one thread. What is left to them are small tensors. SAFETY: no other thread is
        // running yet.
        unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    }
    let Arguments { command, talk } = Arguments::parse();
    talk.set();
    let outcome = match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Model(command) => model::run(&command),
        Command::Data(command) => data::run(&command),
        Command::Report(arguments) => report::run(&arguments),
        Command::Figures(arguments) => figures::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Paper(command) => paper::run(&command),
        Command::Estimate(arguments) => estimate::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Benchmark(arguments) => benchmark::run(&arguments),
        Command::Device(arguments) => device::run(&arguments),
        Command::Completions(arguments) => arguments.run(),
        Command::Man(arguments) => arguments.run(),
    };
    if let n @ 1.. = crate::linalg::eigen::fallbacks() {
        note!(
            "{n} eigendecompositions failed their check and were computed by the linear-algebra crate; please report this"
        );
    }
    match outcome {
        Ok(told) => {
            if talk.json {
                println!("{told}");
            }
            ExitCode::SUCCESS
        }
        // The reader closed the pipe early, as `head` does.
        Err(error) if error.downcast_ref().is_some_and(|e: &std::io::Error| e.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("minvar: {error}\n"));
            let interrupted = matches!(error.downcast_ref::<Error>(), Some(Error::Interrupted { .. }));
            ExitCode::from(if interrupted { 130 } else { 1 })
        }
    }
}
