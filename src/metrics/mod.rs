//! Volatility, Sharpe ratio, drawdown, tails, concentration: functions on slices of daily returns or weights.
//!
//! `per_year` is the number of returns in a year: [`DAYS_PER_YEAR`] for trading days, 365 if every day is one, 52 for
//! weeks, 12 for months; see [`Panel::periods_per_year`](crate::panel::Panel::periods_per_year).

mod forecast;

pub use forecast::{EXCEEDED, ForecastScore, score_assets_together, score_each_asset, score_portfolio};

/// Trading days in a year.
pub use crate::calendar::TRADING_DAYS as DAYS_PER_YEAR;

/// Arithmetic mean; NaN when empty.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with n − 1; NaN for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let centre = mean(values);
    (values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// Annualises the volatility of one period: multiplies it by √per_year.
pub fn annual(volatility: f64, per_year: f64) -> f64 {
    volatility * per_year.sqrt()
}

/// Annual volatility: √per_year times the standard deviation of the returns.
pub fn volatility_annual(returns: &[f64], per_year: f64) -> f64 {
    annual(standard_deviation(returns), per_year)
}

/// Annual volatility from returns compounded over non-overlapping blocks of `days`: their standard deviation times
/// √(per_year / days). An incomplete last block is left out.
pub fn block_volatility_annual(returns: &[f64], days: usize, per_year: f64) -> f64 {
    let blocks: Vec<f64> = returns.chunks_exact(days).map(total_return).collect();
    standard_deviation(&blocks) * (per_year / days as f64).sqrt()
}

/// Total compounded return, Π (1 + r) − 1.
pub fn total_return(returns: &[f64]) -> f64 {
    returns.iter().fold(1.0, |equity, r| equity * (1.0 + r)) - 1.0
}

/// Annual mean return: per_year times the mean.
pub fn mean_return_annual(returns: &[f64], per_year: f64) -> f64 {
    mean(returns) * per_year
}

/// Compound annual growth, (Π (1 + r))^(per_year/n) − 1.
pub fn growth_annual(returns: &[f64], per_year: f64) -> f64 {
    (1.0 + total_return(returns)).powf(per_year / returns.len() as f64) - 1.0
}

/// Annual mean over annual volatility, with a risk-free rate of zero.
pub fn sharpe_ratio(returns: &[f64], per_year: f64) -> f64 {
    mean_return_annual(returns, per_year) / volatility_annual(returns, per_year)
}

/// Annual Sharpe ratio of autocorrelated returns: the ratio of one period times q / √(q + 2 Σ_{k<q} (q − k) ρ_k)
/// instead of √q. q = per_year; ρ_k are the autocorrelations for lags up to `n_lags` and below q. Lo (2002), "The
/// statistics of Sharpe ratios", equation 20.
///
/// Deviation: Lo sums over all q − 1 lags, whose estimates are mostly noise; `n_lags` truncates the sum.
pub fn autocorrelated_sharpe_ratio(returns: &[f64], n_lags: usize, per_year: f64) -> f64 {
    let centre = mean(returns);
    let x: Vec<f64> = returns.iter().map(|r| r - centre).collect();
    let product = |lag: usize| x.iter().skip(lag).zip(&x).map(|(a, b)| a * b).sum::<f64>();
    let lags = (1..=n_lags).filter(|lag| (*lag as f64) < per_year);
    let terms = lags.map(|lag| (per_year - lag as f64) * product(lag) / product(0));
    let scale = per_year / (per_year + 2.0 * terms.sum::<f64>()).sqrt();
    scale * mean(returns) / standard_deviation(returns)
}

/// Calmar ratio: annual compound growth over the maximum drawdown, both of the whole series.
pub fn calmar_ratio(returns: &[f64], per_year: f64) -> f64 {
    growth_annual(returns, per_year) / max_drawdown(returns).abs()
}

/// Loss to compounding: annual mean less annual growth, about half the annual variance.
pub fn volatility_drag(returns: &[f64], per_year: f64) -> f64 {
    mean_return_annual(returns, per_year) - growth_annual(returns, per_year)
}

/// Third central moment over the cubed standard deviation, both with n.
pub fn skewness(returns: &[f64]) -> f64 {
    central_moment(returns, 3) / central_moment(returns, 2).powf(1.5)
}

/// Fourth central moment over the squared variance, both with n: 3 for a normal distribution.
pub fn kurtosis(returns: &[f64]) -> f64 {
    central_moment(returns, 4) / central_moment(returns, 2).powi(2)
}

fn central_moment(values: &[f64], power: i32) -> f64 {
    let centre = mean(values);
    values.iter().map(|x| (x - centre).powi(power)).sum::<f64>() / values.len() as f64
}

/// Annual volatility of every window of `days` returns; the k-th window ends with return `days − 1 + k`.
pub fn rolling_volatility(returns: &[f64], days: usize, per_year: f64) -> Vec<f64> {
    returns.windows(days).map(|returns| volatility_annual(returns, per_year)).collect()
}

/// Equity curve of an initial 1 (n + 1 values): the start, then the equity after every return.
pub fn equity(returns: &[f64]) -> Vec<f64> {
    let mut equity = vec![1.0];
    equity.extend(returns.iter().scan(1.0, |value, r| {
        *value *= 1.0 + r;
        Some(*value)
    }));
    equity
}

/// Return since the last peak at every point of an equity curve; zero or negative.
pub fn drawdowns(equity: &[f64]) -> Vec<f64> {
    let mut peak = f64::MIN;
    let loss = |value: &f64| {
        peak = peak.max(*value);
        value / peak - 1.0
    };
    equity.iter().map(loss).collect()
}

/// Maximum drawdown, zero or negative: the smallest ratio of equity to an earlier peak, minus one. The starting
/// equity counts as a peak.
pub fn max_drawdown(returns: &[f64]) -> f64 {
    drawdowns(&equity(returns)).into_iter().fold(0.0, f64::min)
}

/// The value at risk: the `share` quantile of daily returns, interpolated linearly between order statistics.
pub fn value_at_risk(returns: &[f64], share: f64) -> f64 {
    let mut sorted = returns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = sorted[place.floor() as usize];
    below + (place - place.floor()) * (sorted[place.ceil() as usize] - below)
}

/// Mean of the daily returns at or below the value at risk.
pub fn conditional_value_at_risk(returns: &[f64], share: f64) -> f64 {
    let limit = value_at_risk(returns, share);
    let tail: Vec<f64> = returns.iter().copied().filter(|r| *r <= limit).collect();
    mean(&tail)
}

/// Effective number of positions, 1 / Σ (|w|/G)² with the gross leverage G = Σ |w|: 1 / Σ w² for long-only weights.
pub fn n_effective(weights: &[f64]) -> f64 {
    gross_leverage(weights).powi(2) / weights.iter().map(|w| w * w).sum::<f64>()
}

/// Tracking error, beta and information ratio of returns against those of another portfolio on the same days: the annual standard
/// deviation of the difference, the slope of a regression with intercept, and the annual mean of the difference over its
/// standard deviation.
pub fn tracking(returns: &[f64], other: &[f64], per_year: f64) -> (f64, f64, f64) {
    let gaps: Vec<f64> = returns.iter().zip(other).map(|(r, o)| r - o).collect();
    let (centre, mean_other) = (mean(returns), mean(other));
    let product: f64 = returns.iter().zip(other).map(|(r, o)| (r - centre) * (o - mean_other)).sum();
    let square: f64 = other.iter().map(|o| (o - mean_other).powi(2)).sum();
    (volatility_annual(&gaps, per_year), product / square, sharpe_ratio(&gaps, per_year))
}

/// Gross leverage, Σ |w|.
pub fn gross_leverage(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w.abs()).sum()
}

