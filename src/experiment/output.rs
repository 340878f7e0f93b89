//! The files of a finished run.
//!
//! ```text
//! metrics.csv           one row per portfolio
//! returns.parquet       date, estimator, allocator, return; null before a portfolio first exists and after its ruin
//! weights.parquet       date, estimator, allocator, asset, weight (non-zero weights only)
//! diagnostics.parquet   per rebalance: sizes, turnover, concentration, predicted volatility, why undefined, repairs
//! universe.parquet      the certificate: date, asset      universe.csv  date, members, hash, removed by each rule
//! equal_turnover.*      shares of the way to the targets at which all trade no more than the reference, and the returns (parquet), if
//!                       `[evidence]` names a reference; the shares are chosen with hindsight
//! forecasts.csv         how good each estimator's forecasts were, by direction (src/metrics/forecast.rs): mean ratio, bias, exceedance
//!                       and QLIKE, tested against the reference        forecasts.parquet  every score by date
//! fitted.csv            values that were chosen on the past of each year, with their losses, if there are any
//! eigenvalues.csv       cleaned against sample eigenvalues on the last date, if [figures] asks for them
//! run.toml              configuration with all defaults, and provenance
//! table.md, table.tex, *.svg   made from these files by `results`
//! ```

use std::path::Path;

use rayon::prelude::*;

use crate::calendar::Date;
use crate::data::{Table, remove_file};
use crate::description::PortfolioName;
use crate::error::Result;
use crate::experiment::fitted::Chosen;
use crate::experiment::plan::Plan;
use crate::experiment::windows::{Allocation, Decision, EigenvalueMap};
use crate::experiment::{evaluate, forecasts};
use crate::linalg::Repair;
use crate::metrics;
use crate::render::{Performance, performance_table};
use crate::universe::GapDays;

/// Writes the tables of numbers and returns the measures, one [`Performance`] per portfolio. A run of a sweep stores its returns in
/// single precision.
pub(super) fn write(
    plan: &Plan<'_>,
    decisions: &[Decision],
    folder: &Path,
    is_of_sweep: bool,
) -> Result<Vec<Performance>> {
    // What this run does not write must not be left of an earlier one.
    for file in ["equal_turnover.csv", "equal_turnover.parquet", "fitted.csv", "eigenvalues.csv", "eigenvalues.svg"] {
        remove_file(&folder.join(file))?;
    }
    let paths: Vec<evaluate::Path> = (0..plan.pairs.len()).map(|n| evaluate::follow(plan, decisions, n)).collect();
    let performance = |(n, path)| evaluate::performance(plan, decisions, n, path);
    let rows: Vec<Performance> = paths.iter().enumerate().map(performance).collect();
    let dates = &plan.market.panel.calendar().dates()[decisions[0].day + 1..];
    let dates = &dates[..paths[0].returns.len()];

    returns_table(plan, dates, &paths, is_of_sweep).write_parquet(&folder.join("returns.parquet"))?;
    weights_table(plan, decisions).write_parquet(&folder.join("weights.parquet"))?;
    diagnostics_table(plan, decisions, &paths).write_parquet(&folder.join("diagnostics.parquet"))?;
    members_table(plan, decisions).write_parquet(&folder.join("universe.parquet"))?;
    certificate_table(plan, decisions).write_csv(&folder.join("universe.csv"))?;
    performance_table(&rows).write_csv(&folder.join("metrics.csv"))?;
    forecasts::summary(plan, decisions).write_csv(&folder.join("forecasts.csv"))?;
    forecasts::every_score(plan, decisions).write_parquet(&folder.join("forecasts.parquet"))?;
    write_equal_turnover(plan, decisions, &paths, dates, folder)?;
    let chosen: Vec<&Chosen> = decisions.iter().flat_map(|decision| &decision.fitted).collect();
    if !chosen.is_empty() {
        fitted_table(&chosen).write_csv(&folder.join("fitted.csv"))?;
    }
    Ok(rows)
}

/// Writes the cleaned against the sample eigenvalues of the last date.
pub(super) fn write_eigenvalues(maps: &[EigenvalueMap], folder: &Path) -> Result<()> {
    let rows = || maps.iter().flat_map(|(label, map)| (0..map.nrows()).map(move |k| (label, map, k)));
    Table::default()
        .with_texts("estimator", rows().map(|(label, _, _)| label))
        .with_counts("rank", rows().map(|(_, _, k)| k + 1))
        .with_numbers("sample", rows().map(|(_, map, k)| map[(k, 0)]))
        .with_numbers("cleaned", rows().map(|(_, map, k)| map[(k, 1)]))
        .write_csv(&folder.join("eigenvalues.csv"))
}

