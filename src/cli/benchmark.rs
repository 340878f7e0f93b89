//! `minvar benchmark`: how long every estimator takes.

use std::path::PathBuf;
use std::time::Instant;

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};

use crate::data::{Table, write_text};
use crate::estimators::{self, Calibration, Window};
use crate::linalg::Matrix;
use crate::panel::{Panel, Past};
use crate::registry::Choice;
use crate::report::{Runtime, runtime_figure};
use crate::synthetic::SyntheticMarket;
use crate::universe::Missing;

/// Time every estimator, from returns to covariance
///
/// Each estimate starts from a fresh window of a synthetic market: products, decompositions and everything else are paid
/// for by the estimator that is timed. What an estimator learns once a year (average_oracle) is timed apart.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Numbers of assets
    #[arg(long, value_delimiter = ',', default_value = "50,100,200,350,500,1000")]
    assets: Vec<usize>,
    /// Days in the window
    #[arg(long, default_value_t = 1200)]
    days: usize,
    /// Estimators with parameters, one --estimator each [default: all]
    #[arg(long, value_name = "NAME[,KEY=VALUE…]")]
    estimator: Vec<String>,
    /// Repetitions, of which the median is reported
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// An estimator that takes longer for one estimate is not timed on larger sizes
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    limit: f64,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Folder for runtime.csv and runtime.svg
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    let words = match arguments.estimator.is_empty() {
        true => estimators::ALL.iter().map(|entry| entry.name.to_string()).collect(),
        false => arguments.estimator.clone(),
    };
    let choices: Vec<Choice> = words.iter().map(|words| Choice::from_words(words)).collect::<Result<_, _>>()?;
    let mut timed: Vec<Runtime> =
        choices.iter().map(|choice| Runtime { label: choice.label.clone(), points: Vec::new() }).collect();
    let mut sizes = arguments.assets.clone();
    sizes.sort_unstable();
    for &n_assets in &sizes {
        let market = SyntheticMarket {
            n_assets,
            n_days: 2 * arguments.days,
            listed_at_start: 1.0,
            delisting_rate_annual: 0.0,
            missing_rate: 0.0,
            ..SyntheticMarket::default()
        };
        let (panel, _) = market.simulate()?;
        for (choice, runtime) in choices.iter().zip(&mut timed) {
            if runtime.points.last().is_some_and(|point| point.seconds > arguments.limit) {
                continue;
            }
            eprintln!("{n_assets} assets: {}", choice.label);
            if let Some(point) = time(choice, &panel, arguments)? {
                runtime.points.push(point);
            }
        }
    }
    println!("{}", table(&timed, &sizes));
    println!(
        "seconds for one estimate from {} days, median of {}; threads: {}",
        arguments.days, arguments.repeat, arguments.threads
    );
    if let Some(folder) = &arguments.out {
        csv(&timed).write_csv(&folder.join("runtime.csv"))?;
        let title = format!("Seconds for one estimate from {} days, {} thread(s)", arguments.days, arguments.threads);
        write_text(&folder.join("runtime.svg"), &runtime_figure(&title, &timed))?;
    }
    Ok(())
}

/// One size of one estimator; nothing where it does not exist.
fn time(choice: &Choice, panel: &Panel, arguments: &Arguments) -> anyhow::Result<Option<crate::report::RuntimePoint>> {
    let (n_assets, days) = (panel.n_assets(), arguments.days);
    let members = |_: Past<'_>| Ok((0..n_assets).collect());
    let (past, missing) = (panel.past(days), Missing::Zero);
    let calibration = Calibration { past, members: &members, missing, lookback: days / 2, horizon: 5, seed: 0 };
    let start = Instant::now();
    let estimator = (estimators::named(&choice.name)?.fit)(choice, &calibration)?;
    let fit_seconds = start.elapsed().as_secs_f64();
    let returns = Matrix::from_fn(days, n_assets, |day, asset| panel.returns(asset)[days + day]);
    let mut seconds = Vec::new();
    for _ in 0..arguments.repeat.max(1) {
        let start = Instant::now();
        let window = Window::new(returns.clone())?;
        if let Err(error) = estimator.estimate(&window) {
            eprintln!("  {error}");
            return Ok(None);
        }
        seconds.push(start.elapsed().as_secs_f64());
        if seconds.iter().sum::<f64>() > arguments.limit {
            break;
        }
    }
    seconds.sort_by(f64::total_cmp);
    Ok(Some(crate::report::RuntimePoint { n_assets, seconds: seconds[seconds.len() / 2], fit_seconds }))
}

fn table(timed: &[Runtime], sizes: &[usize]) -> TextTable {
    let mut table = TextTable::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let sizes_named = sizes.iter().map(|n| format!("n = {n}"));
    table.set_header(["estimator".to_string()].into_iter().chain(sizes_named).chain(["once a year".to_string()]));
    for runtime in timed {
        let at = |n: &usize| runtime.points.iter().find(|point| point.n_assets == *n);
        let cells =
            sizes.iter().map(|n| at(n).map_or_else(|| "-".to_string(), |point| format!("{:.4}", point.seconds)));
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
        .with_numbers("seconds", rows().map(|(_, point)| point.seconds))
        .with_numbers("fit_seconds", rows().map(|(_, point)| point.fit_seconds))
}
