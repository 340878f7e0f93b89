//! Pictures in SVG: lines, dots, bars and texts with sub-pixel coordinates, light and dark inks, and groups that a
//! page can find.
//!
//! The same input gives the same bytes. Texts are measured and shown with a font that is embedded in the program and
//! in every picture, so the fonts of the machine or the reader do not matter.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Once;

use base64::Engine;
use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, register_font};

/// Ink of texts and axes.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
/// Ink of grid lines and reference lines.
pub(super) const GRID: RGBColor = RGBColor(222, 222, 222);
/// Ink of lines in the background.
pub(super) const PALE: RGBColor = RGBColor(190, 190, 190);

/// Colours that colour-blind readers can distinguish (Okabe, Ito 2008, "Color universal design"), five from the muted scheme of
/// Tol (2021), "Colour schemes", and grey, which stays for what is beyond.
const PALETTE: [RGBColor; 13] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(136, 34, 85),
    RGBColor(153, 153, 51),
    RGBColor(51, 34, 136),
    RGBColor(170, 68, 153),
    RGBColor(17, 119, 51),
    RGBColor(130, 130, 130),
];

/// Names that have the same colour in every figure of every run, with its place in the palette.
const NAMED: [(&str, usize); 12] = [
    ("qis", 0),
    ("network", 1),
    ("lw_identity", 2),
    ("rie", 3),
    ("clip", 4),
    ("average_oracle", 5),
    ("sample", 6),
    ("dcc_qis", 7),
    ("poet", 8),
    ("nls_analytical", 9),
    ("ewma", 10),
    ("equal", 11),
];

/// Whether a label is that of a network, of whatever seed.
pub(super) fn is_network(label: &str) -> bool {
    label.starts_with("network")
}

/// The colours of some labels: those of their names, and for the others the first ones that are free, in the order of the labels;
/// grey beyond.
pub(super) fn colours(labels: &[&str]) -> Vec<RGBColor> {
    let known = |label: &str| {
        let name = label.split([',', '(', ' ']).next().unwrap_or(label);
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
    };
    // Of several labels of one name, the first has its colour.
    let mut places: Vec<Option<usize>> = vec![None; labels.len()];
    for (k, label) in labels.iter().enumerate() {
        places[k] = known(label).filter(|place| !places[..k].contains(&Some(*place)));
    }
    let mut free =
        (0..PALETTE.len() - 1).filter(|place| !places.contains(&Some(*place))).collect::<Vec<_>>().into_iter();
    places.into_iter().map(|place| colour(place.or_else(|| free.next()).unwrap_or(PALETTE.len() - 1))).collect()
}

/// Each light ink with its replacement on a dark page: the same hue, lighter.
const DARK: [(&str, &str); 17] = [
    ("#FFFFFF", "#14171A"),
    ("#282828", "#E3E3E3"),
    ("#DEDEDE", "#363C42"),
    ("#BEBEBE", "#575F66"),
    ("#0072B2", "#4AA3E0"),
    ("#D55E00", "#FF8B45"),
    ("#009E73", "#2FC79E"),
    ("#CC79A7", "#E59CC8"),
    ("#56B4E9", "#9CD8FF"),
    ("#E69F00", "#F8C146"),
    ("#000000", "#FAFAFA"),
    ("#882255", "#D46A9A"),
    ("#999933", "#C9C967"),
    ("#332288", "#9C8CEB"),
    ("#AA4499", "#DE84CF"),
    ("#117733", "#5BC07E"),
    ("#828282", "#A0A0A0"),
];

/// The family of the embedded font, with similar fonts to fall back on.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// The font that measures texts and draws PNG files.
pub(super) const FONT: &[u8] = include_bytes!("font/DejaVuSans.ttf");
/// The subset of this font that is embedded in pictures.
const EMBEDDED_FONT: &[u8] = include_bytes!("font/DejaVuSans.woff2");

/// The colour of the k-th series.
pub(super) fn colour(k: usize) -> RGBColor {
    PALETTE[k % PALETTE.len()]
}

/// The point of a text that is placed at its coordinates.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

/// Units of the picture per pixel.
const UNITS: f64 = 10.0;
/// Lines with more points than this are thinned.
const MOST_POINTS: usize = 600;

/// A point of a picture, in pixels from its upper left corner.
pub(super) type Place = (f64, f64);

/// A picture being drawn.
pub(super) struct Canvas(RefCell<String>);

/// A finished frame of a figure.
#[derive(Clone, Debug)]
pub struct Picture {
    width: f64,
    height: f64,
    body: String,
}

