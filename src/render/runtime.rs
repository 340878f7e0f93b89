//! Time of one estimate, by estimator and number of assets: dots on a logarithmic scale, fastest at the top.

use crate::render::canvas::Figure;
use crate::render::rows::{Row, Rows, rows_figure};

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
    /// Seconds of each repetition.
    pub repetitions: Vec<f64>,
    /// Seconds to learn what is learned once a year.
    pub fit_seconds: f64,
}

impl RuntimePoint {
    /// The median over the repetitions, seconds.
    pub fn seconds(&self) -> f64 {
        let mut sorted = self.repetitions.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// The figure of the times, with estimators ordered by the time at their largest size.
pub fn runtime_figure(title: &str, timed: &[Runtime]) -> Figure {
    let mut rows: Vec<&Runtime> = timed.iter().filter(|runtime| !runtime.points.is_empty()).collect();
    let key = |runtime: &Runtime| runtime.points.last().map_or((0, 0.0), |p| (usize::MAX - p.n_assets, p.seconds()));
    rows.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
    let mut sizes: Vec<usize> = timed.iter().flat_map(|runtime| runtime.points.iter().map(|p| p.n_assets)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let dot = |p: &RuntimePoint| {
        (sizes.binary_search(&p.n_assets).expect("every size is listed"), 1000.0 * p.seconds().max(1e-9))
    };
    let row = |r: &&Runtime| Row::new(r.label.clone(), r.points.iter().map(dot).collect());
    let frame = Rows {
        title: "milliseconds of one estimate (log scale)".to_string(),
        rows: rows.iter().map(row).collect(),
        series: sizes.iter().map(|n| format!("n = {n}")).collect(),
        is_log: true,
        digits: None,
        around_zero: None,
    };
    rows_figure(title, &[frame])
}
