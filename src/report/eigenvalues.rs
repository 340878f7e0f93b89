//! Cleaned against sample eigenvalues, one frame per estimator, on logarithmic scales.

use crate::report::canvas::{Anchor, Canvas, GRID, INK, Scale, colour, draw};

/// Label of an estimator, and its points: sample eigenvalue, cleaned eigenvalue.
type Map = (String, Vec<(f64, f64)>);

const FRAME: i32 = 330;
const COLUMNS: usize = 3;
const TITLE: i32 = 34;
const LEFT: i32 = 48;
const RIGHT: i32 = 14;
const TOP: i32 = 34;
const BOTTOM: i32 = 38;
/// Eigenvalues below this share of the largest are not drawn: they are zero up to rounding.
const FLOOR: f64 = 1e-6;

/// The SVG of the frames, three to a line; the same scales in all of them, the grey line is the identity.
pub fn eigenvalue_figure(title: &str, maps: &[Map]) -> String {
    let width = FRAME * maps.len().clamp(1, COLUMNS) as i32;
    let height = TITLE + FRAME * maps.len().div_ceil(COLUMNS) as i32;
    let points = || maps.iter().flat_map(|(_, points)| points.iter().flat_map(|(x, y)| [*x, *y]));
    let high = points().fold(0.0, f64::max);
    let low = points().filter(|x| *x > FLOOR * high).fold(high, f64::min);
    draw(width as u32, height as u32, |canvas| {
        canvas.text(title, (16, 20), 15, INK, Anchor::Left);
        for (k, map) in maps.iter().enumerate() {
            let corner = ((k % COLUMNS) as i32 * FRAME, TITLE + (k / COLUMNS) as i32 * FRAME);
            frame(canvas, corner, map, (0.9 * low, 1.1 * high), k);
        }
    })
}

fn frame(canvas: &Canvas<'_>, (left, top): (i32, i32), (label, points): &Map, (low, high): (f64, f64), k: usize) {
    canvas.text(label, (left + LEFT, top + 16), 13, INK, Anchor::Left);
    let x = Scale { values: (low.ln(), high.ln()), pixels: (left + LEFT, left + FRAME - RIGHT) };
    let y = Scale { values: (low.ln(), high.ln()), pixels: (top + FRAME - BOTTOM, top + TOP) };
    for decade in low.log10().ceil() as i32..=high.log10().floor() as i32 {
        let value = 10f64.powi(decade);
        let digits = (-decade).max(0) as usize;
        let (across, up) = (x.pixel(value.ln()), y.pixel(value.ln()));
        canvas.line(vec![(across, y.pixels.0), (across, y.pixels.1)], GRID, 1);
        canvas.line(vec![(x.pixels.0, up), (x.pixels.1, up)], GRID, 1);
        canvas.text(&format!("{value:.digits$}"), (across, y.pixels.0 + 14), 11, INK, Anchor::Centre);
        canvas.text(&format!("{value:.digits$}"), (x.pixels.0 - 6, up), 11, INK, Anchor::Right);
    }
    canvas.line(vec![(x.pixels.0, y.pixels.0), (x.pixels.1, y.pixels.1)], GRID, 2);
    let inside = points.iter().filter(|(a, b)| (low..=high).contains(a) && (low..=high).contains(b));
    let path: Vec<(i32, i32)> = inside.map(|(a, b)| (x.pixel(a.ln()), y.pixel(b.ln()))).collect();
    for point in path.iter().rev().take(6) {
        canvas.dot(*point, 3, colour(k));
    }
    canvas.line(path, colour(k), 2);
}
