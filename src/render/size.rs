//! Realised volatility against the number of assets: a table, and one frame per allocator with lines on logarithmic scales.

use crate::description::PortfolioName;
#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};
use crate::render::sheet::{Sheet, number};

/// Volatility of a portfolio against the number of assets.
pub struct SizeSeries {
    /// Labels of the portfolio.
    pub name: PortfolioName,
    /// Number of assets, and annual volatility, NaN where undefined.
    pub points: Vec<(usize, f64)>,
}

/// One table per allocator, in ascending order of the volatility at the largest size.
pub fn size_sheets(series: &[SizeSeries]) -> Vec<Sheet> {
    let sizes = sizes(series);
    let sheet = |allocator: &str| {
        let mut rows: Vec<&SizeSeries> = series.iter().filter(|s| s.name.allocator == allocator).collect();
        // A portfolio that stops at a smaller size comes after those that go on.
        let key = |s: &SizeSeries| {
            let defined = s.points.iter().rev().find(|(_, v)| !v.is_nan());
            defined.map_or((usize::MAX, 0.0), |(size, v)| (usize::MAX - size, *v))
        };
        rows.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        let mut sheet = Sheet::new("", &[&format!("{allocator}: volatility, % a year")], 1);
        sheet.header.extend(sizes.iter().map(|size| format!("n = {size}")));
        for row in rows {
            let at = |size: &usize| row.points.iter().find(|(n, _)| n == size).map_or(f64::NAN, |(_, v)| *v);
            let cells = sizes.iter().map(|size| number(100.0 * at(size), 2));
            sheet.rows.push(std::iter::once(row.name.estimator_cell().to_string()).chain(cells).collect());
        }
        sheet
    };
    allocators(series).into_iter().map(sheet).collect()
}

fn sizes(series: &[SizeSeries]) -> Vec<usize> {
    let mut sizes: Vec<usize> = series.iter().flat_map(|s| s.points.iter().map(|(n, _)| *n)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn allocators(series: &[SizeSeries]) -> Vec<&str> {
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
pub fn size_figure(title: &str, series: &[SizeSeries], highlight: &[String]) -> Figure {
    let frame = |allocator: &str| {
        let group: Vec<&SizeSeries> = series.iter().filter(|s| s.name.allocator == allocator).collect();
        let values = || group.iter().flat_map(|s| s.points.iter().map(|(_, v)| 100.0 * v)).filter(|v| !v.is_nan());
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(low, f64::max).min(2.0 * low);
        let line = |s: &&SizeSeries| {
            let known = s.points.iter().filter(|(_, v)| !v.is_nan());
            let points: Vec<(f64, f64)> = known.map(|(n, v)| (*n as f64, 100.0 * v)).collect();
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
