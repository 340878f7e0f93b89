//! `minvar estimate`: a covariance, precision matrix or weights from a user's own returns.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use serde::Serialize;

use serde_json::{Value, json};

use crate::allocators::{self, Situation};
use crate::cli::output::note;
use crate::cli::reading::{self, Reading};
use crate::data::{NamedRows, read_returns, write_matrix, write_text};
use crate::error::{Error, Result};
use crate::estimators::combination::Combination;
use crate::estimators::modules::RECURRENT;
use crate::estimators::{self, Calibration, History, Window};
use crate::linalg::{Cholesky, Covariance, Matrix, Repair};
use crate::panel::Panel;
use crate::program::Program;
use crate::registry::{Choice, MOST_DAYS, check};
use crate::train::{MODEL, estimator_of};

/// Estimate the covariance of your own returns
///
/// Returns or prices in any table that 'minvar data import' reads, tables without dates, and NumPy files (.npy) whose
/// rows are days, oldest first. Every guess is reported; --values, --date-column and --missing override it. The window
/// is the last LOOKBACK rows; estimators that learn from history (average_oracle) use the rows before it.
/// OUT.toml, beside OUT, records the parameters, the hash of the input, commit, repairs and duration.
///
///   minvar estimate --returns r.csv --estimator qis --out covariance.csv
///   minvar estimate --returns r.parquet --estimator poet,factors=3 --what precision --out precision.npy
///   minvar estimate --returns r.npy --estimator rie --allocator gmv_long_only --what weights --out weights.csv
///   minvar estimate --returns r.csv --estimator model=2023.safetensors,dtype=f32 --out covariance.csv
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Returns or prices: .csv, .txt, .tsv, .psv, .dat (each also .gz), .parquet or .npy
    #[arg(long, value_name = "FILE")]
    returns: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Estimator and its parameters, see 'minvar list'; or a trained network, model=FILE
    #[arg(long, value_name = "NAME[,KEY=VALUE…]")]
    estimator: String,
    /// Result file: .csv, .parquet or .npy
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Quantity to write
    #[arg(long, value_enum, default_value = "covariance")]
    what: What,
    #[arg(
        long,
        value_name = "NAME[,KEY=VALUE…]",
        help = "Allocator and its parameters, for --what weights [default: gmv]"
    )]
    allocator: Option<String>,
    /// Rows in the window [default: all]
    #[arg(long, value_name = "T")]
    lookback: Option<usize>,
    /// Days a portfolio is held, for estimators that forecast over this horizon (dcc_qis)
    #[arg(long, value_name = "DAYS", default_value_t = 5)]
    horizon: usize,
    /// Random seed of estimators that draw random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The quantity that a result file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Σ, daily
    Covariance,
    /// Σ scaled to unit diagonal
    Correlation,
    /// Σ⁻¹
    Precision,
    /// Eigenvalues of the sample correlation, smallest first, and the estimate along the same eigenvectors
    Spectrum,
    /// Portfolio weights by --allocator
    Weights,
}

