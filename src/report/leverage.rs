//! Leverage against what it earns and risks.

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};

use crate::data::Table;
use crate::report::AccountRow;
use crate::report::lines::{Axis, Frame, Line, frames_figure, round_ticks};

/// One portfolio over its leverages.
pub struct LeverageSeries<'a> {
    /// What it is called.
    pub name: String,
    /// Its accounts, leverage ascending.
    pub rows: Vec<&'a AccountRow>,
}

impl<'a> LeverageSeries<'a> {
    /// Groups accounts by portfolio, in their order.
    pub fn group(rows: &'a [AccountRow]) -> Vec<Self> {
        let mut groups: Vec<(&str, &str, Vec<&AccountRow>)> = Vec::new();
        for row in rows {
            match groups.iter_mut().find(|(e, a, _)| (*e, *a) == (&row.estimator, &row.allocator)) {
                Some((_, _, group)) => group.push(row),
                None => groups.push((&row.estimator, &row.allocator, vec![row])),
            }
        }
        let mut allocators: Vec<&str> = groups.iter().filter(|(e, ..)| *e != "none").map(|(_, a, _)| *a).collect();
        allocators.dedup();
        let several = allocators.iter().any(|a| *a != allocators[0]);
        let name = |e: &str, a: &str| match (e, several) {
            ("none" | "", _) => a.to_string(),
            (e, false) => e.to_string(),
            (e, true) => format!("{e} {a}"),
        };
        groups.into_iter().map(|(e, a, rows)| Self { name: name(e, a), rows }).collect()
    }

    /// The lowest leverage at which a position was sold by force.
    pub fn first_liquidation(&self) -> Option<&'a AccountRow> {
        self.rows.iter().find(|row| row.n_liquidations > 0 || !row.ruined.is_empty()).copied()
    }

    /// Volatility a unit of leverage: least squares through the origin over the leverages below the first liquidation.
    pub fn volatility_slope(&self) -> f64 {
        let first = self.first_liquidation().map_or(f64::INFINITY, |row| row.leverage);
        let calm = || self.rows.iter().filter(|row| row.leverage < first);
        let product: f64 = calm().map(|row| row.leverage * row.volatility_annual).sum();
        product / calm().map(|row| row.leverage.powi(2)).sum::<f64>()
    }

    /// The account nearest to a leverage.
    fn at(&self, leverage: f64) -> Option<&'a AccountRow> {
        let nearest = |a: &&&'a AccountRow, b: &&&'a AccountRow| {
            (a.leverage - leverage).abs().total_cmp(&(b.leverage - leverage).abs())
        };
        self.rows.iter().min_by(nearest).copied().filter(|row| (row.leverage - leverage).abs() < 0.05)
    }
}

type Measure = (&'static str, fn(&AccountRow) -> f64);

const MEASURES: [Measure; 6] = [
    ("leverage", |row| row.leverage),
    ("sharpe", |row| row.sharpe),
    ("volatility_annual", |row| row.volatility_annual),
    ("growth_annual", |row| row.growth_annual),
    ("max_drawdown", |row| row.max_drawdown),
    ("net_bps", |row| row.net_bps),
];

/// `leverage.csv`: what the figure shows, rounded to six digits.
pub fn leverage_csv(rows: &[AccountRow]) -> Table {
    let mut table = Table::default()
        .with_texts("estimator", rows.iter().map(|row| &row.estimator))
        .with_texts("allocator", rows.iter().map(|row| &row.allocator));
    for (name, measure) in MEASURES {
        table = table.with_numbers(name, rows.iter().map(|row| (measure(row) * 1e6).round() / 1e6));
    }
    table
        .with_counts("n_liquidations", rows.iter().map(|row| row.n_liquidations))
        .with_texts("first_liquidation", rows.iter().map(|row| &row.first_liquidation))
        .with_texts("ruined", rows.iter().map(|row| &row.ruined))
}

/// A Markdown table: first liquidation, slope, and what leverages 1, 2 and 3 were.
pub fn leverage_table(series: &[LeverageSeries<'_>]) -> String {
    let mut table = TextTable::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "portfolio",
        "first liquidation at",
        "on",
        "volatility slope",
        "Sharpe at 1",
        "at 2",
        "at 3",
        "max drawdown at 1",
        "at 2",
        "at 3",
        "liquidations at 3",
    ]);
    let mut order: Vec<&LeverageSeries<'_>> = series.iter().collect();
    order.sort_by(|a, b| a.volatility_slope().total_cmp(&b.volatility_slope()));
    for s in order {
        let first = s.first_liquidation();
        let number = |leverage: f64, f: fn(&AccountRow) -> f64, scale: f64, digits: usize| {
            s.at(leverage).map_or_else(|| "-".to_string(), |row| format!("{:.digits$}", scale * f(row)))
        };
        let mut cells = vec![
            s.name.clone(),
            first.map_or_else(|| "-".to_string(), |row| format!("{:.2}", row.leverage)),
            first.map_or_else(String::new, |row| row.first_liquidation.clone()),
            format!("{:.4}", s.volatility_slope()),
        ];
        cells.extend([1.0, 2.0, 3.0].map(|l| number(l, |row| row.sharpe, 1.0, 2)));
        cells.extend([1.0, 2.0, 3.0].map(|l| number(l, |row| row.max_drawdown, 1.0, 2)));
        cells.push(s.at(3.0).map_or_else(|| "-".to_string(), |row| row.n_liquidations.to_string()));
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

/// Sharpe ratio above the benchmark (without it, idle cash would have a Sharpe ratio without bound), drawdown, volatility and
/// growth against leverage; a dot where the first liquidation falls.
pub fn leverage_figure(title: &str, series: &[LeverageSeries<'_>], highlight: &[String]) -> String {
    let most = series.iter().flat_map(|s| &s.rows).map(|row| row.leverage).fold(0.0, f64::max);
    let x = Axis { range: (0.0, most), ticks: round_ticks(0.0, most, 5), title: "leverage" };
    let frame = |title: &str, value: fn(&AccountRow) -> f64, scale: f64, floor: f64| {
        let line = |s: &LeverageSeries<'_>| {
            let points = s.rows.iter().map(|row| (row.leverage, scale * value(row)));
            let mark = s.first_liquidation().map(|row| (row.leverage, scale * value(row)));
            let stands_alone = s.rows[0].estimator == "none";
            let named = highlight.is_empty() || stands_alone || highlight.contains(&s.name);
            Line { label: s.name.clone(), points: points.filter(|p| p.1.is_finite()).collect(), mark, named }
        };
        Frame { title: title.to_string(), x: x.clone(), lines: series.iter().map(line).collect(), floor }
    };
    frames_figure(
        title,
        &[
            frame(
                "Sharpe ratio above the benchmark rate, net; dot: first forced liquidation",
                |row| row.sharpe_excess,
                1.0,
                -0.5,
            ),
            frame("deepest loss from a peak, %", |row| row.max_drawdown, 100.0, f64::NEG_INFINITY),
            frame("volatility, % a year", |row| row.volatility_annual, 100.0, f64::NEG_INFINITY),
            frame("growth, % a year", |row| row.growth_annual, 100.0, -40.0),
        ],
    )
}
