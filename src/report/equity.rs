//! Equity curves on a logarithmic scale, one frame per group.

use crate::calendar::Date;
use crate::report::canvas::{Anchor, COLUMNS, Canvas, GRID, INK, Scale, colour, draw, spread};

/// One portfolio of a frame.
pub struct Curve {
    /// Label of the estimator; the same label has the same colour in every frame.
    pub label: String,
    /// Equity after each day, starting from 1.
    pub equity: Vec<f64>,
}

const FRAME_WIDTH: i32 = 560;
const FRAME_HEIGHT: i32 = 346;
const TITLE: i32 = 34;
const LEFT: i32 = 52;
const RIGHT: i32 = 118;
const TOP: i32 = 30;
const BOTTOM: i32 = 34;

/// Values at which an equity axis may carry a line.
const TICKS: [f64; 28] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0,
    5.0, 7.0, 10.0, 20.0, 50.0, 100.0,
];

/// The SVG of the frames side by side, each with its heading. `dates` are those of the equity values; labels say who is who.
pub fn equity_figure(title: &str, dates: &[Date], frames: &[(String, Vec<Curve>)]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for curve in frames.iter().flat_map(|(_, curves)| curves) {
        if !labels.contains(&curve.label.as_str()) {
            labels.push(&curve.label);
        }
    }
    let width = FRAME_WIDTH * frames.len().clamp(1, COLUMNS) as i32;
    let height = TITLE + FRAME_HEIGHT * frames.len().div_ceil(COLUMNS) as i32;
    draw(width as u32, height as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        for (k, (heading, curves)) in frames.iter().enumerate() {
            let corner = ((k % COLUMNS) as i32 * FRAME_WIDTH, TITLE + (k / COLUMNS) as i32 * FRAME_HEIGHT);
            frame(canvas, corner, heading, dates, curves, &labels);
        }
    })
}

fn frame(
    canvas: &Canvas<'_>,
    (left, top): (i32, i32),
    heading: &str,
    dates: &[Date],
    curves: &[Curve],
    labels: &[&str],
) {
    let values = || curves.iter().flat_map(|curve| &curve.equity).copied().filter(|x| *x > 0.0);
    let (low, high) = (values().fold(1.0, f64::min), values().fold(1.0, f64::max));
    let margin = 0.04 * (high / low).ln().max(0.05);
    let y = Scale { values: (low.ln() - margin, high.ln() + margin), pixels: (top + FRAME_HEIGHT - BOTTOM, top + TOP) };
    let x = Scale {
        values: (0.0, dates.len().saturating_sub(1).max(1) as f64),
        pixels: (left + LEFT, left + FRAME_WIDTH - RIGHT),
    };
    canvas.text(heading, (left + 16, top + 10), 13, INK, Anchor::Left);
    let mut lowest_label = i32::MAX;
    for tick in TICKS.into_iter().filter(|tick| (low..=high).contains(tick)) {
        let at = y.pixel(tick.ln());
        canvas.line(vec![(x.pixels.0, at), (x.pixels.1, at)], GRID, 1);
        if lowest_label - at >= 14 {
            canvas.text(&format!("{tick}"), (x.pixels.0 - 8, at), 12, INK, Anchor::Right);
            lowest_label = at;
        }
    }
    let bottom = y.pixels.0;
    canvas.line(vec![(x.pixels.0, bottom), (x.pixels.1, bottom)], INK, 1);
    let years = dates.windows(2).enumerate().filter(|(_, pair)| pair[0].year() != pair[1].year());
    let n_years = years.clone().count();
    for (k, (day, pair)) in years.enumerate() {
        let at = x.pixel(day as f64 + 1.0);
        canvas.line(vec![(at, bottom), (at, bottom + 4)], INK, 1);
        if k % n_years.div_ceil(8).max(1) == 0 {
            canvas.text(&pair[1].year().to_string(), (at, bottom + 16), 12, INK, Anchor::Centre);
        }
    }
    for curve in curves {
        let points = curve.equity.iter().enumerate().filter(|(_, equity)| **equity > 0.0);
        let points = points.map(|(day, equity)| (x.pixel(day as f64), y.pixel(equity.ln()))).collect();
        canvas.line(points, curve_colour(curve, labels), 1);
    }
    let ends: Vec<i32> =
        curves.iter().map(|curve| y.pixel(curve.equity.last().copied().unwrap_or(1.0).max(low).ln())).collect();
    for (curve, at) in curves.iter().zip(spread(&ends, 15)) {
        canvas.text(&curve.label, (x.pixels.1 + 8, at), 12, curve_colour(curve, labels), Anchor::Left);
    }
}

fn curve_colour(curve: &Curve, labels: &[&str]) -> plotters::style::RGBColor {
    colour(labels.iter().position(|label| *label == curve.label).unwrap_or(0))
}
