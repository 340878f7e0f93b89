//! The exponentially weighted covariance, scaled by how wrong its forecasts of a day were of late.
//!
//! ```text
//! S_t = λ S_{t−1} + (1 − λ) x_t x_t',   λ = 2^(−1/h),   corrected by 1/(1 − λ^t) for its start at zero
//! e_t = |w'x_t| / √(w'S_{t−1}w) / √(2/π),   w ∝ 1/σ_{t−1}, inverse volatilities;  from day h on
//! φ   = exponentially weighted mean of e with half-life h/2, beginning with the first;  held in [0.7, 1.6]
//! Σ   = φ² S_T
//! ```
//! With `corr_half_life` variances keep h and correlations have their own: C_t = λ_c C_{t−1} + (1 − λ_c) u_t u_t' of u_t = x_t/√v_t,
//! scaled to a unit diagonal, and S = D ρ D. φ does not change minimum-variance weights, only the level of the forecast.
//! Paleologo (2025), "The Elements of Quantitative Investing" (short-term volatility update), as skfolio implements it with the target
//! of a portfolio and its first moment.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 120).returns()?)?; // 120 days of 20 assets
//! let sigma = minvar::estimators::build("regime_ewma,half_life=30")?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::{Calibration, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, NumberOr, check};

/// Bounds of φ.
const BOUNDS: (f64, f64) = (0.7, 1.6);

/// Rule for the half-life of correlations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationHalfLife {
    /// That of the variances.
    HalfLife,
}

/// The regime-adjusted exponentially weighted covariance.
#[derive(Clone, Copy, Debug)]
pub struct RegimeEwma {
    half_life: f64,
    corr_half_life: Option<f64>,
}

impl RegimeEwma {
    /// Takes the half-life of variances in days and, if it is another, that of correlations. Refuses half-lives below one day.
    pub fn new(half_life: f64, corr_half_life: Option<f64>) -> Result<Self> {
        check(half_life >= 1.0, "regime_ewma.half_life", "at least 1 day", half_life)?;
        if let Some(days) = corr_half_life {
            check(days >= 1.0, "regime_ewma.corr_half_life", "\"half_life\" or at least 1 day", days)?;
        }
        Ok(Self { half_life, corr_half_life: corr_half_life.filter(|days| *days != half_life) })
    }

    /// Σ before its scale φ, and φ.
    pub fn parts(&self, window: &Window) -> Result<(Matrix, f64)> {
        let decay = (-1.0 / self.half_life).exp2();
        let x = window.returns();
        let (n_days, n) = (x.nrows(), x.ncols());
        // Variances v_t (T × n), not corrected for their start.
        let mut variances = x.clone();
        for asset in 0..n {
            variances.column_mut(asset).iter_mut().fold(0.0, |before, x| {
                *x = decay * before + (1.0 - decay) * *x * *x;
                *x
            });
        }
        let (scores, corr_decay) = match self.corr_half_life {
            None => (x.clone(), decay),
            Some(days) => (x.clone().map(|t, i, x| x / variances[(t, i)].sqrt()), (-1.0 / days).exp2()),
        };
        let first = self.half_life.max(self.corr_half_life.unwrap_or(0.0)) as usize;
        let regime_decay = (-2.0 / self.half_life).exp2();
        let mut regime: Option<f64> = None;
        // Weighted sums of squares of the scores (n): the diagonal of C_t up to a factor.
        let mut diagonal = vec![0.0; n];
        for t in 0..n_days {
            if t >= first.max(1) {
                let deviations: Vec<f64> =
                    (0..n).map(|i| (variances[(t - 1, i)] / (1.0 - decay.powi(t as i32))).sqrt()).collect();
                let moved: f64 = (0..n).map(|i| x[(t, i)] / deviations[i]).sum();
                let inverse: Vec<f64> = diagonal.iter().map(|d: &f64| 1.0 / d.sqrt()).collect();
                // 1'ρ1 of the correlation ρ of the days before.
                let sums = scores.times(&inverse);
                let correlated = (0..t).fold(0.0, |sum, s| corr_decay * sum + (1.0 - corr_decay) * sums[s] * sums[s]);
                let error = moved.abs() / correlated.sqrt() / (2.0 / std::f64::consts::PI).sqrt();
                regime = Some(regime.map_or(error, |before| regime_decay * before + (1.0 - regime_decay) * error));
            }
            for (i, d) in diagonal.iter_mut().enumerate() {
                *d = corr_decay * *d + (1.0 - corr_decay) * scores[(t, i)].powi(2);
            }
        }
        let n_known = n_days.saturating_sub(first.max(1));
        let enough = n_known >= ((0.5 * self.half_life) as usize).max(1);
        let scale = regime.filter(|_| enough).map_or(1.0, |regime| regime.clamp(BOUNDS.0, BOUNDS.1));
        let ages = (0..n_days).rev();
        let weights: Vec<f64> = ages.map(|age| (1.0 - corr_decay) * corr_decay.powi(age as i32)).collect();
        let gram = scores.weighted_gram(&weights);
        let total = 1.0 - decay.powi(n_days as i32);
        let sigma = match self.corr_half_life {
            None => gram.scaled(1.0 / total),
            Some(_) => {
                let norms: Vec<f64> = gram.diagonal().iter().map(|d| d.sqrt()).collect();
                let sd: Vec<f64> = (0..n).map(|i| (variances[(n_days - 1, i)] / total).sqrt()).collect();
                gram.map(|i, j, c| {
                    let correlation = if i == j { 1.0 } else { (c / (norms[i] * norms[j])).clamp(-1.0, 1.0) };
                    correlation * (sd[i] * sd[j])
                })
            }
        };
        Ok((sigma, scale))
    }
}

impl CovarianceEstimator for RegimeEwma {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (sigma, scale) = self.parts(window)?;
        Covariance::new(sigma.scaled(scale * scale))
    }
}

/// Parameters of `regime_ewma`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    half_life: f64,
    corr_half_life: NumberOr<CorrelationHalfLife>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { half_life: 40.0, corr_half_life: NumberOr::Rule(CorrelationHalfLife::HalfLife) } // skfolio
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { half_life, corr_half_life } = choice.parameters()?;
    let corr_half_life = match corr_half_life {
        NumberOr::Number(days) => Some(days),
        NumberOr::Rule(CorrelationHalfLife::HalfLife) => None,
    };
    Ok(Box::new(RegimeEwma::new(half_life, corr_half_life)?))
}
