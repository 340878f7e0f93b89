//! What a processor reaches, against what it could: operations a second by operations for each byte of memory traffic.

use crate::render::canvas::Figure;
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};

/// The roof of a processor, and the work below it.
pub struct Roofline {
    /// The numbers that are computed with, such as `single precision`.
    pub title: String,
    /// Peak, in operations a second.
    pub peak: f64,
    /// Bandwidths in bytes a second by the name of what is read.
    pub bandwidths: Vec<(String, f64)>,
    /// Kinds of work: name, and one point per size of operations per byte and operations a second.
    pub work: Vec<(String, Vec<(f64, f64)>)>,
}

/// One frame a roof.
pub fn roofline_figure(title: &str, roofs: &[Roofline]) -> Figure {
    let frame = |roof: &Roofline| {
        let intensities = roof.work.iter().flat_map(|(_, points)| points.iter().map(|point| point.0));
        let last = intensities.fold(1.0, f64::max) * 1.5;
        let slopes = roof.bandwidths.iter().map(|(_, bandwidth)| {
            let knee = (roof.peak / bandwidth).min(last);
            vec![(0.25, 0.25 * bandwidth / 1e9), (knee, knee * bandwidth / 1e9), (last, roof.peak / 1e9)]
        });
        let roofs = slopes.map(|points| Series { look: Look::Reference, ..Series::line("", points) });
        let work = roof.work.iter().map(|(name, points)| {
            let points = points.iter().map(|(x, y)| (*x, y / 1e9)).collect();
            Series { look: Look::Dotted, ..Series::line(name, points) }
        });
        Frame {
            title: roof.title.clone(),
            x: Axis::new(Kind::Log, "operations per byte"),
            y: Axis::new(Kind::Log, ""),
            series: roofs.chain(work).collect(),
        }
    };
    frames_figure(title, &roofs.iter().map(frame).collect::<Vec<_>>())
}
