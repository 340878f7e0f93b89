//! What a portfolio holds over time: effective positions, gross leverage and short share.

use crate::calendar::Date;
use crate::render::canvas::Figure;
use crate::render::frames::{Axis, Frame, Kind, Series, day_number, frames_figure};

/// The exposures of a portfolio at its rebalances; NaN where it was undefined.
pub struct Exposure {
    /// Its label.
    pub label: String,
    /// Effective number of positions.
    pub n_eff: Vec<f64>,
    /// Gross leverage.
    pub gross: Vec<f64>,
    /// Share of the gross that is short.
    pub short_share: Vec<f64>,
}

/// Label of an allocator, and its portfolios.
pub type ExposureGroup = (String, Vec<Exposure>);

/// The figure: for each allocator the effective positions and, where they vary, gross leverage and short share.
pub fn exposure_figure(title: &str, dates: &[Date], groups: &[ExposureGroup]) -> Figure {
    let mut frames = Vec::new();
    for (allocator, exposures) in groups {
        let mut add = |heading: &str, kind: Kind, values: fn(&Exposure) -> &Vec<f64>, scale: f64| {
            let series = |exposure: &Exposure| {
                let points = dates.iter().zip(values(exposure)).map(|(date, x)| (day_number(*date), scale * x));
                Series::line(&exposure.label, points.filter(|point| point.1.is_finite()).collect())
            };
            frames.push(Frame {
                title: format!("{allocator}: {heading}"),
                x: Axis::new(Kind::Date, ""),
                y: Axis::new(kind, ""),
                series: exposures.iter().map(series).collect(),
            });
        };
        add("effective positions (log scale)", Kind::Log, |exposure| &exposure.n_eff, 1.0);
        let is_short = |exposure: &Exposure| exposure.short_share.iter().any(|share| *share > 1e-9);
        if exposures.iter().any(is_short) {
            add("gross leverage (log scale)", Kind::Log, |exposure| &exposure.gross, 1.0);
            add("short positions, % of the gross", Kind::Linear, |exposure| &exposure.short_share, 100.0);
        }
    }
    frames_figure(title, &frames)
}
