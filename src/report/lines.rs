//! Lines in frames with linear scales and direct labels.

use crate::calendar::Date;
use crate::report::canvas::{Anchor, COLUMNS, Canvas, GRID, INK, PALE, Scale, colour, draw, spread};

/// A horizontal axis.
#[derive(Clone)]
pub(super) struct Axis {
    /// Ends.
    pub range: (f64, f64),
    /// Places and texts.
    pub ticks: Vec<(f64, String)>,
    /// What it counts; nothing if that is clear.
    pub title: &'static str,
}

/// One series.
pub(super) struct Line {
    /// The same label has the same colour in every frame.
    pub label: String,
    pub points: Vec<(f64, f64)>,
    /// A point that stands out.
    pub mark: Option<(f64, f64)>,
    /// Whether it has a colour and a label; otherwise it lies pale in the background.
    pub named: bool,
}

/// One frame.
pub(super) struct Frame {
    pub title: String,
    pub x: Axis,
    pub lines: Vec<Line>,
    /// What lies below runs along the lower edge.
    pub floor: f64,
}

const WIDTH: i32 = 600;
const HEIGHT: i32 = 340;
const TITLE: i32 = 34;
const LEFT: i32 = 52;
const RIGHT: i32 = 150;
const TOP: i32 = 30;
const BOTTOM: i32 = 44;

/// About `n` ticks at round numbers between two values.
pub(super) fn round_ticks(low: f64, high: f64, n: usize) -> Vec<(f64, String)> {
    let span = (high - low).max(1e-12);
    let power = 10f64.powf((span / n as f64).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| span / step <= n as f64 + 0.5);
    let step = step.unwrap_or(10.0 * power);
    let digits = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|k| k as f64 * step).map(|x| (x, format!("{:.digits$}", x + 0.0))).collect()
}

/// Ticks at the beginning of years, for days counted from the first date.
pub(super) fn year_ticks(dates: &[Date]) -> Vec<(f64, String)> {
    let years: Vec<(f64, String)> = dates
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0].year() != pair[1].year())
        .map(|(day, pair)| (day as f64 + 1.0, pair[1].year().to_string()))
        .collect();
    let every = years.len().div_ceil(8).max(1);
    years.into_iter().step_by(every).collect()
}

/// The SVG of the frames, two in a row.
pub(super) fn frames_figure(title: &str, frames: &[Frame]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for line in frames.iter().flat_map(|frame| &frame.lines).filter(|line| line.named) {
        if !labels.contains(&line.label.as_str()) {
            labels.push(&line.label);
        }
    }
    let width = WIDTH * frames.len().clamp(1, COLUMNS) as i32;
    let height = TITLE + HEIGHT * frames.len().div_ceil(COLUMNS) as i32;
    draw(width as u32, height as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        for (k, frame) in frames.iter().enumerate() {
            let corner = ((k % COLUMNS) as i32 * WIDTH, TITLE + (k / COLUMNS) as i32 * HEIGHT);
            draw_frame(canvas, corner, frame, &labels);
        }
    })
}

fn draw_frame(canvas: &Canvas<'_>, (left, top): (i32, i32), frame: &Frame, labels: &[&str]) {
    canvas.text(&frame.title, (left + 16, top + 10), 13, INK, Anchor::Left);
    let values = || frame.lines.iter().flat_map(|line| &line.points).map(|(_, y)| y.max(frame.floor));
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() {
        return;
    }
    let margin = 0.03 * (high - low).max(1e-9);
    let y = Scale { values: (low - margin, high + margin), pixels: (top + HEIGHT - BOTTOM, top + TOP) };
    let x = Scale { values: frame.x.range, pixels: (left + LEFT, left + WIDTH - RIGHT) };
    for (value, text) in round_ticks(low - margin, high + margin, 6) {
        let at = y.pixel(value);
        canvas.line(vec![(x.pixels.0, at), (x.pixels.1, at)], GRID, 1);
        canvas.text(&text, (x.pixels.0 - 8, at), 12, INK, Anchor::Right);
    }
    let bottom = y.pixels.0;
    canvas.line(vec![(x.pixels.0, bottom), (x.pixels.1, bottom)], INK, 1);
    for (value, text) in &frame.x.ticks {
        let at = x.pixel(*value);
        canvas.line(vec![(at, bottom), (at, bottom + 4)], INK, 1);
        canvas.text(text, (at, bottom + 16), 12, INK, Anchor::Centre);
    }
    canvas.text(frame.x.title, ((x.pixels.0 + x.pixels.1) / 2, bottom + 33), 12, INK, Anchor::Centre);
    let pixels =
        |line: &Line| line.points.iter().map(|(a, b)| (x.pixel(*a), y.pixel(b.max(frame.floor)))).collect::<Vec<_>>();
    for line in frame.lines.iter().filter(|line| !line.named) {
        canvas.line(pixels(line), PALE, 1);
    }
    let named: Vec<&Line> = frame.lines.iter().filter(|line| line.named && !line.points.is_empty()).collect();
    let ends: Vec<i32> = named.iter().map(|line| pixels(line).last().map_or(bottom, |end| end.1)).collect();
    let labels_at = spread(&ends, 15);
    // Many lines that end at the bottom push their labels below the frame.
    let below = labels_at.iter().map(|at| at - bottom).max().unwrap_or(0).max(0);
    for (line, label) in named.into_iter().zip(labels_at.into_iter().map(|at| at - below)) {
        let colour = colour(labels.iter().position(|known| *known == line.label).unwrap_or(0));
        canvas.line(pixels(line), colour, 1);
        if let Some((a, b)) = line.mark {
            canvas.dot((x.pixel(a), y.pixel(b)), 4, colour);
        }
        canvas.text(&line.label, (x.pixels.1 + 10, label), 12, colour, Anchor::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let texts = |low, high| round_ticks(low, high, 5).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(0.0, 3.99), ["0", "1", "2", "3"]);
        assert_eq!(texts(-0.42, 0.31), ["-0.4", "-0.2", "0.0", "0.2"]);
        assert_eq!(texts(-82.0, -3.0), ["-80", "-60", "-40", "-20"]);
    }
}
