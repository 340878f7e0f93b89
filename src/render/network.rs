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
    /// Whether its form makes α a power of the age, so that the fit of one is no evidence.
    pub imposes_power_law: bool,
}

/// Daily volatility of the returns for which effective weights are computed: that of a typical stock.
const TYPICAL_VOLATILITY: f64 = 0.02;

impl Learned {
    /// The weight of a day in the covariance, by age, α and β together, as shares of 1:
    ///
    /// ```text
    /// w(a) = E[ (α_a / β_a · tanh(β_a R))² ],   R = 252 r,  r normal with a daily volatility of 2 %
    /// ```
    ///
    /// Where β clips old returns more than new ones, new days weigh more than α² says.
    pub fn effective_weights(&self) -> Vec<f64> {
        let scale = 252.0 * TYPICAL_VOLATILITY;
        // The trapezoidal rule is exact to rounding for a function this smooth.
        let nodes: Vec<(f64, f64)> =
            (-80..=80).map(|k| f64::from(k) / 10.0).map(|z: f64| (scale * z, (-0.5 * z * z).exp())).collect();
        let weight = |(alpha, beta): (&f64, &f64)| -> f64 {
            let transformed = |r: f64| if (beta * r).abs() < 1e-9 { r } else { (beta * r).tanh() / beta };
            nodes.iter().map(|(r, density)| density * (alpha * transformed(*r)).powi(2)).sum()
        };
        let weights: Vec<f64> = self.curves.alpha.iter().zip(&self.curves.beta).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    /// Number of effective days, 1 / Σ w(a)².
    pub fn effective_days(&self) -> f64 {
        1.0 / self.effective_weights().iter().map(|w| w * w).sum::<f64>()
    }
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

/// α and β against the age of a day on logarithmic scales, and the share of the weight that days up to an age carry. A power law is
/// fitted to the α of the last network if its form does not impose one.
#[cfg(feature = "figures")]
pub fn lag_figure(title: &str, learned: &[Learned]) -> Figure {
    let frame = |name: &str, values: fn(&Curves) -> &Vec<f64>, fit: bool| {
        let line = |l: &Learned| Series::line(&l.label, by_age(&l.curves, values(&l.curves))).named(l.is_named);
        let mut series: Vec<Series> = learned.iter().map(line).collect();
        if let (true, Some(last)) = (fit, learned.last().filter(|last| !last.imposes_power_law)) {
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
    let up_to = |l: &Learned| {
        let sums = l.effective_weights().into_iter().scan(0.0, |sum, w| {
            *sum += w;
            Some(100.0 * *sum)
        });
        Series::line(&l.label, by_age(&l.curves, &sums.collect::<Vec<_>>())).named(l.is_named)
    };
    let days = learned.last().map_or(0.0, Learned::effective_days);
    let cumulated = Frame {
        title: format!("α and β together: share of the weight up to an age, %; {days:.0} effective days at last"),
        x: Axis::new(Kind::Log, "age of a day in trading days (log scale)"),
        y: Axis::new(Kind::Linear, ""),
        series: learned.iter().map(up_to).collect(),
    };
    frames_figure(
        title,
        &[
            frame("α: weight of a return", |c| &c.alpha, true),
            frame("β: inverse size of clipping, annual units", |c| &c.beta, false),
            cumulated,
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

    fn learned(alpha: Vec<f64>, beta: Vec<f64>) -> Learned {
        let age = (1..=alpha.len()).collect();
        let curves = Curves { age, alpha, beta, volatility: Vec::new(), inverse_volatility: Vec::new() };
        Learned { label: String::new(), curves, is_named: false, imposes_power_law: false }
    }

    #[test]
    fn without_clipping_effective_weights_are_squares_of_alpha_and_clipping_takes_from_the_days_that_it_clips() {
        let plain = learned(vec![2.0, 1.0, 1.0], vec![1e-9; 3]);
        assert!(
            plain.effective_weights().iter().zip([4.0, 1.0, 1.0]).all(|(w, square)| (w - square / 6.0).abs() < 1e-9)
        );
        assert!((plain.effective_days() - 36.0 / 18.0).abs() < 1e-9);
        // So strong a clipping leaves the sign of a return: E (α tanh(βR)/β)² is nearly α²/β².
        let clipped = learned(vec![1.0, 1.0], vec![1e-9, 1e3]);
        let typical = (252.0 * TYPICAL_VOLATILITY).powi(2);
        assert!((clipped.effective_weights()[1] * (typical + 1e-6) / 1e-6 - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_power_law_is_found_again() {
        let points: Vec<(f64, f64)> = (1..50).map(|k| (f64::from(k), 2.8 * f64::from(k).powf(-0.2))).collect();
        let (c, e) = power_law(&points);
        assert!((c - 2.8).abs() < 1e-12 && (e + 0.2).abs() < 1e-12, "{c} {e}");
    }
}
