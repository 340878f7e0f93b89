//! Figures of a trained network: the lag transform and the map of marginal volatilities.

#[cfg(feature = "figures")]
use crate::render::canvas::Figure;
#[cfg(feature = "figures")]
use crate::render::frames::{Axis, Frame, Kind, Look, Series, frames_figure};
use crate::train::Curves;

/// The curves of one network.
pub struct Learned {
    /// Its name, such as the year that it is used in.
    pub label: String,
    /// The learned curves.
    pub curves: Curves,
    /// Whether it is drawn in colour.
    pub is_named: bool,
}

/// c and e of y = c x^e by least squares on logarithms, over the points where both are positive.
pub fn power_law(points: &[(f64, f64)]) -> (f64, f64) {
    let logs: Vec<(f64, f64)> =
        points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0).map(|p| (p.0.ln(), p.1.ln())).collect();
    let n = logs.len() as f64;
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / n, logs.iter().map(|p| p.1).sum::<f64>() / n);
    let cross: f64 = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    let exponent = cross / logs.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>();
    ((my - exponent * mx).exp(), exponent)
}

#[cfg(feature = "figures")]
fn by_age(curves: &Curves, values: &[f64]) -> Vec<(f64, f64)> {
    curves.age.iter().map(|age| *age as f64).zip(values.iter().copied()).collect()
}

/// α and β against the age of a day on logarithmic scales, with the power law fitted to the last network's α.
#[cfg(feature = "figures")]
pub fn lag_figure(title: &str, learned: &[Learned]) -> Figure {
    let frame = |name: &str, values: fn(&Curves) -> &Vec<f64>, fit: bool| {
        let line = |l: &Learned| Series::line(&l.label, by_age(&l.curves, values(&l.curves))).named(l.is_named);
        let mut series: Vec<Series> = learned.iter().map(line).collect();
        if let (true, Some(last)) = (fit, learned.last()) {
            let points = by_age(&last.curves, values(&last.curves));
            let (c, e) = power_law(&points);
            let line = points.iter().map(|(age, _)| (*age, c * age.powf(e))).collect();
            series.push(Series::line(format!("{c:.2} × age^{e:.2}").replace('-', "−"), line));
        }
        // β can be negative, because tanh(βR)/β is even in β.
        let is_positive = learned.iter().all(|l| values(&l.curves).iter().all(|v| *v > 0.0));
        Frame {
            title: if is_positive { format!("{name} (log scale)") } else { name.to_string() },
            x: Axis::new(Kind::Log, "age of a day in trading days (log scale)"),
            y: Axis::new(if is_positive { Kind::Log } else { Kind::Linear }, ""),
            series,
        }
    };
    frames_figure(
        title,
        &[
            frame("α: weight of a return", |c| &c.alpha, true),
            frame("β: inverse size of clipping, annual units", |c| &c.beta, false),
        ],
    )
}

/// The volatility 1/d that the network assigns to an asset, against s, scaled so that its mean over the grid is that
/// of s.
#[cfg(feature = "figures")]
pub fn marginal_figure(title: &str, learned: &[Learned]) -> Figure {
    let line = |l: &Learned| {
        let (s, d) = (&l.curves.volatility, &l.curves.inverse_volatility);
        let scale = s.iter().sum::<f64>() / d.iter().map(|d| 1.0 / d).sum::<f64>();
        Series::line(&l.label, s.iter().zip(d).map(|(s, d)| (*s, scale / d)).collect()).named(l.is_named)
    };
    let mut series: Vec<Series> = learned.iter().map(line).collect();
    let grid = learned.first().map_or(Vec::new(), |l| l.curves.volatility.clone());
    let identity = grid.iter().map(|s| (*s, *s)).collect();
    series.insert(0, Series { look: Look::Reference, ..Series::line("", identity) });
    let frame = Frame {
        title: "1/d, scaled to the mean of s; grey: 1/d = s".to_string(),
        x: Axis::new(Kind::Linear, "s: standard deviation of an asset's transformed returns"),
        y: Axis::new(Kind::Linear, ""),
        series,
    };
    frames_figure(title, &[frame])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_found_again() {
        let points: Vec<(f64, f64)> = (1..50).map(|k| (f64::from(k), 2.8 * f64::from(k).powf(-0.2))).collect();
        let (c, e) = power_law(&points);
        assert!((c - 2.8).abs() < 1e-12 && (e + 0.2).abs() < 1e-12, "{c} {e}");
    }
}
