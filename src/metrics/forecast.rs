//! Scores of a forecast of the covariance Σ of daily returns, by the returns r_1 … r_h of the days that it is for.
//!
//! ```text
//! direction            k    distance d²                      log determinant l
//! all assets together  n    s' (h Σ)⁻¹ s,  s = Σ_t r_t       ln det(h Σ)
//! asset i alone        1    s_i² / (h Σ_ii)                  ln(h Σ_ii)         mean over i
//! a portfolio w        1    (w's)² / (h w'Σw)                ln(h w'Σw)
//!
//! ratio          d² / k                 above 1 where risk was underestimated
//! standardised   w's / √(h w'Σw)        its standard deviation over dates is the bias statistic
//! QLIKE          (l + Σ_t r_t' (h Σ)⁻¹ r_t) / k                 least, on average, for the true covariance
//! exceeds        whether d² is above the 95 % and the 99 % quantile of χ²(k)
//! ```
//! QLIKE: Patton (2011), "Volatility forecast comparison using imperfect volatility proxies", equation 24; for matrices Patton,
//! Sheppard (2009), "Evaluating volatility and correlation forecasts". Bias statistic: Menchero, Orr, Wang (2011), "The Barra US
//! equity model". The quantiles are those of normal returns; fat tails exceed them with the right Σ, too, so compare
//! estimators and not levels.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::error::Result;
use crate::linalg::{Cholesky, Covariance, Matrix};

/// Probabilities of the quantiles that a distance may exceed.
pub const EXCEEDED: [f64; 2] = [0.95, 0.99];

/// Scores of a forecast on one date, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastScore {
    /// Squared distance over the dimension; 1 is expected.
    pub ratio: f64,
    /// Return of a portfolio over its predicted volatility, if the direction is a portfolio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardised: Option<f64>,
    /// QLIKE loss per dimension.
    pub qlike: f64,
    /// Whether the distance is above the quantiles for [`EXCEEDED`], 0 or 1; for assets alone, the share of them.
    pub exceeds: [f64; 2],
}

/// The quantiles of χ²(k).
fn quantiles(k: usize) -> [f64; 2] {
    let chi_squared = ChiSquared::new(k as f64).expect("there are assets");
    EXCEEDED.map(|p| chi_squared.inverse_cdf(p))
}

fn above(distance: f64, quantiles: [f64; 2]) -> [f64; 2] {
    quantiles.map(|quantile| f64::from(u8::from(distance > quantile)))
}

/// Scores of all assets together; returns (h × n). Fails for a singular covariance.
pub fn score_assets_together(covariance: &Covariance, returns: &Matrix) -> Result<ForecastScore> {
    let (h, n) = (returns.nrows(), returns.ncols());
    let factor = Cholesky::new(covariance.matrix())?;
    let form = |x: &[f64]| factor.solve(x).iter().zip(x).map(|(y, x)| y * x).sum::<f64>() / h as f64;
    let day = |t: usize| (0..n).map(|i| returns[(t, i)]).collect::<Vec<f64>>();
    let sums: Vec<f64> = (0..n).map(|i| returns.column(i).iter().sum()).collect();
    let distance = form(&sums);
    let log_determinant = factor.log_determinant() + n as f64 * (h as f64).ln();
    let qlike = (log_determinant + (0..h).map(|t| form(&day(t))).sum::<f64>()) / n as f64;
    let exceeds = above(distance, quantiles(n));
    Ok(ForecastScore { ratio: distance / n as f64, standardised: None, qlike, exceeds })
}

/// Mean scores of every asset alone: of the variances; returns (h × n).
pub fn score_each_asset(covariance: &Covariance, returns: &Matrix) -> ForecastScore {
    let n = returns.ncols();
    let mut mean = ForecastScore { ratio: 0.0, standardised: None, qlike: 0.0, exceeds: [0.0; 2] };
    for i in 0..n {
        let score = score_portfolio(covariance.matrix()[(i, i)], returns.column(i));
        mean.ratio += score.ratio / n as f64;
        mean.qlike += score.qlike / n as f64;
        mean.exceeds.iter_mut().zip(score.exceeds).for_each(|(sum, exceeds)| *sum += exceeds / n as f64);
    }
    mean
}

