//! The result table: one row per estimator and allocator.

use crate::data::Table;
use crate::description::PortfolioName;
use crate::grouping::grouped;
use crate::render::sheet::{Sheet, number, percent};

/// Measures of a portfolio over a run. Values are fractions, annual where the name says so, NaN where undefined.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Performance {
    /// Labels of the portfolio.
    #[serde(flatten)]
    pub name: PortfolioName,
    /// √252 × standard deviation of daily returns.
    pub volatility_annual: f64,
    /// Annual volatility from non-overlapping five-day returns.
    pub volatility_5day_annual: f64,
    /// 252 × mean daily return.
    pub return_annual: f64,
    /// Compound annual growth.
    pub growth_annual: f64,
    /// Annual mean over annual volatility, zero risk-free rate.
    pub sharpe: f64,
    /// Largest loss from a peak.
    pub max_drawdown: f64,
    /// 5 % value at risk of daily returns.
    #[serde(rename = "value_at_risk_5pct")]
    pub value_at_risk: f64,
    /// Mean daily return beyond the value at risk.
    #[serde(rename = "conditional_value_at_risk_5pct")]
    pub conditional_value_at_risk: f64,
    /// Mean traded notional over equity per rebalance, both sides, without the first rebalance.
    pub turnover: f64,
    /// Mean effective number of positions, 1/Σw².
    pub n_eff: f64,
    /// Mean gross leverage, Σ|w|.
    pub gross: f64,
    /// Mean share of the gross exposure that is short.
    pub short_share: f64,
    /// Number of days on which the portfolio existed.
    pub n_days: usize,
    /// Number of rebalances.
    pub n_rebalances: usize,
    /// Number of rebalances at which the portfolio was undefined and kept its old positions.
    pub n_undefined: usize,
    /// Date on which the equity was used up, and after which nothing is measured; empty if it never was.
    #[serde(default)]
    pub ruined: String,
}

type Metric = (&'static str, fn(&Performance) -> f64);

/// Columns of `metrics.csv`, in order.
const METRICS: [Metric; 12] = [
    ("volatility_annual", |p| p.volatility_annual),
    ("volatility_5day_annual", |p| p.volatility_5day_annual),
    ("return_annual", |p| p.return_annual),
    ("growth_annual", |p| p.growth_annual),
    ("sharpe", |p| p.sharpe),
    ("max_drawdown", |p| p.max_drawdown),
    ("value_at_risk_5pct", |p| p.value_at_risk),
    ("conditional_value_at_risk_5pct", |p| p.conditional_value_at_risk),
    ("turnover", |p| p.turnover),
    ("n_eff", |p| p.n_eff),
    ("gross", |p| p.gross),
    ("short_share", |p| p.short_share),
];

/// The content of `metrics.csv`.
pub fn performance_table(rows: &[Performance]) -> Table {
    let mut table = Table::default()
        .with_texts("estimator", rows.iter().map(|p| p.name.estimator_cell()))
        .with_texts("allocator", rows.iter().map(|p| &p.name.allocator));
    for (name, measure) in METRICS {
        table = table.with_numbers(name, rows.iter().map(measure));
    }
    table = table
        .with_counts("n_days", rows.iter().map(|p| p.n_days))
        .with_counts("n_rebalances", rows.iter().map(|p| p.n_rebalances))
        .with_counts("n_undefined", rows.iter().map(|p| p.n_undefined));
    match rows.iter().all(|p| p.ruined.is_empty()) {
        true => table,
        false => table.with_texts("ruined", rows.iter().map(|p| &p.ruined)),
    }
}

/// The formatted table: allocators in their order, and for each the lowest volatility first.
pub fn performance_sheet(caption: &str, rows: &[Performance]) -> Sheet {
    let header = [
        "allocator",
        "estimator",
        "volatility",
        "Sharpe",
        "return",
        "max drawdown",
        "turnover",
        "n_eff",
        "gross",
        "undefined",
    ];
    let mut sheet = Sheet::new(caption, &header, 2);
    for (_, mut group) in grouped(rows.iter().map(|row| (&row.name.allocator, row))) {
        group.sort_by(|a, b| a.volatility_annual.total_cmp(&b.volatility_annual));
        for row in group {
            sheet.rows.push(vec![
                row.name.allocator.clone(),
                row.name.estimator_cell().to_string(),
                percent(row.volatility_annual, 2),
                number(row.sharpe, 2),
                percent(row.return_annual, 1),
                percent(row.max_drawdown, 1),
                percent(row.turnover, 0),
                number(row.n_eff, 1),
                number(row.gross, 2),
                if row.n_undefined == 0 { String::new() } else { format!("{}/{}", row.n_undefined, row.n_rebalances) },
            ]);
        }
    }
    let most = rows.iter().map(|row| row.n_days).max().unwrap_or(0);
    for row in rows {
        let Performance { name, ruined, n_days, .. } = row;
        let (allocator, estimator) = (&name.allocator, name.estimator_cell());
        if !ruined.is_empty() {
            sheet.notes.push(format!("{allocator}, {estimator}: ruined on {ruined}, and not measured"));
        } else if (1..most).contains(n_days) {
            sheet
                .notes
                .push(format!("{allocator}, {estimator}: measured on the {n_days} of {most} days on which it exists"));
        }
    }
    sheet
}
