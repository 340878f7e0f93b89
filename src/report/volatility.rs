//! Realised volatility and turnover by estimator, one frame per allocator.

use crate::report::Performance;
use crate::report::canvas::Figure;
use crate::report::rows::{Row, Rows, rows_figure};

fn figure(title: &str, rows: &[Performance], heading: &str, digits: usize, value: fn(&Performance) -> f64) -> Figure {
    let mut groups: Vec<(&str, Vec<&Performance>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(allocator, _)| *allocator == row.allocator) {
            Some((_, group)) => group.push(row),
            None => groups.push((&row.allocator, vec![row])),
        }
    }
    let name = |p: &Performance| match p.ruined.as_str() {
        "" => p.label().to_string(),
        date => format!("{} (ruined on {date})", p.label()),
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
            rows: group.iter().map(|p| Row { label: name(p), dots: vec![(0, value(p))] }).collect(),
            series: Vec::new(),
            is_log: high > 5.0 * low,
            digits: Some(digits),
        }
    };
    rows_figure(title, &groups.into_iter().map(frame).collect::<Vec<_>>())
}

/// Lowest at the top; undefined portfolios are listed without a dot.
pub fn volatility_figure(title: &str, rows: &[Performance]) -> Figure {
    figure(title, rows, "realised volatility, % a year", 2, |p| 100.0 * p.volatility_annual)
}

/// Traded value over equity per rebalance, both sides.
pub fn turnover_figure(title: &str, rows: &[Performance]) -> Figure {
    figure(title, rows, "turnover per rebalance, % of the equity", 1, |p| 100.0 * p.turnover)
}
