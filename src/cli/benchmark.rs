//! `minvar benchmark`: times every estimator.

use std::path::PathBuf;
use std::time::Instant;

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};

use serde_json::{Value, json};

use crate::allocators::{self, Allocator, Situation};
use crate::cli::output::{note, say};
use crate::cli::reading::{self, Reading};
use crate::data::{Table, read_returns, write_text};
use crate::estimators::{self, Calibration, History, Window};
use crate::linalg::{Covariance, Matrix};
use crate::panel::Panel;
use crate::registry::{Choice, MOST_DAYS, check, check_repetitions};
use crate::render::{Runtime, RuntimePoint, runtime_figure};
use crate::synthetic::SyntheticMarket;
use crate::train::estimator_of;

/// Time every estimator, from returns to covariance
///
/// Each estimate starts from a fresh window of a synthetic market, or of your own returns, so that the time of an
/// estimator includes all its products and decompositions. What an estimator learns once a year (average_oracle) is
/// timed separately.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Numbers of assets of the synthetic markets
    #[arg(long, value_delimiter = ',', default_value = "50,100,200,350,500,1000")]
    assets: Vec<usize>,
    /// Days in the window
    #[arg(long, default_value_t = 1200)]
    days: usize,
    /// Use these returns or prices instead (any file that 'minvar estimate' reads), so that other programs can be timed on
    /// the same numbers
    #[arg(long, value_name = "FILE")]
    returns: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Estimators with parameters, one --estimator each; a trained network is model=FILE [default: all]
    #[arg(long, value_name = "NAME[,KEY=VALUE…]")]
    estimator: Vec<String>,
    /// Also build a portfolio from each estimate
    #[arg(long, value_name = "NAME[,KEY=VALUE…]")]
    allocator: Option<String>,
    /// Repetitions; the median is reported
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// An estimator that takes longer than this for one estimate is not timed on larger sizes
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    limit: f64,
    /// Number of threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Folder for runtime.csv and runtime.svg
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    super::start_threads(Some(arguments.threads))?;
    check_repetitions(arguments.repeat, 1, "--repeat")?;
    check((2..=MOST_DAYS).contains(&arguments.days), "--days", "in 2..=100000", arguments.days)?;
    let words = match arguments.estimator.is_empty() {
        true => estimators::ALL.iter().map(|entry| entry.name.to_string()).collect(),
        false => arguments.estimator.clone(),
    };
    let choices: Vec<Choice> = words.iter().map(|words| Choice::from_words(words)).collect::<Result<_, _>>()?;
    let allocator = arguments.allocator.as_deref().map(Choice::from_words).transpose()?;
    let allocator = match &allocator {
        Some(choice) => Some((allocators::named(&choice.name)?.build)(choice)?),
        None => None,
    };
    let label = |choice: &Choice| Runtime { label: choice.label.clone(), points: Vec::new() };
    let mut timed: Vec<Runtime> = choices.iter().map(label).collect();
    let mut days = arguments.days;
    let mut sizes = Vec::new();
    for work in works(arguments)? {
        let work = work?;
        days = work.returns.nrows();
        sizes.push(work.returns.ncols());
        for (choice, runtime) in choices.iter().zip(&mut timed) {
            if runtime.points.last().is_some_and(|point| point.seconds() > arguments.limit) {
                continue;
            }
            note!("{} assets: {}", work.returns.ncols(), choice.label);
            runtime.points.extend(work.time(choice, allocator.as_deref(), arguments)?);
        }
    }
    say!("{}", table(&timed, &sizes));
    let (repeat, threads) = (arguments.repeat, arguments.threads);
    say!("seconds for one estimate from {days} days, median of {repeat}; threads: {threads}");
    if let Some(folder) = &arguments.out {
        csv(&timed).write_csv(&folder.join("runtime.csv"))?;
        let title = format!("One estimate from {days} days, threads: {}", arguments.threads);
        write_text(&folder.join("runtime.svg"), &runtime_figure(&title, &timed).svg())?;
    }
    let points = |runtime: &Runtime| {
        let point = |p: &RuntimePoint| json!({ "n_assets": p.n_assets, "seconds": p.repetitions, "fit_seconds": p.fit_seconds });
        (runtime.label.clone(), runtime.points.iter().map(point).collect::<Vec<_>>().into())
    };
    let estimators: serde_json::Map<String, Value> = timed.iter().map(points).collect();
    Ok(json!({ "estimators": estimators, "n_days": days, "threads": threads }))
}