/// Record of an estimate, stored beside the result.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    program: Program,
    what: What,
    estimator: &'a Choice,
    allocator: Option<&'a Choice>,
    returns: String,
    returns_hash: String,
    /// What was guessed and what was left out when the returns were read.
    read: &'a [String],
    n_assets: usize,
    n_days: usize,
    horizon: usize,
    seed: u64,
    device: &'a str,
    duration_seconds: f64,
    repairs: &'a [Repair],
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let start = Instant::now();
    check((1..=MOST_DAYS).contains(&arguments.horizon), "--horizon", "in 1..=100000", arguments.horizon)?;
    let is_weights = arguments.what == What::Weights;
    if let Some(allocator) = arguments.allocator.as_ref().filter(|_| !is_weights) {
        anyhow::bail!("--allocator {allocator} is for weights: add --what weights, or leave it out");
    }
    if arguments.out.canonicalize().is_ok_and(|out| arguments.returns.canonicalize().is_ok_and(|own| own == out)) {
        anyhow::bail!("--out {} would overwrite the returns; choose another file", arguments.out.display());
    }
    let estimator = Choice::from_words(&arguments.estimator)?;
    let allocator = Choice::from_words(arguments.allocator.as_deref().unwrap_or("gmv"))?;
    for member in Combination::members_of(&estimator)? {
        if ![MODEL, RECURRENT].contains(&member.name.as_str()) {
            estimators::named(&member.name)?;
        }
    }
    let weigh = (allocators::named(&allocator.name)?.build)(&allocator)?;
    let read = read_returns(&arguments.returns, &arguments.reading.options(None), arguments.lookback)?;
    reading::say(&read.notes);
    read.findings.iter().for_each(|finding| note!("look at: {finding}"));
    let (names, returns) = (read.returns.names, read.returns.matrix);
    if is_symmetric(&returns) {
        let rule = "it holds a symmetric matrix, such as a covariance; returns have a row for each day";
        return Err(Error::data(arguments.returns.display().to_string(), rule).into());
    }
    let n_days = arguments.lookback.unwrap_or(returns.nrows());
    let in_asset = |error: Error| match error {
        Error::Column { column, rule } => {
            Error::data(format!("{}, asset {}", arguments.returns.display(), names[column]), rule)
        }
        other => other,
    };
    let rows: Vec<usize> = (returns.nrows() - n_days..returns.nrows()).collect();
    let window = Window::new(returns.rows(&rows)).map_err(in_asset)?;
    let fitted = fit(&estimator, &names, &returns, n_days, arguments)?;
    let covariance = fitted.estimate(&window).map_err(in_asset)?;

    let (title, row_names, columns, result) = match arguments.what {
        What::Spectrum => {
            let ranks: Vec<String> = (1..=names.len()).map(|rank| rank.to_string()).collect();
            ("rank", ranks, vec!["sample", "cleaned"], estimators::eigenvalue_map(&window, &covariance)?)
        }
        What::Weights => {
            let weights = weigh.allocate(&covariance, &Situation::default()).map_err(in_asset)?;
            let weights = Matrix::from_column_major(names.len(), 1, weights.as_slice().to_vec());
            ("asset", names.clone(), vec!["weight"], weights)
        }
        matrix => {
            let columns = names.iter().map(String::as_str).collect();
            ("asset", names.clone(), columns, square(matrix, &covariance)?)
        }
    };
    write_matrix(&arguments.out, &NamedRows { title, names: &row_names }, &columns, &result)?;
    let record = Record {
        program: Program::this(),
        what: arguments.what,
        estimator: &estimator,
        allocator: is_weights.then_some(&allocator),
        returns: arguments.returns.display().to_string(),
        returns_hash: hash(&returns),
        read: &read.notes,
        n_assets: names.len(),
        n_days,
        horizon: arguments.horizon,
        seed: arguments.seed,
        device: "cpu",
        duration_seconds: start.elapsed().as_secs_f64(),
        repairs: covariance.repairs(),
    };
    write_text(&beside(&arguments.out), &toml::to_string(&record)?)?;
    for repair in covariance.repairs() {
        note!("note: {} {} {}", estimator.label, repair.what, repair.count);
    }
    note!(
        "{} of {} assets from {n_days} days by {} in {}",
        title_of(arguments.what),
        names.len(),
        estimator.label,
        arguments.out.display()
    );
    let mut told = serde_json::to_value(&record)?;
    told["out"] = json!(arguments.out);
    Ok(told)
}

fn is_symmetric(x: &Matrix) -> bool {
    let n = x.nrows();
    let differ = |i: usize, j: usize| (x[(i, j)] - x[(j, i)]).abs() > 1e-12 * x[(i, j)].abs();
    n == x.ncols() && n > 1 && !(0..n).any(|i| (0..i).any(|j| differ(i, j)))
}

fn title_of(what: What) -> &'static str {
    match what {
        What::Covariance => "covariance",
        What::Correlation => "correlation",
        What::Precision => "precision",
        What::Spectrum => "spectrum",
        What::Weights => "weights",
    }
}

fn square(what: What, covariance: &Covariance) -> Result<Matrix> {
    let sigma = covariance.matrix();
    let sd = covariance.volatilities();
    Ok(match what {
        What::Correlation => sigma.clone().map(|i, j, s| if i == j { 1.0 } else { s / (sd[i] * sd[j]) }),
        What::Precision => Cholesky::new(sigma)?.inverse(),
        _ => sigma.clone(),
    })
}

/// The path of the record: `OUT.toml`.
fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_os_string();
    name.push(".toml");
    PathBuf::from(name)
}

fn hash(returns: &Matrix) -> String {
    let bytes: Vec<u8> = returns.entries().iter().flat_map(|r| r.to_le_bytes()).collect();
    blake3::hash(&bytes).to_hex().to_string()
}

/// The estimator, fitted to the rows before the window, which become a panel on invented dates.
fn fit(
    choice: &Choice,
    names: &[String],
    returns: &Matrix,
    lookback: usize,
    arguments: &Arguments,
) -> Result<Box<dyn estimators::CovarianceEstimator>> {
    let n_days = returns.nrows();
    let panel = Panel::of_returns(names, returns.clone())?;
    let history = History::of_all_assets(panel.past(n_days - lookback), lookback);
    let (horizon, seed) = (arguments.horizon, arguments.seed);
    let calibration = Calibration { history: Some(history), horizon, seed, networks: None };
    estimator_of(choice, &calibration, lookback).map_err(|error| match error {
        Error::NotEnoughDays { need, have, .. } => {
            let why = format!(
                "it learns from the rows before the window and needs {need} of them, but there are only {have}; \
                 reduce --lookback"
            );
            Error::Undefined { what: "the estimator", why }
        }
        other => other,
    })
}
