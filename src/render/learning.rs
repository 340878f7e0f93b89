//! Learning curves: training and validation loss against the step, on a logarithmic scale. The curve of a model that
//! continues from another one starts where that one ends.

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
}

/// Number of steps over which the training loss is averaged.
#[cfg(feature = "figures")]
const STRETCH: usize = 100;

/// Two frames: training on the left, validation on the right. If there are many models, only the last has a label.
#[cfg(feature = "figures")]
pub fn learning_figure(title: &str, curves: &[LearningCurve]) -> Figure {
    let frame = |title: &str, points: &dyn Fn(&LearningCurve) -> Vec<(usize, f64)>| {
        let series = |curve: &LearningCurve| {
            let points = points(curve).into_iter().filter(|(_, loss)| *loss > 0.0);
            let points = points.map(|(step, loss)| ((curve.start + step) as f64, loss)).collect();
            Series { look: Look::Line, ..Series::line(&curve.label, points) }
        };
        let few = curves.len() <= 7;
        let named = |(k, curve)| series(curve).named(few || k == 0 || k + 1 == curves.len());
        Frame {
            title: title.to_string(),
            x: Axis::new(Kind::Linear, "optimiser step"),
            y: Axis::new(Kind::Log, ""),
            series: curves.iter().enumerate().map(named).collect(),
        }
    };
    let frames = [
        frame("training loss n w'Σw, annual, mean of 100 steps (log scale)", &|curve| averaged(&curve.training)),
        frame("loss on the dates held back, annual (log scale)", &|curve| curve.validation.clone()),
    ];
    frames_figure(title, &frames)
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
