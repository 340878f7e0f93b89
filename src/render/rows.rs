//! Dots in rows: one value per name, or one per name and series, with or without an interval.

use plotters::style::RGBColor;

use crate::render::canvas::{Anchor, Canvas, Figure, GRID, INK, Picture, colours, text_width};
use crate::render::frames::{log_ticks, round_ticks};

/// One row.
pub(super) struct Row {
    pub label: String,
    /// Number of the series, and the value; NaN is shown as "undefined".
    pub dots: Vec<(usize, f64)>,
    /// Number of the series, and both ends of its interval; empty if there are none.
    pub spans: Vec<(usize, f64, f64)>,
}

impl Row {
    /// A row without intervals.
    pub fn new(label: String, dots: Vec<(usize, f64)>) -> Self {
        Self { label, dots, spans: Vec::new() }
    }
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
    /// A line at zero, and an axis no longer than this on either side; what is beyond stands at its end with its value.
    pub around_zero: Option<f64>,
}

impl Rows {
    fn row_height(&self) -> f64 {
        ROW + self.between_series() * self.series.len().saturating_sub(1) as f64
    }

    /// Dots that may carry their values need more room.
    fn between_series(&self) -> f64 {
        if self.around_zero.is_some() { 2.0 * SERIES } else { SERIES }
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
    let titles = frames.iter().map(|frame| 16.0 + text_width(&frame.title, 12.0));
    let width = titles.fold(left + PLOT + 56.0, f64::max);
    // A name has the same colour in every frame.
    let mut names: Vec<&str> = Vec::new();
    for name in frames.iter().flat_map(|frame| &frame.series) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let inks = colours(&names);
    let picture = |frame: &Rows| {
        let ink = |name: &String| inks[names.iter().position(|known| known == name).expect("it is one of them")];
        let inks: Vec<RGBColor> = frame.series.iter().map(ink).collect();
        let legend = legend_lines(frame, width);
        let top = TOP + 16.0 * legend.len() as f64;
        let height = top + frame.row_height() * frame.rows.len() as f64 + BOTTOM;
        Picture::draw(width, height, |canvas| draw_frame(canvas, frame, &inks, &legend, left, top))
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

fn draw_frame(canvas: &Canvas, frame: &Rows, inks: &[RGBColor], legend: &[Vec<usize>], left: f64, top: f64) {
    let ink = |series: usize| inks.get(series).copied().unwrap_or(colours(&[""])[0]);
    canvas.text(&frame.title, (8.0, 11.0), 12.0, INK, Anchor::Left);
    for (line, series) in legend.iter().enumerate() {
        let mut at = 14.0;
        for &k in series {
            let y = TOP + 4.0 + 16.0 * line as f64;
            canvas.dot((at, y), 3.5, ink(k));
            canvas.text(&frame.series[k], (at + 8.0, y), SMALL, INK, Anchor::Left);
            at += 26.0 + text_width(&frame.series[k], SMALL);
        }
    }
    let inner = |value: f64| if frame.is_log { value.ln() } else { value };
    let limit = frame.around_zero.unwrap_or(f64::INFINITY);
    let dots = frame.rows.iter().flat_map(|row| &row.dots).map(|dot| inner(dot.1));
    let ends = frame.rows.iter().flat_map(|row| &row.spans).flat_map(|span| [inner(span.1), inner(span.2)]);
    let zero = frame.around_zero.map(|_| 0.0);
    let values = dots.chain(ends).chain(zero).filter(|v| v.is_finite()).map(|v| v.clamp(-limit, limit));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let bottom = top + frame.row_height() * frame.rows.len() as f64;
    if low.is_finite() {
        let margin = 0.05 * (high - low).max(0.2 * high.abs().max(1e-9));
        let (low, high) = (low - margin, high + margin);
        let pixel = |value: f64| left + PLOT * (inner(value).clamp(low, high) - low) / (high - low);
        let ticks = if frame.is_log { log_ticks(low.exp(), high.exp(), 5) } else { round_ticks(low, high, 5) };
        for (value, text) in ticks {
            canvas.line(&[(pixel(value), top - 4.0), (pixel(value), bottom)], GRID, 1.0);
            canvas.text(&text, (pixel(value), bottom + 12.0), SMALL, INK, Anchor::Centre);
        }
        if zero.is_some() {
            canvas.line(&[(pixel(0.0), top - 4.0), (pixel(0.0), bottom)], INK, 1.0);
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
                let y = y + frame.between_series()
                    * (series as f64 - middle)
                    * if frame.series.is_empty() { 0.0 } else { 1.0 };
                let name = frame.series.get(series).map_or("", String::as_str);
                canvas.group(
                    &[("class", "series"), ("data-label", name), ("data-value", &format!("{value}"))],
                    |canvas| {
                        if let Some((_, from, to)) = row.spans.iter().find(|span| span.0 == series) {
                            canvas.line(&[(pixel(*from), y), (pixel(*to), y)], ink(series), 1.4);
                        }
                        canvas.dot((pixel(value), y), if frame.series.is_empty() { 4.0 } else { 3.0 }, ink(series));
                        let digits = frame.digits.or((value.abs() > limit).then_some(0));
                        if let Some(digits) = digits {
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
