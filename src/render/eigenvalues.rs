//! Figures of cleaned eigenvalues against those of the sample.

#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};

/// Label of an estimator, and its points (sample eigenvalue, cleaned eigenvalue), ascending.
pub type EigenvalueCurve = (String, Vec<(f64, f64)>);

/// Eigenvalues below this share of the largest are not drawn: they are zero up to rounding.
#[cfg(feature = "figures")]
const FLOOR: f64 = 1e-6;

/// Cleaned eigenvalues against sample eigenvalues, and against their rank; the sample's own in grey.
#[cfg(feature = "figures")]
pub fn eigenvalue_figure(title: &str, curves: &[EigenvalueCurve]) -> Figure {
    let sample: Vec<f64> = curves.first().map_or(Vec::new(), |(_, points)| points.iter().map(|p| p.0).collect());
    let high = sample.iter().copied().fold(0.0, f64::max);
    let drawn = |x: f64| x > FLOOR * high;
    let reference = |points: Vec<(f64, f64)>| Series { look: Look::Reference, ..Series::line("", points) };
    let against_sample = |(label, points): &EigenvalueCurve| {
        Series::line(label, points.iter().copied().filter(|p| drawn(p.0) && drawn(p.1)).collect())
    };
    let ranked = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let n = values.len();
        values
            .into_iter()
            .enumerate()
            .map(|(k, x)| ((n - k) as f64, x))
            .filter(|p| drawn(p.1))
            .rev()
            .collect::<Vec<_>>()
    };
    let against_rank = |(label, points): &EigenvalueCurve| Series::line(label, ranked(&mut points.iter().map(|p| p.1)));
    let identity = sample.iter().filter(|x| drawn(**x)).map(|x| (*x, *x)).collect();
    let sample = ranked(&mut sample.iter().copied());
    let frames = [
        Frame {
            title: "cleaned eigenvalue (log scale); grey: unchanged".to_string(),
            x: Axis::new(Kind::Log, "sample eigenvalue (log scale)"),
            y: Axis::new(Kind::Log, ""),
            series: std::iter::once(reference(identity)).chain(curves.iter().map(against_sample)).collect(),
        },
        Frame {
            title: "eigenvalue (log scale); grey: sample".to_string(),
            x: Axis::new(Kind::Log, "rank, the largest first (log scale)"),
            y: Axis::new(Kind::Log, ""),
            series: std::iter::once(reference(sample)).chain(curves.iter().map(against_rank)).collect(),
        },
    ];
    frames_figure(title, &frames)
}
