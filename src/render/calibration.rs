//! Does a portfolio have the volatility that its covariance predicted?
//!
//! Rebalances are sorted by predicted volatility and divided into ten groups. Each group gives a point: the root of
//! its mean predicted variance, and the root of its mean squared return over the days held (both annual), with a bar of ± 1.96
//! standard errors over its rebalances. On the grey line the prediction is correct.

#[cfg(feature = "figures")]
use crate::metrics::{mean, standard_deviation};
#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};

/// Predicted volatilities of one portfolio, and the returns that followed.
pub struct Prediction {
    /// Label of the estimator.
    pub label: String,
    /// For each rebalance: the predicted annual volatility, and the daily returns until the next rebalance.
    pub periods: Vec<(f64, Vec<f64>)>,
}

#[cfg(feature = "figures")]
const GROUPS: usize = 10;

/// A point of the figure: predicted and realised volatility of a group, and both ends of its bar, % per year.
#[cfg(feature = "figures")]
type Point = (f64, f64, f64, f64);

#[cfg(feature = "figures")]
impl Prediction {
    /// The points of the figure, by predicted volatility.
    fn points(&self, per_year: f64) -> Vec<Point> {
        let mut periods: Vec<&(f64, Vec<f64>)> =
            self.periods.iter().filter(|(v, days)| v.is_finite() && *v > 0.0 && !days.is_empty()).collect();
        periods.sort_by(|a, b| a.0.total_cmp(&b.0));
        let per_group = periods.len().div_ceil(GROUPS).max(1);
        let point = |group: &[&(f64, Vec<f64>)]| {
            let predicted = mean(&group.iter().map(|(v, _)| v * v).collect::<Vec<_>>());
            let squares: Vec<f64> = group.iter().flat_map(|(_, days)| days.iter().map(|r| r * r)).collect();
            let each: Vec<f64> =
                group.iter().map(|(_, days)| mean(&days.iter().map(|r| r * r).collect::<Vec<_>>())).collect();
            let half = if each.len() > 1 { 1.96 * standard_deviation(&each) / (each.len() as f64).sqrt() } else { 0.0 };
            let realised = mean(&squares);
            let percent = |variance: f64| 100.0 * (per_year * variance.max(0.0)).sqrt();
            // On a logarithmic scale a bar cannot reach zero.
            let low = percent((realised - half).max(0.05 * realised));
            (100.0 * predicted.sqrt(), percent(realised), low, percent(realised + half))
        };
        periods.chunks(per_group).map(point).collect()
    }

    /// Realised over predicted volatility over all rebalances: 1 is correct; above 1 the risk was underestimated.
    pub fn bias(&self, per_year: f64) -> f64 {
        let known = || self.periods.iter().filter(|(v, days)| v.is_finite() && *v > 0.0 && !days.is_empty());
        let predicted: f64 = known().map(|(v, days)| v * v / per_year * days.len() as f64).sum();
        let realised: f64 = known().flat_map(|(_, days)| days).map(|r| r * r).sum();
        (realised / predicted).sqrt()
    }
}

/// The calibration figure, one frame per allocator.
#[cfg(feature = "figures")]
pub fn calibration_figure(title: &str, groups: &[(String, Vec<Prediction>)], per_year: f64) -> Figure {
    let frame = |(allocator, predictions): &(String, Vec<Prediction>)| {
        let curves: Vec<(&String, Vec<Point>)> = predictions.iter().map(|p| (&p.label, p.points(per_year))).collect();
        let values = || curves.iter().flat_map(|(_, points)| points).flat_map(|p| [p.0, p.1]);
        let ends = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        let identity = Series { look: Look::Reference, ..Series::line("", vec![(ends.0, ends.0), (ends.1, ends.1)]) };
        let dotted = |(label, points): (&String, Vec<Point>)| Series {
            look: Look::Points,
            spans: points.iter().map(|p| (p.2, p.3)).collect(),
            ..Series::line(label, points.iter().map(|p| (p.0, p.1)).collect())
        };
        Frame {
            title: format!("{allocator}: realised volatility, % a year (log scale)"),
            x: Axis::new(Kind::Log, "predicted volatility, % a year (log scale); grey: as predicted"),
            y: Axis::new(Kind::Log, ""),
            series: std::iter::once(identity).chain(curves.into_iter().map(dotted)).collect(),
        }
    };
    frames_figure(title, &groups.iter().map(frame).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_predicted_volatility_is_a_bias_of_two() {
        let daily = 0.2 / 252f64.sqrt();
        let periods = (0..20).map(|_| (0.1, vec![daily, -daily, daily])).collect();
        let prediction = Prediction { label: String::new(), periods };
        assert!((prediction.bias(252.0) - 2.0).abs() < 1e-12);
        assert!(prediction.points(252.0).iter().all(|p| (p.0 - 10.0).abs() < 1e-9 && (p.1 - 20.0).abs() < 1e-9));
    }
}
