//! Realised volatility in the runs of a sweep: a table; one frame per allocator with lines on logarithmic scales, against the number
//! of assets; or dots, where runs differ in the rules of the universe or the
//! rebalancing day.

use crate::description::{Point, PortfolioName};
#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};
#[cfg(feature = "figures")]
use crate::render::rows::{Row, Rows, rows_figure};
use crate::render::sheet::{Sheet, number};

/// Volatility of a portfolio in the runs of a sweep.
pub struct SweptSeries {
    /// Labels of the portfolio.
    pub name: PortfolioName,
    /// The run, and annual volatility, NaN where undefined.
    pub points: Vec<(Point, f64)>,
}

impl SweptSeries {
    fn at(&self, point: &Point) -> f64 {
        self.points.iter().find(|(own, _)| own == point).map_or(f64::NAN, |(_, v)| *v)
    }
}

/// One table per allocator, in ascending order of the volatility in the last run.
pub fn swept_sheets(series: &[SweptSeries]) -> Vec<Sheet> {
    let points = points(series);
    let sheet = |allocator: &str| {
        let mut rows: Vec<&SweptSeries> = series.iter().filter(|s| s.name.allocator == allocator).collect();
        // A portfolio that stops at an earlier run comes after those that go on.
        let key = |s: &SweptSeries| {
            let defined = points.iter().enumerate().rev().find(|(_, point)| !s.at(point).is_nan());
            defined.map_or((usize::MAX, 0.0), |(place, point)| (usize::MAX - 1 - place, s.at(point)))
        };
        rows.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        let mut sheet = Sheet::new("", &[&format!("{allocator}: volatility, % a year")], 1);
        sheet.header.extend(points.iter().map(|point| point.label()));
        for row in rows {
            let cells = points.iter().map(|point| number(100.0 * row.at(point), 2));
            sheet.rows.push(std::iter::once(row.name.estimator_cell().to_string()).chain(cells).collect());
        }
        sheet
    };
    allocators(series).into_iter().map(sheet).collect()
}

/// All runs: in their order, or, of one universe, by size.
fn points(series: &[SweptSeries]) -> Vec<&Point> {
    let mut points: Vec<&Point> = Vec::new();
    for (point, _) in series.iter().flat_map(|s| &s.points) {
        if !points.contains(&point) {
            points.push(point);
        }
    }
    if points.iter().all(|point| point.is_only_sized()) {
        points.sort_by_key(|point| point.size);
    }
    points
}

fn allocators(series: &[SweptSeries]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for s in series {
        if !names.contains(&s.name.allocator.as_str()) {
            names.push(&s.name.allocator);
        }
    }
    names
}

/// One frame per allocator. Estimators in `highlight` are in colour and have a label, as are all if it is empty, and
/// one that is the only one in its frame.
///
/// A frame ends at twice its lowest volatility, so that larger values do not flatten the rest; these are written as
/// numbers.
#[cfg(feature = "figures")]
pub fn size_figure(title: &str, series: &[SweptSeries], highlight: &[String]) -> Figure {
    let frame = |allocator: &str| {
        let group: Vec<&SweptSeries> = series.iter().filter(|s| s.name.allocator == allocator).collect();
        let values = || group.iter().flat_map(|s| s.points.iter().map(|(_, v)| 100.0 * v)).filter(|v| !v.is_nan());
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(low, f64::max).min(2.0 * low);
        let line = |s: &&SweptSeries| {
            let known = s.points.iter().filter(|(_, v)| !v.is_nan());
            let points: Vec<(f64, f64)> = known.map(|(point, v)| (point.size as f64, 100.0 * v)).collect();
            let last = points.last().map_or(0.0, |p| p.1);
            let name = s.name.short();
            let label = if last > high { format!("{name}: {last:.1} ↑") } else { name.to_string() };
            let is_named = highlight.is_empty()
                || group.len() == 1
                || s.name.estimator.as_ref().is_some_and(|label| highlight.contains(label));
            Series { look: Look::Dotted, ..Series::line(label, points) }.named(is_named)
        };
        Frame {
            title: format!("{allocator}: realised volatility, % a year"),
            x: Axis::new(Kind::Log, "number of assets (log scale)"),
            y: Axis { range: low.is_finite().then_some((0.98 * low, 1.02 * high)), ..Axis::new(Kind::Linear, "") },
            series: group.iter().map(line).collect(),
        }
    };
    frames_figure(title, &allocators(series).into_iter().map(frame).collect::<Vec<_>>())
}

/// One frame per allocator: rows are runs, dots the estimators in `highlight`, or all if it is empty.
#[cfg(feature = "figures")]
pub fn universe_figure(title: &str, series: &[SweptSeries], highlight: &[String]) -> Figure {
    let points = points(series);
    let frame = |allocator: &str| {
        let is_shown = |s: &&SweptSeries| {
            let estimator = s.name.estimator.as_ref();
            s.name.allocator == allocator
                && (highlight.is_empty() || estimator.is_none_or(|label| highlight.contains(label)))
        };
        let group: Vec<&SweptSeries> = series.iter().filter(is_shown).collect();
        let row = |point: &&Point| {
            let dots = group.iter().enumerate().map(|(k, s)| (k, 100.0 * s.at(point)));
            Row::new(point.label(), dots.filter(|dot| !dot.1.is_nan()).collect())
        };
        Rows {
            title: format!("{allocator}: realised volatility, % a year"),
            rows: points.iter().map(row).collect(),
            series: group.iter().map(|s| s.name.short().to_string()).collect(),
            is_log: false,
            digits: None,
            around_zero: None,
        }
    };
    rows_figure(title, &allocators(series).into_iter().map(frame).collect::<Vec<_>>())
}
