//! Frames of curves: linear, logarithmic and date axes, with labels at the right end of each curve.

use crate::calendar::{Date, date_from_epoch, days_since_epoch};
use crate::render::canvas::{
    Anchor, Canvas, Figure, GRID, INK, PALE, Picture, Place, colours, is_network, spread, text_width,
};

/// How an axis maps its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Linear,
    Log,
    /// Dates as days since 1970.
    Date,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub kind: Kind,
    /// Both ends; those of the values if `None`.
    pub range: Option<(f64, f64)>,
    /// The quantity and its unit; empty where it is obvious.
    pub title: &'static str,
}

impl Axis {
    pub fn new(kind: Kind, title: &'static str) -> Self {
        Self { kind, range: None, title }
    }
}

/// Style of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A coloured line with a label; the same label has the same colour in every frame.
    Line,
    /// As [`Line`](Self::Line), with a dot at every point.
    Dotted,
    /// Dots without a line, with a vertical bar from low to high at every point.
    Points,
    /// A pale line in the background, without a label.
    Pale,
    /// A reference line such as the identity, without a label.
    Reference,
}

/// One series.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub label: String,
    pub points: Vec<Place>,
    pub look: Look,
    /// A point to be marked.
    pub mark: Option<Place>,
    /// Both ends of the bar of every point, for [`Look::Points`].
    pub spans: Vec<(f64, f64)>,
}

impl Series {
    pub fn line(label: impl Into<String>, points: Vec<Place>) -> Self {
        Self { label: label.into(), points, look: Look::Line, mark: None, spans: Vec::new() }
    }

    /// Coloured if `is_named`, else pale.
    pub fn named(self, is_named: bool) -> Self {
        if is_named { self } else { Self { look: Look::Pale, ..self } }
    }

    fn has_label(&self) -> bool {
        matches!(self.look, Look::Line | Look::Dotted | Look::Points) && !self.points.is_empty()
    }
}

/// One frame. Values outside a given range are drawn at its edge.
pub(super) struct Frame {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Days since 1970.
pub(super) fn day_number(date: Date) -> f64 {
    f64::from(days_since_epoch(date))
}

const PLOT: (f64, f64) = (340.0, 236.0);
const LEFT: f64 = 54.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
/// Size of labels and ticks, pixels.
const SMALL: f64 = 11.0;

/// The figure made of these frames.
pub(super) fn frames_figure(title: &str, frames: &[Frame]) -> Figure {
    let mut labels: Vec<&str> = Vec::new();
    for series in frames.iter().flat_map(|frame| &frame.series).filter(|series| series.has_label()) {
        if !labels.contains(&series.label.as_str()) {
            labels.push(&series.label);
        }
    }
    let widest = labels.iter().map(|label| text_width(label, SMALL)).fold(40.0, f64::max);
    let (width, height) = (LEFT + PLOT.0 + 22.0 + widest, TOP + PLOT.1 + BOTTOM);
    let picture = |frame: &Frame| Picture::draw(width, height, |canvas| draw_frame(canvas, frame, &labels));
    Figure { title: title.to_string(), frames: frames.iter().map(picture).collect() }
}

/// A map of values to pixels.
struct Scale {
    kind: Kind,
    values: (f64, f64),
    pixels: (f64, f64),
}

impl Scale {
    /// A scale over the axis's range, or over the values with a margin; `None` if there is no value.
    fn over(axis: &Axis, values: impl Iterator<Item = f64>, pixels: (f64, f64), margin: f64) -> Option<Self> {
        let inner = |x: f64| if axis.kind == Kind::Log { x.ln() } else { x };
        let usable = values.map(inner).filter(|x| x.is_finite());
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        let extra = margin * (high - low).max(1e-9);
        let found = (low - extra, high + extra);
        let values = axis.range.map_or(found, |(from, to)| (inner(from), inner(to)));
        let values = if values.1 - values.0 < 1e-9 { (values.0 - 0.5, values.1 + 0.5) } else { values };
        (values.0.is_finite() && values.1.is_finite()).then_some(Self { kind: axis.kind, values, pixels })
    }

    fn pixel(&self, value: f64) -> f64 {
        let value = if self.kind == Kind::Log { value.max(1e-300).ln() } else { value };
        let share = (value - self.values.0) / (self.values.1 - self.values.0);
        self.pixels.0 + share.clamp(0.0, 1.0) * (self.pixels.1 - self.pixels.0)
    }

    fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        let (low, high) = self.values;
        match self.kind {
            Kind::Linear => round_ticks(low, high, n),
            Kind::Log => log_ticks(low.exp(), high.exp(), n),
            Kind::Date => date_ticks(low, high),
        }
    }

