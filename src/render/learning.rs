//! Learning curves: training and validation loss against the step, on a logarithmic scale, one frame for each model. The curve of a
//! model that continues from another one starts where that one ends.

#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};

/// Steps with their losses.
#[cfg(feature = "figures")]
type Points = [(usize, f64)];

/// The training of one model.
pub struct LearningCurve {
    /// Label of the model, such as the year that it is used in.
    pub label: String,
    /// Total number of steps taken by the models that it continues from.
    pub start: usize,
    /// Number of steps at the end of each stretch, and the mean training loss over the stretch.
    pub training: Vec<(usize, f64)>,
    /// Number of steps, and the validation loss after them.
    pub validation: Vec<(usize, f64)>,
    /// Loss of the analytic rival on the validation dates, if it was computed.
    pub rival: Option<f64>,
}

/// Room above and below the losses.
#[cfg(feature = "figures")]
const MARGIN: f64 = 1.08;
/// Number of steps over which the training loss is averaged.
#[cfg(feature = "figures")]
const STRETCH: usize = 100;

/// One frame per model: the training loss, the loss on the dates held back, and that of the analytic rival on the same dates, if it
/// is known. All frames have the same axes.
#[cfg(feature = "figures")]
pub fn learning_figure(title: &str, curves: &[LearningCurve]) -> Figure {
    let positive = |curve: &LearningCurve, points: &Points| -> Vec<(f64, f64)> {
        let positive = points.iter().filter(|(_, loss)| *loss > 0.0);
        positive.map(|(step, loss)| ((curve.start + step) as f64, *loss)).collect()
    };
    let of = |curve: &LearningCurve| {
        let mut series = vec![
            Series::line("training", positive(curve, &averaged(&curve.training))),
            Series { look: Look::Dotted, ..Series::line("dates held back", positive(curve, &curve.validation)) },
        ];
        let steps = series.iter().flat_map(|series| &series.points).map(|point| point.0);
        let (from, to) = steps.fold((f64::INFINITY, 0.0f64), |(from, to), x| (from.min(x), to.max(x)));
        if let (Some(rival), true) = (curve.rival, from < to) {
            series.push(Series::line("qis, same dates", vec![(from, rival), (to, rival)]));
        }
        series
    };
    let all: Vec<(&String, Vec<Series>)> = curves.iter().map(|curve| (&curve.label, of(curve))).collect();
    let losses = || all.iter().flat_map(|(_, series)| series).flat_map(|series| &series.points).map(|point| point.1);
    let range = losses().fold((f64::INFINITY, 0.0f64), |(low, high), loss| (low.min(loss), high.max(loss)));
    let frame = |(label, series): (&String, Vec<Series>)| Frame {
        title: format!("{label}: loss n w'Σw, annual (log scale)"),
        x: Axis::new(Kind::Linear, "optimiser step"),
        y: Axis {
            range: (range.0 < range.1).then_some((range.0 / MARGIN, range.1 * MARGIN)),
            ..Axis::new(Kind::Log, "")
        },
        series,
    };
    frames_figure(title, &all.into_iter().map(frame).collect::<Vec<_>>())
}

/// Means over stretches of at least [`STRETCH`] steps.
#[cfg(feature = "figures")]
fn averaged(points: &Points) -> Vec<(usize, f64)> {
    let Some((width, _)) = points.first() else { return Vec::new() };
    let together = STRETCH.div_ceil((*width).max(1));
    let mean = |points: &Points| {
        let sum: f64 = points.iter().map(|(_, loss)| loss).sum();
        (points[points.len() - 1].0, sum / points.len() as f64)
    };
    points.chunks(together).map(mean).collect()
}