impl Picture {
    /// Draws a frame of this size in pixels.
    pub(super) fn draw(width: f64, height: f64, frame: impl FnOnce(&Canvas)) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            assert!(register_font(FAMILY, FontStyle::Normal, FONT).is_ok(), "the embedded font is a valid font");
        });
        let canvas = Canvas(RefCell::default());
        frame(&canvas);
        Self { width, height, body: canvas.0.into_inner() }
    }

    /// The frame as an SVG element without style, for a page that includes [`style`] once.
    pub fn inline(&self, title: &str) -> String {
        svg(self.width, self.height, &titled(title), &self.body)
    }
}

/// A figure: a title and frames below it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its title.
    pub title: String,
    /// Frames, in reading order.
    pub frames: Vec<Picture>,
}

/// Number of frames side by side; further frames go below.
const COLUMNS: usize = 2;
/// Size of titles, pixels.
const TITLE: f64 = 14.0;
const LINE: f64 = 18.0;

impl Figure {
    /// A self-contained SVG file with two frames per row; its inks adapt to the reader's light or dark page.
    pub fn svg(&self) -> String {
        let rows = || self.frames.chunks(COLUMNS);
        let width = rows().map(|row| row.iter().map(|frame| frame.width).sum::<f64>()).fold(0.0, f64::max);
        let lines = wrapped(&self.title, width - 32.0);
        let mut top = 16.0 + LINE * lines.len() as f64;
        let title = Picture::draw(width, top, |canvas| {
            for (k, line) in lines.iter().enumerate() {
                canvas.text(line, (8.0, 20.0 + LINE * k as f64), TITLE, INK, Anchor::Left);
            }
        });
        let mut body = title.body;
        for row in rows() {
            let mut left = 0.0;
            for frame in row {
                let (x, y) = (left * UNITS, top * UNITS);
                let _ = write!(body, "<g transform=\"translate({x},{y})\">\n{}</g>\n", frame.body);
                left += frame.width;
            }
            top += row.iter().map(|frame| frame.height).fold(0.0, f64::max);
        }
        svg(width, top, &format!("{}<style>{}</style>\n", titled(&self.title), style()), &body)
    }
}

