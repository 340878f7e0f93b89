//! Time of one estimate, by estimator and number of assets: dots on a logarithmic scale, fastest at the top.

use crate::report::canvas::{Anchor, GRID, INK, Scale, colour, draw};

/// The times of one estimator.
pub struct Runtime {
    /// Its label.
    pub label: String,
    /// One point per size.
    pub points: Vec<RuntimePoint>,
}

/// The time of one estimator at one size.
pub struct RuntimePoint {
    /// Number of assets.
    pub n_assets: usize,
    /// Seconds of each estimate.
    pub repetitions: Vec<f64>,
    /// Seconds for what is learned once a year.
    pub fit_seconds: f64,
}

impl RuntimePoint {
    /// The median.
    pub fn seconds(&self) -> f64 {
        let mut sorted = self.repetitions.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

const WIDTH: i32 = 820;
const LEFT: i32 = 190;
const RIGHT: i32 = 40;
const TOP: i32 = 70;
const ROW: i32 = 18;
const BOTTOM: i32 = 40;

/// The SVG of the chart; estimators are ordered by their time at the largest size they were timed at.
pub fn runtime_figure(title: &str, timed: &[Runtime]) -> String {
    let mut rows: Vec<&Runtime> = timed.iter().filter(|runtime| !runtime.points.is_empty()).collect();
    let key = |runtime: &Runtime| runtime.points.last().map_or((0, 0.0), |p| (usize::MAX - p.n_assets, p.seconds()));
    rows.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
    let mut sizes: Vec<usize> = timed.iter().flat_map(|runtime| runtime.points.iter().map(|p| p.n_assets)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let seconds = || timed.iter().flat_map(|runtime| runtime.points.iter().map(|p| p.seconds())).filter(|s| *s > 0.0);
    let (low, high) = (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max));
    let bottom = TOP + ROW * rows.len() as i32;
    draw(WIDTH as u32, (bottom + BOTTOM) as u32, |canvas| {
        canvas.text(title, (16, 20), 16, INK, Anchor::Left);
        if rows.is_empty() {
            return;
        }
        let decades = (low.log10().floor(), high.log10().ceil().max(low.log10().floor() + 1.0));
        let x = Scale { values: decades, pixels: (LEFT, WIDTH - RIGHT) };
        for decade in decades.0 as i32..=decades.1 as i32 {
            let at = x.pixel(f64::from(decade));
            canvas.line(vec![(at, TOP - 6), (at, bottom)], GRID, 1);
            let name = match decade {
                ..=-4 => format!("{} µs", 10i64.pow((decade + 6).max(0) as u32)),
                -3..=-1 => format!("{} ms", 10i64.pow((decade + 3) as u32)),
                _ => format!("{} s", 10i64.pow(decade as u32)),
            };
            canvas.text(&name, (at, bottom + 14), 12, INK, Anchor::Centre);
        }
        for (k, n) in sizes.iter().enumerate() {
            let at = (LEFT + 100 * k as i32, 46);
            canvas.dot(at, 4, colour(k));
            canvas.text(&format!("n = {n}"), (at.0 + 10, at.1), 12, INK, Anchor::Left);
        }
        for (row, runtime) in rows.iter().enumerate() {
            let y = TOP + ROW * row as i32 + ROW / 2;
            canvas.text(&runtime.label, (LEFT - 12, y), 12, INK, Anchor::Right);
            canvas.line(vec![(x.pixels.0, y), (x.pixels.1, y)], GRID, 1);
            for point in &runtime.points {
                let k = sizes.binary_search(&point.n_assets).expect("every size is listed");
                canvas.dot((x.pixel(point.seconds().log10()), y), 4, colour(k));
            }
        }
    })
}