fn returns_table(plan: &Plan<'_>, dates: &[Date], paths: &[evaluate::Path], in_singles: bool) -> Table {
    let each = |label: fn(&PortfolioName) -> &str| {
        plan.pairs.iter().flat_map(move |pair| std::iter::repeat_n(label(&pair.name), dates.len()))
    };
    let table = Table::default()
        .with_dates("date", paths.iter().flat_map(|_| dates.iter().copied()))
        .with_texts("estimator", each(PortfolioName::estimator_cell))
        .with_texts("allocator", each(|name| &name.allocator));
    let returns = paths.iter().flat_map(|path| path.returns.iter().copied());
    if in_singles { table.with_singles("return", returns) } else { table.with_numbers("return", returns) }
}

fn weights_table(plan: &Plan<'_>, decisions: &[Decision]) -> Table {
    let panel = &plan.market.panel;
    let mut rows = Vec::new();
    for decision in decisions {
        for (pair, allocation) in plan.pairs.iter().zip(&decision.allocations) {
            let weights = decision.members.iter().zip(allocation.weights().unwrap_or(&[]));
            rows.extend(weights.filter(|(_, w)| **w != 0.0).map(|(&asset, &w)| (decision.day, pair, asset, w)));
        }
    }
    Table::default()
        .with_dates("date", rows.iter().map(|row| panel.calendar().date(row.0)))
        .with_texts("estimator", rows.iter().map(|row| row.1.name.estimator_cell()))
        .with_texts("allocator", rows.iter().map(|row| &row.1.name.allocator))
        .with_texts("asset", rows.iter().map(|row| &panel.assets()[row.2].symbol))
        .with_numbers("weight", rows.iter().map(|row| row.3))
}

fn diagnostics_table(plan: &Plan<'_>, decisions: &[Decision], paths: &[evaluate::Path]) -> Table {
    let calendar = plan.market.panel.calendar();
    let rows = || {
        let of_decision = |(k, decision)| (0..plan.pairs.len()).map(move |n| (k, decision, n));
        decisions.iter().enumerate().flat_map(of_decision)
    };
    let measure = |f: fn(&[f64]) -> f64| {
        rows().map(move |(_, d, n): (usize, &Decision, usize)| d.allocations[n].weights().map_or(f64::NAN, f))
    };
    let predicted = |allocation: &Allocation| match allocation {
        Allocation::Weights { predicted_volatility, .. } => {
            metrics::annual(*predicted_volatility, plan.market.panel.periods_per_year())
        }
        Allocation::Undefined(_) => f64::NAN,
    };
    let why = |allocation: &Allocation| match allocation {
        Allocation::Weights { .. } => String::new(),
        Allocation::Undefined(why) => why.clone(),
    };
    Table::default()
        .with_dates("date", rows().map(|(_, d, _)| calendar.date(d.day)))
        .with_texts("estimator", rows().map(|(_, _, n)| plan.pairs[n].name.estimator_cell()))
        .with_texts("allocator", rows().map(|(_, _, n)| &plan.pairs[n].name.allocator))
        .with_counts("n_assets", rows().map(|(_, d, _)| d.members.len()))
        .with_counts("n_filled", rows().map(|(_, d, _)| d.n_filled))
        .with_numbers("turnover", rows().map(|(k, _, n)| paths[n].turnover[k]))
        .with_numbers("n_eff", measure(metrics::n_effective))
        .with_numbers("gross", measure(metrics::gross_leverage))
        .with_numbers("short_share", measure(metrics::short_share))
        .with_numbers("predicted_volatility_annual", rows().map(|(_, d, n)| predicted(&d.allocations[n])))
        .with_texts("undefined", rows().map(|(_, d, n)| why(&d.allocations[n])))
        .with_texts("repairs", rows().map(|(_, d, n)| written(&d.repairs[plan.pairs[n].estimator])))
}

