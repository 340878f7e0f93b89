//! Realised volatility against the number of assets: a table, and one frame per allocator with lines on logarithmic scales.

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};

use crate::report::canvas::{Anchor, Canvas, GRID, INK, PALE, Scale, colour, draw, spread};

/// Volatility of a portfolio by size.
pub struct SizeSeries {
    /// Label of the estimator.
    pub estimator: String,
    /// Label of the allocator.
    pub allocator: String,
    /// Number of assets and annual volatility, NaN where undefined.
    pub points: Vec<(usize, f64)>,
}

/// One Markdown table per allocator, the lowest volatility at the largest size first.
pub fn size_table(series: &[SizeSeries]) -> String {
    let sizes = sizes(series);
    let tables = allocators(series).into_iter().map(|allocator| {
        let mut rows: Vec<&SizeSeries> = series.iter().filter(|s| s.allocator == allocator).collect();
        // Where a portfolio stops at a smaller size it stands behind those that go on.
        let key = |s: &SizeSeries| {
            let defined = s.points.iter().rev().find(|(_, v)| !v.is_nan());
            defined.map_or((usize::MAX, 0.0), |(size, v)| (usize::MAX - size, *v))
        };
        rows.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        let mut table = TextTable::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
        let header = sizes.iter().map(|size| format!("n = {size}"));
        table.set_header([format!("{allocator}: volatility, % a year")].into_iter().chain(header));
        for row in rows {
            let at = |size: &usize| row.points.iter().find(|(n, _)| n == size).map_or(f64::NAN, |(_, v)| *v);
            let cells =
                sizes.iter().map(at).map(|v| if v.is_nan() { "-".to_string() } else { format!("{:.2}", 100.0 * v) });
            table.add_row([row.estimator.clone()].into_iter().chain(cells));
        }
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table.to_string()
    });
    tables.collect::<Vec<_>>().join("\n\n")
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
        if !names.contains(&s.allocator.as_str()) {
            names.push(&s.allocator);
        }
    }
    names
}

const FRAME_WIDTH: i32 = 620;
const FRAME_HEIGHT: i32 = 520;
const TITLE: i32 = 34;
const LEFT: i32 = 56;
const RIGHT: i32 = 150;
const TOP: i32 = 40;
const BOTTOM: i32 = 46;

/// The SVG of one frame per allocator; estimators in `highlight` in colour and with a name, all if it is empty, and one
/// that is alone in its frame.
///
/// A frame ends at twice its lowest volatility: what lies beyond would flatten the rest, and is written as a number.
pub fn size_figure(title: &str, series: &[SizeSeries], highlight: &[String]) -> String {
    let names = allocators(series);
    let sizes = sizes(series);
    draw((FRAME_WIDTH * names.len().max(1) as i32) as u32, (TITLE + FRAME_HEIGHT) as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        for (k, allocator) in names.iter().enumerate() {
            let group: Vec<&SizeSeries> = series.iter().filter(|s| s.allocator == *allocator).collect();
            frame(canvas, (k as i32 * FRAME_WIDTH, TITLE), allocator, &group, &sizes, highlight);
        }
    })
}

fn frame(
    canvas: &Canvas<'_>,
    (left, top): (i32, i32),
    allocator: &str,
    series: &[&SizeSeries],
    sizes: &[usize],
    highlight: &[String],
) {
    let values = || series.iter().flat_map(|s| s.points.iter().map(|(_, v)| 100.0 * v)).filter(|v| !v.is_nan());
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(low, f64::max).min(2.0 * low);
    canvas.text(&format!("{allocator}: realised volatility, % a year"), (left + 16, top + 10), 13, INK, Anchor::Left);
    if !low.is_finite() || sizes.is_empty() {
        return;
    }
    let y = Scale { values: (0.98 * low, 1.02 * high), pixels: (top + FRAME_HEIGHT - BOTTOM, top + TOP) };
    let ends = ((sizes[0] as f64).ln(), (sizes[sizes.len() - 1] as f64).ln());
    let x = Scale {
        values: if ends.0 < ends.1 { ends } else { (ends.0 - 1.0, ends.1) },
        pixels: (left + LEFT, left + FRAME_WIDTH - RIGHT),
    };
    for tick in (0.98 * low).ceil() as i32..=(1.02 * high) as i32 {
        let at = y.pixel(f64::from(tick));
        canvas.line(vec![(x.pixels.0, at), (x.pixels.1, at)], GRID, 1);
        canvas.text(&tick.to_string(), (x.pixels.0 - 8, at), 12, INK, Anchor::Right);
    }
    let bottom = y.pixels.0;
    canvas.line(vec![(x.pixels.0, bottom), (x.pixels.1, bottom)], INK, 1);
    for &size in sizes {
        let at = x.pixel((size as f64).ln());
        canvas.line(vec![(at, bottom), (at, bottom + 4)], INK, 1);
        canvas.text(&size.to_string(), (at, bottom + 16), 12, INK, Anchor::Centre);
    }
    canvas.text("number of assets", ((x.pixels.0 + x.pixels.1) / 2, bottom + 34), 12, INK, Anchor::Centre);
    // What lies beyond the frame runs along its upper edge.
    let inside = |s: &SizeSeries| -> Vec<(i32, i32)> {
        let points = s.points.iter().filter(|(_, v)| !v.is_nan());
        points.map(|(n, v)| (x.pixel((*n as f64).ln()), y.pixel((100.0 * v).min(1.02 * high)))).collect()
    };
    let is_named = |s: &SizeSeries| highlight.is_empty() || series.len() == 1 || highlight.contains(&s.estimator);
    for s in series.iter().filter(|s| !is_named(s)) {
        canvas.line(inside(s), PALE, 1);
    }
    let rank = |s: &SizeSeries| highlight.iter().position(|label| *label == s.estimator);
    let mut named: Vec<(usize, &SizeSeries)> =
        series.iter().enumerate().filter(|(_, s)| is_named(s)).map(|(k, s)| (rank(s).unwrap_or(k), *s)).collect();
    named.retain(|(_, s)| !inside(s).is_empty());
    let ends: Vec<i32> = named.iter().map(|(_, s)| inside(s).last().map_or(bottom, |end| end.1)).collect();
    for ((k, s), label) in named.iter().zip(spread(&ends, 15)) {
        let points = inside(s);
        points.iter().for_each(|point| canvas.dot(*point, 3, colour(*k)));
        canvas.line(points, colour(*k), 2);
        let last = 100.0 * s.points.iter().rev().find(|(_, v)| !v.is_nan()).map_or(0.0, |(_, v)| *v);
        let text = if last > high { format!("{}: {last:.1} ↑", s.estimator) } else { s.estimator.clone() };
        canvas.text(&text, (x.pixels.1 + 10, label), 12, colour(*k), Anchor::Left);
    }
}
