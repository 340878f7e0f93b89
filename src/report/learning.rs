//! Learning curves: training and validation loss against the step, on a logarithmic scale. A model that continues from
//! another one stands behind it.

use crate::report::canvas::{Anchor, Canvas, GRID, INK, Scale, colour, draw};

/// Steps and losses.
type Points = [(usize, f64)];

/// The training of one model.
pub struct LearningCurve {
    /// What the model is for.
    pub label: String,
    /// Steps that the model it continues from has taken, all together.
    pub start: usize,
    /// Steps and mean training losses of the stretches before them.
    pub training: Vec<(usize, f64)>,
    /// Steps and validation losses.
    pub validation: Vec<(usize, f64)>,
}

const FRAME_WIDTH: i32 = 540;
const FRAME_HEIGHT: i32 = 330;
const TITLE: i32 = 34;
const LEFT: i32 = 56;
const RIGHT: i32 = 24;
const TOP: i32 = 46;
/// Steps over which the training loss is averaged.
const STRETCH: usize = 100;
const BOTTOM: i32 = 46;

/// Mantissas at which the axis carries a line.
const TICKS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// The SVG of two frames: training to the left, validation to the right.
pub fn learning_figure(title: &str, curves: &[LearningCurve]) -> String {
    draw(2 * FRAME_WIDTH as u32, (TITLE + FRAME_HEIGHT) as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        let training: Vec<Series> = curves.iter().map(|curve| series(curve, &averaged(&curve.training))).collect();
        frame(canvas, (0, TITLE), "training loss n w'Σw, mean of 100 steps (annual units, log scale)", &training);
        let validation: Vec<Series> = curves.iter().map(|curve| series(curve, &curve.validation)).collect();
        frame(canvas, (FRAME_WIDTH, TITLE), "loss on the dates held back (annual units, log scale)", &validation);
    })
}

/// Label and points, steps counted from the first model on.
type Series<'a> = (&'a str, Vec<(usize, f64)>);

fn series<'a>(curve: &'a LearningCurve, points: &Points) -> Series<'a> {
    (&curve.label, points.iter().map(|(step, loss)| (curve.start + step, *loss)).collect())
}

/// Means over stretches of at least [`STRETCH`] steps.
fn averaged(points: &Points) -> Vec<(usize, f64)> {
    let Some((width, _)) = points.first() else { return Vec::new() };
    let together = STRETCH.div_ceil((*width).max(1));
    let mean = |points: &Points| {
        let sum: f64 = points.iter().map(|(_, loss)| loss).sum();
        (points[points.len() - 1].0, sum / points.len() as f64)
    };
    points.chunks(together).map(mean).collect()
}

fn frame(canvas: &Canvas<'_>, (left, top): (i32, i32), name: &str, series: &[Series<'_>]) {
    canvas.text(name, (left + 16, top + 10), 13, INK, Anchor::Left);
    let points = || series.iter().flat_map(|(_, points)| points.iter()).filter(|(_, loss)| *loss > 0.0);
    let (low, high) =
        points().fold((f64::INFINITY, 0.0f64), |(low, high), (_, loss)| (low.min(*loss), high.max(*loss)));
    let steps = points().map(|(step, _)| *step).max().unwrap_or(1);
    if !low.is_finite() {
        canvas.text("nothing was held back", (left + LEFT, top + TOP + 20), 12, INK, Anchor::Left);
        return;
    }
    let margin = 0.04 * (high / low).ln().max(0.05);
    let y = Scale { values: (low.ln() - margin, high.ln() + margin), pixels: (top + FRAME_HEIGHT - BOTTOM, top + TOP) };
    let x = Scale { values: (0.0, steps as f64), pixels: (left + LEFT, left + FRAME_WIDTH - RIGHT) };
    for decade in low.log10().floor() as i32..=high.log10().ceil() as i32 {
        for tick in TICKS.map(|mantissa| mantissa * 10f64.powi(decade)).into_iter().filter(|t| (low..=high).contains(t))
        {
            let at = y.pixel(tick.ln());
            canvas.line(vec![(x.pixels.0, at), (x.pixels.1, at)], GRID, 1);
            let digits = (1 - decade).max(0) as usize;
            canvas.text(&format!("{tick:.digits$}"), (x.pixels.0 - 8, at), 12, INK, Anchor::Right);
        }
    }
    let bottom = y.pixels.0;
    canvas.line(vec![(x.pixels.0, bottom), (x.pixels.1, bottom)], INK, 1);
    for quarter in 0..=4 {
        let step = steps * quarter / 4;
        let at = x.pixel(step as f64);
        canvas.line(vec![(at, bottom), (at, bottom + 4)], INK, 1);
        canvas.text(&step.to_string(), (at, bottom + 16), 12, INK, Anchor::Centre);
    }
    canvas.text("optimiser step", ((x.pixels.0 + x.pixels.1) / 2, bottom + 34), 12, INK, Anchor::Centre);
    for (k, (label, points)) in series.iter().enumerate() {
        let path: Vec<(i32, i32)> =
            points.iter().map(|(step, loss)| (x.pixel(*step as f64), y.pixel(loss.ln()))).collect();
        let (Some(first), Some(last)) = (path.first(), path.last()) else { continue };
        canvas.text(label, ((first.0 + last.0) / 2, y.pixels.1 - 8), 12, colour(k), Anchor::Centre);
        for point in &path {
            canvas.dot(*point, 2, colour(k));
        }
        canvas.line(path, colour(k), 1);
    }
}
