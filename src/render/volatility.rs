//! Realised volatility and turnover by estimator, one frame per allocator.

use crate::grouping::grouped;
use crate::render::Performance;
use crate::render::canvas::Figure;
use crate::render::rows::{Row, Rows, rows_figure};

fn figure(title: &str, rows: &[Performance], heading: &str, digits: usize, value: fn(&Performance) -> f64) -> Figure {
    let groups = grouped(rows.iter().map(|row| (row.name.allocator.as_str(), row)));
    let name = |p: &Performance| match p.ruined.as_str() {
        "" => p.name.short().to_string(),
        date => format!("{} (ruined on {date})", p.name.short()),
    };
    let frame = |(allocator, mut group): (&str, Vec<&Performance>)| {
        group.sort_by(|a, b| value(a).total_cmp(&value(b)));
        let (low, high) = group
            .iter()
            .map(|p| value(p))
            .filter(|v| *v > 0.0)
            .fold((f64::MAX, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        Rows {
            title: format!("{allocator}: {heading}"),
            rows: group.iter().map(|p| Row::new(name(p), vec![(0, value(p))])).collect(),
            series: Vec::new(),
            is_log: high > 5.0 * low,
            digits: Some(digits),
            around_zero: None,
        }
    };
    rows_figure(title, &groups.into_iter().map(frame).collect::<Vec<_>>())
}

/// The volatility figure, lowest at the top; undefined portfolios are listed without a dot.
pub fn volatility_figure(title: &str, rows: &[Performance]) -> Figure {
    figure(title, rows, "realised volatility, % a year", 2, |p| 100.0 * p.volatility_annual)
}

/// The turnover figure: traded value over equity per rebalance, both sides.
pub fn turnover_figure(title: &str, rows: &[Performance]) -> Figure {
    figure(title, rows, "turnover per rebalance, % of the equity", 1, |p| 100.0 * p.turnover)
}
