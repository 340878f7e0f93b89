//! The forest plot: differences from the reference with their 95 % intervals, one row per portfolio, lowest first.

use crate::render::canvas::Figure;
use crate::render::rows::{Row, Rows, rows_figure};

/// The differences of a portfolio.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    /// Its label.
    pub label: String,
    /// Volatility of daily returns relative to the reference, %, with both ends of the interval.
    pub daily: (f64, f64, f64),
    /// The same of returns over holding periods; NaN where it was not tested.
    pub holding: (f64, f64, f64),
}

/// A frame of the figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestGroup {
    /// Its name.
    pub name: String,
    /// Label of its reference.
    pub reference: String,
    /// Days of a holding period.
    pub holding: usize,
    /// Its portfolios, but for the reference.
    pub rows: Vec<ForestRow>,
}

/// The longest axis on either side of zero, %.
const LIMIT: f64 = 40.0;

/// The figure, one frame per group.
pub fn forest_figure(title: &str, groups: &[ForestGroup]) -> Figure {
    let frame = |ForestGroup { name, reference, holding, rows }: &ForestGroup| {
        let mut rows: Vec<&ForestRow> = rows.iter().collect();
        rows.sort_by(|a, b| a.daily.0.total_cmp(&b.daily.0));
        let is_tested = rows.iter().any(|row| row.holding.0.is_finite());
        let row = |row: &&ForestRow| {
            let both = [(0, row.daily), (1, row.holding)];
            let known = || both.into_iter().filter(|(_, (estimate, ..))| estimate.is_finite());
            Row {
                label: row.label.clone(),
                dots: known().map(|(series, (estimate, ..))| (series, estimate)).collect(),
                spans: known().map(|(series, (_, low, high))| (series, low, high)).collect(),
            }
        };
        let series = ["daily returns".to_string(), format!("{holding}-day returns")];
        Rows {
            title: format!("{name}, against {reference}"),
            rows: rows.iter().map(row).collect(),
            series: if is_tested { series.to_vec() } else { Vec::new() },
            is_log: false,
            digits: None,
            around_zero: Some(LIMIT),
        }
    };
    let title = format!("{title}: difference of volatility in %, with intervals of 95 %");
    rows_figure(&title, &groups.iter().map(frame).collect::<Vec<_>>())
}