    /// The scale as text, from which a page turns pixels back into values: kind, values, pixels.
    fn written(&self) -> String {
        let name = match self.kind {
            Kind::Linear => "linear",
            Kind::Log => "log",
            Kind::Date => "date",
        };
        let ((a, b), (p, q)) = (self.values, self.pixels);
        format!("{name} {a:.9} {b:.9} {:.0} {:.0}", 10.0 * p, 10.0 * q)
    }
}

fn draw_frame(canvas: &Canvas, frame: &Frame, labels: &[&str]) {
    canvas.text(&frame.title, (8.0, 11.0), 12.0, INK, Anchor::Left);
    let points = || frame.series.iter().flat_map(|series| &series.points);
    let ends = frame.series.iter().flat_map(|series| &series.spans).flat_map(|span| [span.0, span.1]);
    let palette = colours(labels);
    let (left, right) = (LEFT, LEFT + PLOT.0);
    let (top, bottom) = (TOP, TOP + PLOT.1);
    let x = Scale::over(&frame.x, points().map(|p| p.0), (left, right), 0.0);
    let y = Scale::over(&frame.y, points().map(|p| p.1).chain(ends), (bottom, top), 0.04);
    let (Some(x), Some(y)) = (x, y) else {
        canvas.text("nothing to show", (left, top + 20.0), SMALL, INK, Anchor::Left);
        return;
    };
    for (value, text) in y.ticks(6) {
        let at = y.pixel(value);
        canvas.line(&[(left, at), (right, at)], GRID, 1.0);
        canvas.text(&text, (left - 7.0, at), SMALL, INK, Anchor::Right);
    }
    canvas.line(&[(left, bottom), (right, bottom)], INK, 1.0);
    for (value, text) in x.ticks(6) {
        let at = x.pixel(value);
        canvas.line(&[(at, bottom), (at, bottom + 4.0)], INK, 1.0);
        canvas.text(&text, (at, bottom + 14.0), SMALL, INK, Anchor::Centre);
    }
    canvas.text(frame.x.title, ((left + right) / 2.0, bottom + 33.0), SMALL, INK, Anchor::Centre);
    canvas.text(frame.y.title, (right, 11.0), SMALL, INK, Anchor::Right);
    let place = |p: &Place| (x.pixel(p.0), y.pixel(p.1));
    let path = |series: &Series| {
        let finite = series.points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
        finite.map(place).collect::<Vec<Place>>()
    };
    let attributes = [("class", "plot"), ("data-x", &x.written()), ("data-y", &y.written())];
    canvas.group(&attributes, |canvas| {
        for series in frame.series.iter().filter(|series| !series.has_label() && !series.points.is_empty()) {
            let (ink, width) = if series.look == Look::Reference { (PALE, 1.2) } else { (PALE, 0.8) };
            canvas.line(&path(series), ink, width);
        }
        let named: Vec<(&Series, Vec<Place>)> =
            frame.series.iter().filter(|series| series.has_label()).map(|series| (series, path(series))).collect();
        let named: Vec<_> = named.into_iter().filter(|(_, path)| !path.is_empty()).collect();
        let ends: Vec<f64> = named.iter().map(|(_, path)| path[path.len() - 1].1).collect();
        let labels_at = inside(&spread(&ends, 14.0), (TOP - 12.0, bottom + 4.0));
        for ((series, path), label_at) in named.iter().zip(labels_at) {
            let ink = palette[labels.iter().position(|known| *known == series.label).unwrap_or(0)];
            canvas.group(&[("class", "series"), ("data-label", &series.label)], |canvas| {
                if series.look != Look::Points {
                    canvas.line(path, ink, if is_network(&series.label) { 2.2 } else { 1.5 });
                }
                if series.look == Look::Dotted {
                    path.iter().for_each(|point| canvas.dot(*point, 2.2, ink));
                }
                if series.look == Look::Points {
                    for (point, (low, high)) in series.points.iter().zip(&series.spans) {
                        let at = x.pixel(point.0);
                        canvas.line(&[(at, y.pixel(*low)), (at, y.pixel(*high))], ink, 1.0);
                        canvas.dot(place(point), 2.6, ink);
                    }
                }
                if let Some(mark) = &series.mark {
                    canvas.dot(place(mark), 4.0, ink);
                }
                canvas.text(&series.label, (right + 10.0, label_at), SMALL, ink, Anchor::Left);
            });
        }
    });
}

