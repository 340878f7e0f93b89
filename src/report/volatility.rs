//! Realised volatility by estimator, one frame per allocator, lowest at the top.

use crate::report::Performance;
use crate::report::canvas::{Anchor, COLUMNS, Canvas, GRID, INK, Scale, colour, draw};

const FRAME_WIDTH: i32 = 470;
const LEFT: i32 = 130;
const RIGHT: i32 = 70;
const TITLE: i32 = 34;
const TOP: i32 = 36;
const ROW: i32 = 26;
const BOTTOM: i32 = 40;

/// The SVG of a dot chart. Undefined portfolios are listed without a dot.
pub fn volatility_figure(title: &str, rows: &[Performance]) -> String {
    let mut frames: Vec<(&str, Vec<&Performance>)> = Vec::new();
    for row in rows {
        match frames.iter_mut().find(|(allocator, _)| *allocator == row.allocator) {
            Some((_, group)) => group.push(row),
            None => frames.push((&row.allocator, vec![row])),
        }
    }
    let line_height = |line: &[(&str, Vec<&Performance>)]| {
        TOP + ROW * line.iter().map(|(_, group)| group.len()).max().unwrap_or(0) as i32 + BOTTOM
    };
    let height = TITLE + frames.chunks(COLUMNS).map(line_height).sum::<i32>();
    let width = FRAME_WIDTH * frames.len().clamp(1, COLUMNS) as i32;
    draw(width as u32, height as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        let mut top = TITLE;
        for line in frames.chunks_mut(COLUMNS) {
            for (k, (allocator, group)) in line.iter_mut().enumerate() {
                group.sort_by(|a, b| a.volatility_annual.total_cmp(&b.volatility_annual));
                frame(canvas, (k as i32 * FRAME_WIDTH, top), allocator, group);
            }
            top += line_height(line);
        }
    })
}

fn frame(canvas: &Canvas<'_>, (left, top): (i32, i32), allocator: &str, rows: &[&Performance]) {
    let percents = || rows.iter().map(|row| 100.0 * row.volatility_annual).filter(|v| !v.is_nan());
    let (low, high) = (percents().fold(f64::INFINITY, f64::min), percents().fold(f64::NEG_INFINITY, f64::max));
    canvas.text(&format!("{allocator}: realised volatility, % a year"), (left + 16, top + 10), 13, INK, Anchor::Left);
    let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|step| (high - low) / step <= 5.0).unwrap_or(20.0);
    let (first, last) = if low.is_finite() {
        ((low / step).floor() as i64, (high / step).ceil().max((low / step).floor() + 1.0) as i64)
    } else {
        (0, 1)
    };
    let x =
        Scale { values: (first as f64 * step, last as f64 * step), pixels: (left + LEFT, left + FRAME_WIDTH - RIGHT) };
    let bottom = top + TOP + ROW * rows.len() as i32;
    for tick in first..=last {
        let at = x.pixel(tick as f64 * step);
        canvas.line(vec![(at, top + TOP - 6), (at, bottom)], GRID, 1);
        let digits = usize::from(step < 1.0);
        canvas.text(&format!("{:.digits$}", tick as f64 * step), (at, bottom + 14), 12, INK, Anchor::Centre);
    }
    for (k, row) in rows.iter().enumerate() {
        let y = top + TOP + ROW * k as i32 + ROW / 2 - 3;
        canvas.text(&row.estimator, (x.pixels.0 - 12, y), 12, INK, Anchor::Right);
        let percent = 100.0 * row.volatility_annual;
        if percent.is_nan() {
            canvas.text("undefined", (x.pixels.0 + 8, y), 12, INK, Anchor::Left);
            continue;
        }
        let at = x.pixel(percent);
        canvas.line(vec![(x.pixels.0, y), (x.pixels.1, y)], GRID, 1);
        canvas.dot((at, y), 5, colour(0));
        canvas.text(&format!("{percent:.2}"), (at + 10, y), 12, INK, Anchor::Left);
    }
}