/// Short positions as a share of the gross, Σ max(0, −w) / Σ |w|.
pub fn short_share(weights: &[f64]) -> f64 {
    weights.iter().map(|w| (-w).max(0.0)).sum::<f64>() / gross_leverage(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-14, "{a} against {b}");
    }

    #[test]
    fn moments_of_a_short_series_match_the_hand_calculation() {
        let returns = [0.01, -0.02, 0.03, 0.0];
        close(mean(&returns), 0.005);
        close(standard_deviation(&returns), (0.0013f64 / 3.0).sqrt());
        close(volatility_annual(&returns, 252.0), (0.0013f64 / 3.0 * 252.0).sqrt());
        close(volatility_annual(&returns, 12.0), (0.0013f64 / 3.0 * 12.0).sqrt());
        close(sharpe_ratio(&returns, 252.0), 0.005 * 252.0 / (0.0013f64 / 3.0 * 252.0).sqrt());
        close(total_return(&returns), 1.01 * 0.98 * 1.03 - 1.0);
        close(growth_annual(&[0.1; 24], 12.0), 1.1f64.powi(12) - 1.0);
        let pairs = [1.01 * 0.98 - 1.0, 0.03];
        close(block_volatility_annual(&returns, 2, 252.0), standard_deviation(&pairs) * 126f64.sqrt());
    }

    #[test]
    fn drawdown_starts_at_the_first_equity_and_ends_at_the_lowest_point() {
        close(max_drawdown(&[-0.1, 0.5, -0.2, -0.5, 1.0]), 0.8 * 0.5 - 1.0);
        close(max_drawdown(&[0.1, 0.1]), 0.0);
    }

    #[test]
    fn tails_are_quantiles_and_the_mean_beyond_them() {
        let returns: Vec<f64> = (0..101).map(|i| f64::from(i) / 100.0 - 0.5).collect();
        close(value_at_risk(&returns, 0.05), -0.45);
        close(conditional_value_at_risk(&returns, 0.05), -0.475);
        close(value_at_risk(&[0.0, 1.0], 0.25), 0.25);
    }

    #[test]
    fn tracking_is_that_of_a_regression_line() {
        let other = [0.01, -0.02, 0.03, 0.0];
        let returns: Vec<f64> = other.iter().map(|o| 0.001 + 0.5 * o).collect();
        let (error, beta, ratio) = tracking(&returns, &other, 252.0);
        close(beta, 0.5);
        let gaps: Vec<f64> = other.iter().map(|o| 0.001 - 0.5 * o).collect();
        close(error, volatility_annual(&gaps, 252.0));
        close(ratio, sharpe_ratio(&gaps, 252.0));
    }

    #[test]
    fn concentration_counts_positions_and_shorts() {
        close(n_effective(&[0.25; 4]), 4.0);
        close(n_effective(&[0.75, -0.75]), 2.0);
        close(gross_leverage(&[1.5, -0.5]), 2.0);
        close(short_share(&[1.5, -0.5]), 0.25);
    }
}