/// Scores of a portfolio with the predicted daily variance w'Σw, by its daily returns (h).
pub fn score_portfolio(variance: f64, returns: &[f64]) -> ForecastScore {
    let of_period = returns.len() as f64 * variance;
    let standardised = returns.iter().sum::<f64>() / of_period.sqrt();
    let ratio = standardised * standardised;
    let qlike = of_period.ln() + returns.iter().map(|r| r * r).sum::<f64>() / of_period;
    ForecastScore { ratio, standardised: Some(standardised), qlike, exceeds: above(ratio, quantiles(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    /// Five days of three assets with standard normal returns times their volatilities.
    fn returns(seed: u64) -> Matrix {
        let mut generator = random::generator(seed, 0);
        let mut normal = || -> f64 { rand_distr::Distribution::sample(&rand_distr::StandardNormal, &mut generator) };
        Matrix::from_fn(5, 3, |_, i| [0.01, 0.02, 0.03][i] * normal())
    }

    fn diagonal(scale: f64) -> Covariance {
        let variance = |i: usize| scale * [1e-4, 4e-4, 9e-4][i];
        Covariance::new(Matrix::from_fn(3, 3, |i, j| if i == j { variance(i) } else { 0.0 })).unwrap()
    }

    #[test]
    fn the_true_covariance_has_ratio_one_and_the_least_qlike_and_is_exceeded_as_often_as_it_should() {
        let n = 4000;
        let mean = |of: &dyn Fn(u64) -> f64| (0..n).map(of).sum::<f64>() / n as f64;
        let all = |scale, seed| score_assets_together(&diagonal(scale), &returns(seed)).unwrap();
        assert!((mean(&|seed| all(1.0, seed).ratio) - 1.0).abs() < 0.03);
        assert!((mean(&|seed| all(2.0, seed).ratio) - 0.5).abs() < 0.015);
        assert!((mean(&|seed| all(1.0, seed).exceeds[0]) - 0.05).abs() < 0.01);
        assert!((mean(&|seed| score_each_asset(&diagonal(1.0), &returns(seed)).exceeds[1]) - 0.01).abs() < 0.003);
        let losses = [0.7, 1.0, 1.4].map(|scale| mean(&|seed| all(scale, seed).qlike));
        assert!(losses[1] < losses[0] && losses[1] < losses[2], "{losses:?}");
    }

    #[test]
    fn without_correlation_assets_together_are_the_mean_of_assets_alone_and_a_single_asset_is_a_portfolio() {
        let returns = returns(7);
        let (together, alone) =
            (score_assets_together(&diagonal(1.3), &returns).unwrap(), score_each_asset(&diagonal(1.3), &returns));
        assert!((together.ratio - alone.ratio).abs() < 1e-12 && (together.qlike - alone.qlike).abs() < 1e-12);
        let one = Covariance::new(Matrix::from_fn(1, 1, |_, _| 4e-4)).unwrap();
        let first = Matrix::from_fn(5, 1, |t, _| returns[(t, 0)]);
        let (matrix, portfolio) =
            (score_assets_together(&one, &first).unwrap(), score_portfolio(4e-4, first.column(0)));
        assert!((matrix.qlike - portfolio.qlike).abs() < 1e-12 && (matrix.ratio - portfolio.ratio).abs() < 1e-12);
        assert_eq!(matrix.exceeds, portfolio.exceeds);
    }

    #[test]
    fn a_singular_covariance_has_no_scores_of_assets_together() {
        let ones = Covariance::new(Matrix::from_fn(3, 3, |_, _| 1e-4)).unwrap();
        assert!(score_assets_together(&ones, &returns(0)).is_err());
    }
}