/// Moves labels into a range: all by the same distance, or closer together if they are too many for it.
fn inside(places: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    let low = places.iter().copied().fold(f64::INFINITY, f64::min);
    let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high - low > bottom - top {
        return places.iter().map(|at| top + (at - low) / (high - low) * (bottom - top)).collect();
    }
    let shift = (top - low).max(0.0) - (high - bottom).max(0.0);
    places.iter().map(|at| at + shift).collect()
}

/// About `n` ticks at round numbers between two values.
pub(super) fn round_ticks(low: f64, high: f64, n: usize) -> Vec<(f64, String)> {
    let span = (high - low).max(1e-12);
    let power = 10f64.powf((span / n as f64).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| span / step <= n as f64 + 0.5);
    let step = step.unwrap_or(10.0 * power);
    let digits = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|k| k as f64 * step).map(|x| (x, format!("{:.digits$}", x + 0.0).replace('-', "−"))).collect()
}

/// Ticks at powers of ten, with 2 and 5 between them if there are few; round numbers if there is no power of ten.
pub(super) fn log_ticks(low: f64, high: f64, n: usize) -> Vec<(f64, String)> {
    let decades = || low.log10().floor() as i32..=high.log10().ceil() as i32;
    for mantissas in [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]] {
        let all = decades().flat_map(|decade| mantissas.iter().map(move |m| m * 10f64.powi(decade)));
        let inside: Vec<f64> = all.filter(|x| (low..=high).contains(x)).collect();
        if inside.len() >= 4.min(n) {
            return inside.into_iter().map(|x| (x, short(x))).collect();
        }
    }
    round_ticks(low, high, n)
}

/// A number with only the digits that it needs.
fn short(x: f64) -> String {
    let digits = (1 - x.log10().floor() as i32).max(0) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Ticks at the starts of years, or of quarters if there are few years.
fn date_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (Some(from), Some(to)) = (date_from_epoch(low.ceil() as i32), date_from_epoch(high as i32)) else {
        return Vec::new();
    };
    let n_years = (high - low) / 365.25;
    let every = if n_years >= 3.0 {
        12 * (n_years / 6.5).ceil() as i32
    } else if n_years >= 1.2 {
        6
    } else {
        3
    };
    let months = 12 * i32::from(from.year())..=12 * i32::from(to.year()) + 11;
    let first = |month: i32| Date::new((month / 12) as i16, (month % 12 + 1) as i8, 1).ok();
    let starts = months.filter(|month| month % every == 0).filter_map(first).filter(|date| (from..=to).contains(date));
    let text = |date: &Date| match every {
        12.. => date.year().to_string(),
        _ => format!("{}-{:02}", date.year(), date.month()),
    };
    starts.map(|date| (day_number(date), text(&date))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: Vec<(f64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn labels_stay_inside_their_frame() {
        assert_eq!(inside(&[20.0, 30.0], (0.0, 100.0)), [20.0, 30.0]);
        assert_eq!(inside(&[95.0, 110.0], (0.0, 100.0)), [85.0, 100.0]);
        assert_eq!(inside(&[-10.0, 5.0], (0.0, 100.0)), [0.0, 15.0]);
        assert_eq!(inside(&[-100.0, 0.0, 300.0], (0.0, 100.0)), [0.0, 25.0, 100.0]);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(texts(round_ticks(0.0, 3.99, 5)), ["0", "1", "2", "3"]);
        assert_eq!(texts(round_ticks(-0.42, 0.31, 5)), ["−0.4", "−0.2", "0.0", "0.2"]);
        assert_eq!(texts(round_ticks(-82.0, -3.0, 5)), ["−80", "−60", "−40", "−20"]);
        assert_eq!(texts(log_ticks(0.8, 1300.0, 6)), ["1", "10", "100", "1000"]);
        assert_eq!(texts(log_ticks(0.9, 11.0, 6)), ["1", "2", "5", "10"]);
        assert_eq!(texts(log_ticks(0.11, 0.14, 4)), ["0.11", "0.12", "0.13", "0.14"]);
    }

    #[test]
    fn dates_are_marked_by_years_or_quarters() {
        let date = |year, month, day| day_number(jiff::civil::date(year, month, day));
        assert_eq!(texts(date_ticks(date(2000, 1, 3), date(2023, 12, 29)))[..2], ["2004", "2008"]);
        assert_eq!(texts(date_ticks(date(2004, 1, 2), date(2005, 12, 30))), ["2004-07", "2005-01", "2005-07"]);
        assert_eq!(texts(date_ticks(date(2018, 1, 2), date(2023, 12, 29))), ["2019", "2020", "2021", "2022", "2023"]);
    }
}
