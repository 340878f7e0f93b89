//! Dots in rows: one value per name, or one per name and series.

use crate::render::canvas::{Anchor, Canvas, Figure, GRID, INK, Picture, colour, text_width};
use crate::render::frames::{log_ticks, round_ticks};

/// One row.
pub(super) struct Row {
    pub label: String,
    /// Number of the series, and the value; NaN is shown as "undefined".
    pub dots: Vec<(usize, f64)>,
}

/// One frame.
pub(super) struct Rows {
    pub title: String,
    pub rows: Vec<Row>,
    /// Names of the series; empty if there is only one.
    pub series: Vec<String>,
    pub is_log: bool,
    /// Digits of the values written beside the dots; `None` to write no values.
    pub digits: Option<usize>,
}

impl Rows {
    fn row_height(&self) -> f64 {
        ROW + SERIES * self.series.len().saturating_sub(1) as f64
    }
}

const PLOT: f64 = 300.0;
/// Height of a row in pixels, and the extra height per further series, whose dots are placed below one another.
const ROW: f64 = 19.0;
const SERIES: f64 = 4.5;
const SMALL: f64 = 11.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 28.0;

/// The figure made of these frames.
pub(super) fn rows_figure(title: &str, frames: &[Rows]) -> Figure {
    let labels = frames.iter().flat_map(|frame| &frame.rows).map(|row| text_width(&row.label, SMALL));
    let left = 20.0 + labels.fold(40.0, f64::max);
    let width = left + PLOT + 56.0;
    let picture = |frame: &Rows| {
        let legend = legend_lines(frame, width);
        let top = TOP + 16.0 * legend.len() as f64;
        let height = top + frame.row_height() * frame.rows.len() as f64 + BOTTOM;
        Picture::draw(width, height, |canvas| draw_frame(canvas, frame, &legend, left, top))
    };
    Figure { title: title.to_string(), frames: frames.iter().map(picture).collect() }
}

/// Numbers of the series on each line of the legend.
fn legend_lines(frame: &Rows, width: f64) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = Vec::new();
    let mut used = f64::INFINITY;
    for (k, name) in frame.series.iter().enumerate() {
        let own = 26.0 + text_width(name, SMALL);
        if used + own > width - 16.0 {
            lines.push(Vec::new());
            used = 0.0;
        }
        used += own;
        lines.last_mut().expect("a line was pushed").push(k);
    }
    lines
}

fn draw_frame(canvas: &Canvas, frame: &Rows, legend: &[Vec<usize>], left: f64, top: f64) {
    canvas.text(&frame.title, (8.0, 11.0), 12.0, INK, Anchor::Left);
    for (line, series) in legend.iter().enumerate() {
        let mut at = 14.0;
        for &k in series {
            let y = TOP + 4.0 + 16.0 * line as f64;
            canvas.dot((at, y), 3.5, colour(k));
            canvas.text(&frame.series[k], (at + 8.0, y), SMALL, INK, Anchor::Left);
            at += 26.0 + text_width(&frame.series[k], SMALL);
        }
    }
    let inner = |value: f64| if frame.is_log { value.ln() } else { value };
    let values = frame.rows.iter().flat_map(|row| &row.dots).map(|dot| inner(dot.1)).filter(|v| v.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let bottom = top + frame.row_height() * frame.rows.len() as f64;
    if low.is_finite() {
        let margin = 0.05 * (high - low).max(0.2 * high.abs().max(1e-9));
        let (low, high) = (low - margin, high + margin);
        let pixel = |value: f64| left + PLOT * (inner(value) - low) / (high - low);
        let ticks = if frame.is_log { log_ticks(low.exp(), high.exp(), 5) } else { round_ticks(low, high, 5) };
        for (value, text) in ticks {
            canvas.line(&[(pixel(value), top - 4.0), (pixel(value), bottom)], GRID, 1.0);
            canvas.text(&text, (pixel(value), bottom + 12.0), SMALL, INK, Anchor::Centre);
        }
        for (k, row) in frame.rows.iter().enumerate() {
            let y = top + frame.row_height() * (k as f64 + 0.5);
            canvas.text(&row.label, (left - 10.0, y), SMALL, INK, Anchor::Right);
            let edge = if frame.series.is_empty() { y } else { y + frame.row_height() / 2.0 };
            canvas.line(&[(left, edge), (left + PLOT, edge)], GRID, 0.6);
            for &(series, value) in &row.dots {
                if !value.is_finite() {
                    canvas.text("undefined", (left + 8.0, y), SMALL, INK, Anchor::Left);
                    continue;
                }
                let middle = frame.series.len().saturating_sub(1) as f64 / 2.0;
                let y = y + SERIES * (series as f64 - middle) * if frame.series.is_empty() { 0.0 } else { 1.0 };
                let name = frame.series.get(series).map_or("", String::as_str);
                canvas.group(
                    &[("class", "series"), ("data-label", name), ("data-value", &format!("{value}"))],
                    |canvas| {
                        canvas.dot((pixel(value), y), if frame.series.is_empty() { 4.0 } else { 3.0 }, colour(series));
                        if let Some(digits) = frame.digits {
                            canvas.text(
                                &format!("{value:.digits$}"),
                                (pixel(value) + 8.0, y),
                                SMALL,
                                INK,
                                Anchor::Left,
                            );
                        }
                    },
                );
            }
        }
    }
}