/// Breaks a title into lines that fit the width.
fn wrapped(title: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in title.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && text_width(line, TITLE) + text_width(word, TITLE) > width {
            lines.push(word.to_string());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The title that a screen reader says.
fn titled(title: &str) -> String {
    format!("<title>{}</title>\n", escaped(title))
}

/// A text inside an element or an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

fn svg(width: f64, height: f64, style: &str, body: &str) -> String {
    let (w, h) = (width * UNITS, height * UNITS);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\">\n{style}\
         <rect width=\"{w}\" height=\"{h}\" fill=\"#FFFFFF\"/>\n{body}</svg>\n"
    )
}

/// The style of pictures: the embedded font, and the inks of a dark page.
pub fn style() -> String {
    let font = base64::engine::general_purpose::STANDARD.encode(EMBEDDED_FONT);
    let mut style = format!("@font-face{{font-family:'DejaVu Sans';src:url(data:font/woff2;base64,{font})}}");
    style.push_str("@media(prefers-color-scheme:dark){");
    for (light, dark) in DARK {
        let _ = write!(style, "[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    style + "}"
}

/// The picture in the inks of a dark page.
pub(super) fn darkened(svg: &str) -> String {
    DARK.iter().fold(svg.to_string(), |svg, (light, dark)| svg.replace(&format!("\"{light}\""), &format!("\"{dark}\"")))
}

fn units((x, y): Place) -> (i32, i32) {
    ((UNITS * x).round() as i32, (UNITS * y).round() as i32)
}

impl Canvas {
    /// Appends the element that one call of the plotting crate draws. The crate clips lines at the edges of its page,
    /// so its page is larger than any picture.
    fn put(&self, draw: impl FnOnce(&plotters::drawing::DrawingArea<SVGBackend<'_>, plotters::coord::Shift>)) {
        let mut page = String::new();
        {
            let area =
                SVGBackend::with_string(&mut page, (u32::from(u16::MAX), u32::from(u16::MAX))).into_drawing_area();
            draw(&area);
            area.present().expect("drawing into a string cannot fail");
        }
        let inner = page.split_once('\n').map_or("", |(_, rest)| rest);
        let inner = inner.strip_suffix("</svg>\n").or_else(|| inner.strip_suffix("</svg>")).unwrap_or(inner);
        self.0.borrow_mut().push_str(&inner.replace(" opacity=\"1\"", ""));
    }

    /// Groups elements under attributes by which a page finds them.
    pub fn group(&self, attributes: &[(&str, &str)], draw: impl FnOnce(&Self)) {
        self.0.borrow_mut().push_str("<g");
        for (name, value) in attributes {
            let _ = write!(self.0.borrow_mut(), " {name}=\"{}\"", escaped(value));
        }
        self.0.borrow_mut().push_str(">\n");
        draw(self);
        self.0.borrow_mut().push_str("</g>\n");
    }

    /// A line through points.
    pub fn line(&self, points: &[Place], colour: RGBColor, width: f64) {
        let points: Vec<(i32, i32)> = points.iter().copied().map(units).collect();
        let points = if points.len() > MOST_POINTS { thinned(&points) } else { points };
        let path = PathElement::new(points, colour.stroke_width((UNITS * width).round() as u32));
        self.put(|area| area.draw(&path).expect("drawing into a string cannot fail"));
    }

    /// A filled dot.
    pub fn dot(&self, centre: Place, radius: f64, colour: RGBColor) {
        let dot = Circle::new(units(centre), (UNITS * radius).round() as i32, colour.filled());
        self.put(|area| area.draw(&dot).expect("drawing into a string cannot fail"));
    }

    /// A filled rectangle between two opposite corners.
    pub fn bar(&self, from: Place, to: Place, colour: RGBColor) {
        let bar = Rectangle::new([units(from), units(to)], colour.filled());
        self.put(|area| area.draw(&bar).expect("drawing into a string cannot fail"));
    }

    /// A text, vertically centred at its point.
    pub fn text(&self, text: &str, at: Place, size: f64, colour: RGBColor, anchor: Anchor) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        // The plotting crate writes font sizes 1.24 times smaller than requested.
        let style = (FAMILY, UNITS * 1.24 * size).into_font().color(&colour);
        let style = style.pos(Pos::new(horizontal, VPos::Center));
        self.put(|area| area.draw_text(text, &style, units(at)).expect("drawing into a string cannot fail"));
    }
}

/// The lowest and the highest point of every pixel column, and both ends: fewer points, but the same picture.
fn thinned(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut kept = vec![points[0]];
    for column in points.chunk_by(|a, b| a.0 / UNITS as i32 == b.0 / UNITS as i32) {
        let lowest = column.iter().min_by_key(|p| p.1).expect("a chunk is not empty");
        let highest = column.iter().max_by_key(|p| p.1).expect("a chunk is not empty");
        kept.extend(if lowest.0 <= highest.0 { [*lowest, *highest] } else { [*highest, *lowest] });
    }
    kept.push(points[points.len() - 1]);
    kept.dedup();
    kept
}

/// Approximate width of a text, pixels, for layouts that must leave room.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.6 * size * text.chars().count() as f64
}

/// Moves labels apart so that neighbours are at least `gap` pixels apart, as near to their places as their order
/// allows.
pub(super) fn spread(places: &[f64], gap: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    let mut spread = places.to_vec();
    for _ in 0..100 {
        for pair in order.windows(2) {
            let overlap = gap - (spread[pair[1]] - spread[pair[0]]);
            if overlap > 0.0 {
                spread[pair[0]] -= overlap / 2.0;
                spread[pair[1]] += overlap / 2.0;
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
        let points = [(0, 5), (1, 9), (2, 1), (4, 4), (5, 4), (5, 4), (12, 7)];
        assert_eq!(thinned(&points), [(0, 5), (1, 9), (2, 1), (12, 7)]);
    }

    #[test]
    fn labels_that_would_overlap_are_moved_apart_in_order() {
        assert_eq!(spread(&[100.0, 200.0], 14.0), [100.0, 200.0]);
        let spread = spread(&[100.0, 102.0, 101.0], 14.0);
        assert!(spread[0] + 13.0 <= spread[2] && spread[2] + 13.0 <= spread[1], "{spread:?}");
    }

    #[test]
    fn names_keep_their_colours_and_others_take_free_ones() {
        let of = |labels: &[&str]| colours(labels);
        assert_eq!(of(&["sample", "qis"]), of(&["qis", "sample"]).into_iter().rev().collect::<Vec<_>>());
        assert_eq!(of(&["network, seed 0"])[0], of(&["x", "network"])[1]);
        let several = of(&["network, seed 0", "network, seed 1", "mine", "qis, flat"]);
        assert_eq!((several[0], several[3]), (PALETTE[1], PALETTE[0]));
        let mut distinct = several.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), 4);
        let many: Vec<String> = (0..30).map(|k| format!("e{k}")).collect();
        let many = of(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many[12..].iter().all(|colour| *colour == PALETTE[12]) && !many[..12].contains(&PALETTE[12]));
    }

    #[test]
    fn every_ink_has_a_dark_one() {
        let inks = PALETTE.iter().chain([&INK, &GRID, &PALE]);
        for RGBColor(r, g, b) in inks {
            let light = format!("#{r:02X}{g:02X}{b:02X}");
            assert!(DARK.iter().any(|(known, _)| *known == light), "{light}");
        }
    }
}