/// Returns to time the estimators on, and the market they come from.
struct Work {
    panel: Panel,
    /// Days before the window, from which estimators may learn.
    known: usize,
    returns: Matrix,
}

/// One [`Work`] per size, in ascending order, made when it is needed; with `--returns`, a single one of the user's
/// returns.
fn works(arguments: &Arguments) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Work>> + '_>> {
    if let Some(path) = &arguments.returns {
        let read = read_returns(path, &arguments.reading.options(None), None)?;
        reading::say(&read.notes);
        let returns = read.returns.matrix;
        let names: Vec<usize> = (0..returns.ncols()).collect();
        let panel = Panel::of_returns(&names, returns.clone())?;
        return Ok(Box::new(std::iter::once(Ok(Work { panel, known: returns.nrows(), returns }))));
    }
    let mut sizes = arguments.assets.clone();
    sizes.sort_unstable();
    let days = arguments.days;
    let work = move |n_assets: usize| {
        let (panel, _) = SyntheticMarket::complete(n_assets, 2 * days).simulate()?;
        let returns = panel.matrix(days..2 * days);
        Ok(Work { panel, known: days, returns })
    };
    Ok(Box::new(sizes.into_iter().map(work)))
}

impl Work {
    /// The time of one estimator; `None` if it fails on this window, for example because its estimate does not exist.
    fn time(
        &self,
        choice: &Choice,
        allocator: Option<&dyn Allocator>,
        arguments: &Arguments,
    ) -> anyhow::Result<Option<RuntimePoint>> {
        let n_assets = self.returns.ncols();
        let history = History::of_all_assets(self.panel.past(self.known), self.known / 2);
        let calibration = Calibration { history: Some(history), ..Calibration::default() };
        let start = Instant::now();
        let estimator = estimator_of(choice, &calibration, self.returns.nrows())?;
        let mut point = RuntimePoint { n_assets, repetitions: Vec::new(), fit_seconds: start.elapsed().as_secs_f64() };
        for _ in 0..arguments.repeat.max(1) {
            let returns = self.returns.clone();
            let start = Instant::now();
            let window = Window::new(returns)?;
            let weigh = |covariance: Covariance| {
                allocator.map_or(Ok(()), |a| a.allocate(&covariance, &Situation::default()).map(|_| ()))
            };
            if let Err(error) = estimator.estimate(&window).and_then(weigh) {
                note!("  {error}");
                return Ok(None);
            }
            point.repetitions.push(start.elapsed().as_secs_f64());
            if point.repetitions.iter().sum::<f64>() > arguments.limit {
                break;
            }
        }
        Ok(Some(point))
    }
}

fn table(timed: &[Runtime], sizes: &[usize]) -> TextTable {
    let mut table = TextTable::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let sizes_named = sizes.iter().map(|n| format!("n = {n}"));
    table.set_header(["estimator".to_string()].into_iter().chain(sizes_named).chain(["once a year".to_string()]));
    for runtime in timed {
        let at = |n: &usize| runtime.points.iter().find(|point| point.n_assets == *n);
        let cells =
            sizes.iter().map(|n| at(n).map_or_else(|| "-".to_string(), |point| format!("{:.4}", point.seconds())));
        let fit = runtime.points.last().filter(|point| point.fit_seconds > 0.01);
        let fit = fit.map_or_else(String::new, |point| format!("{:.2}", point.fit_seconds));
        table.add_row([runtime.label.clone()].into_iter().chain(cells).chain([fit]));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn csv(timed: &[Runtime]) -> Table {
    let rows = || timed.iter().flat_map(|runtime| runtime.points.iter().map(move |point| (&runtime.label, point)));
    Table::default()
        .with_texts("estimator", rows().map(|(label, _)| label))
        .with_counts("n_assets", rows().map(|(_, point)| point.n_assets))
        .with_numbers("seconds", rows().map(|(_, point)| point.seconds()))
        .with_numbers("fit_seconds", rows().map(|(_, point)| point.fit_seconds))
}
