//! Losses from the last peak over time, one frame per group of accounts.

use crate::calendar::Date;
use crate::report::Curve;
use crate::report::lines::{Axis, Frame, Line, frames_figure, year_ticks};

/// The SVG of the frames. `dates` are those of the equity values.
pub fn drawdown_figure(title: &str, dates: &[Date], frames: &[(String, Vec<Curve>)]) -> String {
    let last = dates.len().saturating_sub(1).max(1) as f64;
    let x = Axis { range: (0.0, last), ticks: year_ticks(dates), title: "" };
    let line = |curve: &Curve| {
        let mut peak = f64::MIN;
        let losses = curve.equity.iter().enumerate().map(|(day, equity)| {
            peak = peak.max(*equity);
            (day as f64, 100.0 * (equity / peak - 1.0))
        });
        Line { label: curve.label.clone(), points: losses.collect(), mark: None, named: true }
    };
    let frame = |(name, curves): &(String, Vec<Curve>)| Frame {
        title: format!("{name}: loss from the last peak, %"),
        x: x.clone(),
        lines: curves.iter().map(line).collect(),
        floor: f64::NEG_INFINITY,
    };
    frames_figure(title, &frames.iter().map(frame).collect::<Vec<_>>())
}