/// Writes what portfolios realise if all trade no more than that of the reference by the same allocator.
fn write_equal_turnover(
    plan: &Plan<'_>,
    decisions: &[Decision],
    paths: &[evaluate::Path],
    dates: &[Date],
    folder: &Path,
) -> Result<()> {
    let Some(reference) = plan.experiment.evidence.reference.as_ref() else { return Ok(()) };
    let of_reference = |number: usize| {
        let allocator = &plan.pairs[number].name.allocator;
        let is_it = |name: &PortfolioName| name.estimator.as_ref() == Some(reference) && name.allocator == *allocator;
        let place = plan.pairs.iter().position(|pair| is_it(&pair.name))?;
        evaluate::mean_turnover(&paths[place])
    };
    let smoothed = |number: usize| {
        plan.pairs[number].name.estimator.as_ref()?;
        Some((number, evaluate::at_turnover(plan, decisions, number, of_reference(number)?)?))
    };
    let all: Vec<(usize, (f64, evaluate::Path))> =
        (0..plan.pairs.len()).into_par_iter().map(smoothed).collect::<Vec<_>>().into_iter().flatten().collect();
    let name = |number: usize| &plan.pairs[number].name;
    let per_year = plan.market.panel.periods_per_year();
    let lived = |path: &evaluate::Path| path.returns.iter().copied().filter(|r| !r.is_nan()).collect::<Vec<f64>>();
    let volatility = |path: &evaluate::Path| metrics::volatility_annual(&lived(path), per_year);
    Table::default()
        .with_texts("estimator", all.iter().map(|(number, _)| name(*number).estimator_cell()))
        .with_texts("allocator", all.iter().map(|(number, _)| &name(*number).allocator))
        .with_texts("reference", all.iter().map(|_| reference))
        .with_numbers("share", all.iter().map(|(_, (share, _))| *share))
        .with_numbers("turnover", all.iter().map(|(_, (_, path))| evaluate::mean_turnover(path).unwrap_or(f64::NAN)))
        .with_numbers("volatility_annual", all.iter().map(|(_, (_, path))| volatility(path)))
        .write_csv(&folder.join("equal_turnover.csv"))?;
    let each = |number: usize, cell: fn(&PortfolioName) -> &str| std::iter::repeat_n(cell(name(number)), dates.len());
    Table::default()
        .with_dates("date", all.iter().flat_map(|_| dates.iter().copied()))
        .with_texts("estimator", all.iter().flat_map(|(number, _)| each(*number, PortfolioName::estimator_cell)))
        .with_texts("allocator", all.iter().flat_map(|(number, _)| each(*number, |name| &name.allocator)))
        .with_singles("return", all.iter().flat_map(|(_, (_, path))| path.returns.iter().copied()))
        .write_parquet(&folder.join("equal_turnover.parquet"))
}

/// One row for each value that was tried.
fn fitted_table(chosen: &[&Chosen]) -> Table {
    let rows = || chosen.iter().flat_map(|of| (0..of.values.len()).map(move |place| (*of, place)));
    Table::default()
        .with_texts("estimator", rows().map(|(of, _)| &of.estimator))
        .with_counts("year", rows().map(|(of, _)| of.year as usize))
        .with_texts("parameter", rows().map(|(of, _)| &of.parameter))
        .with_texts("value", rows().map(|(of, place)| &of.values[place]))
        .with_numbers("loss", rows().map(|(of, place)| of.losses[place].unwrap_or(f64::NAN)))
        .with_texts("chosen", rows().map(|(of, place)| if place == of.place { "yes" } else { "" }))
}

/// Formats repairs with their counts: `garch_fallback 2, threshold_raised 1`.
fn written(repairs: &[Repair]) -> String {
    repairs.iter().map(|repair| format!("{} {}", repair.what, repair.count)).collect::<Vec<_>>().join(", ")
}

fn members_table(plan: &Plan<'_>, decisions: &[Decision]) -> Table {
    let panel = &plan.market.panel;
    let rows = || decisions.iter().flat_map(|d| d.members.iter().map(move |&asset| (d.day, asset)));
    Table::default()
        .with_dates("date", rows().map(|(day, _)| panel.calendar().date(day)))
        .with_texts("asset", rows().map(|(_, asset)| &panel.assets()[asset].symbol))
}

fn certificate_table(plan: &Plan<'_>, decisions: &[Decision]) -> Table {
    let calendar = plan.market.panel.calendar();
    let mut table = Table::default()
        .with_dates("date", decisions.iter().map(|d| calendar.date(d.day)))
        .with_counts("n_members", decisions.iter().map(|d| d.members.len()))
        .with_counts("n_filled", decisions.iter().map(|d| d.n_filled))
        .with_texts("hash", decisions.iter().map(|d| &d.universe_hash));
    if plan.universe.rules().gap_days == GapDays::Neutral {
        table = table.with_counts("n_with_gaps", decisions.iter().map(|d| d.n_with_gaps));
    }
    for (k, (rule, _)) in decisions[0].removed.iter().enumerate() {
        table = table.with_counts(&format!("removed_{rule}"), decisions.iter().map(|d| d.removed[k].1));
    }
    table
}
