//! Figures of portfolios day by day: equity, drawdowns, rolling volatility and Sharpe ratio.

use crate::calendar::Date;
use crate::metrics;
use crate::render::canvas::Figure;
use crate::render::frames::{Axis, Frame, Kind, Series, day_number, frames_figure};

/// A portfolio over the days of a figure.
pub struct Curve {
    /// Its name; the same name has the same colour in every frame.
    pub label: String,
    /// Growth of 1 on the dates of the figure; the first value is 1.
    pub equity: Vec<f64>,
}

/// Heading of a frame, and its portfolios.
pub type Group = (String, Vec<Curve>);

fn figure(
    title: &str,
    dates: &[Date],
    groups: &[Group],
    (kind, heading): (Kind, &str),
    values: impl Fn(&Curve) -> Vec<f64>,
) -> Figure {
    let frame = |(name, curves): &Group| {
        let series = |curve: &Curve| {
            let values = values(curve);
            // A rolling measure begins later than the dates.
            let dates = &dates[dates.len() - values.len()..];
            let points = dates.iter().map(|date| day_number(*date)).zip(values).filter(|p| p.1.is_finite());
            Series::line(&curve.label, points.collect())
        };
        Frame {
            title: format!("{name}: {heading}"),
            x: Axis::new(Kind::Date, ""),
            y: Axis::new(kind, ""),
            series: curves.iter().map(series).collect(),
        }
    };
    frames_figure(title, &groups.iter().map(frame).collect::<Vec<_>>())
}

/// Equity on a logarithmic scale, one frame per group. `dates` are those of the equity values.
pub fn equity_figure(title: &str, dates: &[Date], groups: &[Group]) -> Figure {
    let positive = |curve: &Curve| curve.equity.iter().map(|x| if *x > 0.0 { *x } else { f64::NAN }).collect();
    figure(title, dates, groups, (Kind::Log, "growth of 1 (log scale)"), positive)
}

/// Losses from the last peak, one frame per group.
pub fn drawdown_figure(title: &str, dates: &[Date], groups: &[Group]) -> Figure {
    let losses = |curve: &Curve| metrics::drawdowns(&curve.equity).iter().map(|loss| 100.0 * loss).collect();
    figure(title, dates, groups, (Kind::Linear, "loss from the last peak, %"), losses)
}

/// Annual volatility of the year up to each date: 252 days, or `per_year` days rounded.
pub fn rolling_figure(title: &str, dates: &[Date], groups: &[Group], per_year: f64) -> Figure {
    let days = days_of_year(per_year);
    let rolling = |curve: &Curve| rolling(curve, days, |returns| 100.0 * metrics::volatility_annual(returns, per_year));
    figure(title, dates, groups, (Kind::Linear, &format!("volatility of {days} days, % a year")), rolling)
}

/// Annual Sharpe ratio of the year up to each date, zero risk-free rate.
pub fn rolling_sharpe_figure(title: &str, dates: &[Date], groups: &[Group], per_year: f64) -> Figure {
    let days = days_of_year(per_year);
    let rolling = |curve: &Curve| rolling(curve, days, |returns| metrics::sharpe_ratio(returns, per_year));
    figure(title, dates, groups, (Kind::Linear, &format!("Sharpe ratio of {days} days")), rolling)
}

fn days_of_year(per_year: f64) -> usize {
    (per_year.round() as usize).max(2)
}

/// A measure of the last days up to each date. A ruin ends the curve; its day is not part of the measure.
fn rolling(curve: &Curve, days: usize, measure: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let earned = |pair: &[f64]| if pair[1] > 0.0 { pair[1] / pair[0] - 1.0 } else { f64::NAN };
    let returns: Vec<f64> = curve.equity.windows(2).map(earned).collect();
    returns.windows(days).map(measure).collect()
}
