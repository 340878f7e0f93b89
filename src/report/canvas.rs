//! A page in pixels with the lines, dots and texts that figures are made of.

use std::sync::Once;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, WHITE, register_font};

/// Ink of texts and axes.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
/// Ink of grid lines and reference lines.
pub(super) const GRID: RGBColor = RGBColor(222, 222, 222);

/// Ink of lines in the background.
pub(super) const PALE: RGBColor = RGBColor(200, 200, 200);

/// Colours that stay apart for colour-blind readers. Okabe, Ito (2008), "Color universal design".
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// Frames side by side; more of them go below.
pub(super) const COLUMNS: usize = 2;

/// The colour of the k-th series.
pub(super) fn colour(k: usize) -> RGBColor {
    PALETTE[k % PALETTE.len()]
}

/// Which point of a text lies at its coordinates.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

/// A line of more points is thinned.
const MOST_POINTS: usize = 2000;

/// An SVG page.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// Embedded, so that text is measured alike on every machine.
fn use_embedded_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = include_bytes!("font/DejaVuSans.ttf");
        assert!(register_font("sans-serif", FontStyle::Normal, font).is_ok(), "the embedded font is a valid font");
    });
}

/// Draws a page of that size and returns its SVG text.
pub(super) fn draw(width: u32, height: u32, figure: impl FnOnce(&Canvas<'_>)) -> String {
    use_embedded_font();
    let mut svg = String::new();
    {
        let canvas = Canvas(SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area());
        canvas.0.fill(&WHITE).expect("drawing into a string cannot fail");
        figure(&canvas);
        canvas.0.present().expect("drawing into a string cannot fail");
    }
    svg
}

impl Canvas<'_> {
    /// A line through points.
    pub fn line(&self, points: Vec<(i32, i32)>, colour: RGBColor, width: u32) {
        let points = if points.len() > MOST_POINTS { thinned(&points) } else { points };
        let path = PathElement::new(points, colour.stroke_width(width));
        self.0.draw(&path).expect("drawing into a string cannot fail");
    }

    /// A filled dot.
    pub fn dot(&self, centre: (i32, i32), radius: i32, colour: RGBColor) {
        let dot = Circle::new(centre, radius, colour.filled());
        self.0.draw(&dot).expect("drawing into a string cannot fail");
    }

    /// A filled box between two corners.
    pub fn bar(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
        self.0.draw(&Rectangle::new([from, to], colour.filled())).expect("drawing into a string cannot fail");
    }

    /// A text, vertically centred at its point.
    pub fn text(&self, text: &str, at: (i32, i32), size: i32, colour: RGBColor, anchor: Anchor) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = ("sans-serif", size).into_font().color(&colour);
        let style = style.pos(Pos::new(horizontal, VPos::Center));
        self.0.draw_text(text, &style, at).expect("drawing into a string cannot fail");
    }
}

/// First, lowest, highest and last point of every column of pixels: the same picture from fewer points.
fn thinned(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0 == b.0) {
        let x = column[0].0;
        let (low, high) = column.iter().fold((i32::MAX, i32::MIN), |(low, high), p| (low.min(p.1), high.max(p.1)));
        kept.extend([column[0], (x, low), (x, high), column[column.len() - 1]]);
    }
    kept.dedup();
    kept
}

/// A linear map of an interval of values to an interval of pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub values: (f64, f64),
    pub pixels: (i32, i32),
}

impl Scale {
    pub fn pixel(&self, value: f64) -> i32 {
        let share = (value - self.values.0) / (self.values.1 - self.values.0);
        (f64::from(self.pixels.0) + share * f64::from(self.pixels.1 - self.pixels.0)).round() as i32
    }
}

/// Moves labels apart so that neighbours keep `gap` pixels, as near to their places as their order allows.
pub(super) fn spread(places: &[i32], gap: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&k| places[k]);
    let mut spread = places.to_vec();
    for _ in 0..100 {
        for pair in order.windows(2) {
            let overlap = gap - (spread[pair[1]] - spread[pair[0]]);
            if overlap > 0 {
                spread[pair[0]] -= overlap / 2;
                spread[pair[1]] += overlap - overlap / 2;
            }
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_ends_and_extremes_of_every_column() {
        let points = [(0, 5), (0, 9), (0, 1), (0, 4), (1, 4), (1, 4), (2, 7)];
        assert_eq!(thinned(&points), [(0, 5), (0, 1), (0, 9), (0, 4), (1, 4), (2, 7)]);
    }

    #[test]
    fn labels_that_would_overlap_are_moved_apart_in_order() {
        assert_eq!(spread(&[100, 200], 14), [100, 200]);
        let spread = spread(&[100, 102, 101], 14);
        assert!(spread[0] + 13 <= spread[2] && spread[2] + 13 <= spread[1], "{spread:?}");
    }
}
