//! Dynamic conditional correlations around a quadratic-inverse target: a forecast of the covariance over the next
//! days.
//!
//! ```text
//! r_t demeaned;  h_t by GARCH(1,1) for each asset;  s_t = r_t/√h_t;  C = qis of s about zero, scaled to unit diagonal
//! Q_{t+1} = (1−a−b) C + a s_t s_t' + b Q_t,  (a, b) by composite likelihood;  R = Q scaled to unit diagonal
//! Σ = mean over l = 1 … L of D_l R_l D_l,   D_l² the variances forecast for day T+l,
//! R_l = (1−(a+b)^(l−1)) C + (a+b)^(l−1) R_{T+1}
//! ```
//! L is `days_ahead`, by default the holding period; L = 1 is the one-step forecast. Variances revert to their mean
//! by h_{l+1} = ω + (α+β) h_l, which also holds for α+β = 1. If the GARCH search of an asset does not converge, it
//! uses α = 0.05, β = 0.94 around the sample variance; such assets are counted as `garch_fallback`. The order of the
//! assets determines the pairs of the composite likelihood and so changes (a, b) slightly.
//! Engle, Ledoit, Wolf (2019), "Large dynamic covariance matrices", with QIS (Ledoit, Wolf 2022) for QuEST; average
//! forecast: De Nard, Engle, Ledoit, Wolf (2022), "Large dynamic covariance matrices: enhancements based on intraday
//! data".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::DccQis;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = DccQis::new(5)?.estimate(&window)?; // the mean of the next five days
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::dynamic::composite_likelihood::CompositeLikelihood;
use crate::estimators::dynamic::garch::Garch;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, EigenvalueCleaner, Qis, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, MOST_DAYS, NumberOr, check};

/// Rule for the number of days ahead: as long as a portfolio is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ahead {
    Horizon,
}

/// Parameters of `dcc_qis`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    days_ahead: NumberOr<Ahead>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { days_ahead: NumberOr::Rule(Ahead::Horizon) }
    }
}

/// Dynamic conditional correlations around a quadratic-inverse target.
#[derive(Clone, Copy, Debug)]
pub struct DccQis {
    days_ahead: usize,
}

impl DccQis {
    /// Forecasts the mean over the next `days_ahead` days. Refuses numbers outside 1 to 100,000.
    pub fn new(days_ahead: usize) -> Result<Self> {
        let range = "\"horizon\" or in 1..=100000";
        check((1..=MOST_DAYS).contains(&days_ahead), "dcc_qis.days_ahead", range, days_ahead)?;
        Ok(Self { days_ahead })
    }
}

/// Fewest days to which a GARCH model is fitted.
const FEWEST_DAYS: usize = 30;

/// The univariate model of one asset.
struct Margin {
    /// s_1 … s_T.
    residuals: Vec<f64>,
    /// Standard deviations forecast for days T+1 … T+L.
    forecasts: Vec<f64>,
    converged: bool,
}

fn margin(returns: &[f64], days_ahead: usize) -> Margin {
    let (garch, converged) = Garch::fit(returns);
    let variances = garch.variances(returns);
    let residuals = returns.iter().zip(&variances).map(|(r, h)| r / h.sqrt()).collect();
    let next = |h: &f64| Some(garch.omega + (garch.alpha + garch.beta) * h);
    let first = variances[returns.len()];
    let forecasts = std::iter::successors(Some(first), next).take(days_ahead).map(f64::sqrt).collect();
    Margin { residuals, forecasts, converged }
}

impl CovarianceEstimator for DccQis {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n_days, n) = (window.n_days(), window.n_assets());
        if n < 2 || n_days < FEWEST_DAYS {
            let why = format!("it needs two assets and {FEWEST_DAYS} days, not {n} assets and {n_days} days");
            return Err(Error::Undefined { what: "dcc_qis", why });
        }
        let y = window.centred(Centring::Mean);
        let margins: Vec<Margin> = (0..n).into_par_iter().map(|i| margin(y.column(i), self.days_ahead)).collect();
        let residuals = margins.iter().flat_map(|margin| margin.residuals.iter().copied()).collect();
        let devolatilised = Window::new(Matrix::from_column_major(n_days, n, residuals))?;
        let target = target(&devolatilised)?;
        let likelihood = CompositeLikelihood::new(devolatilised.returns(), &target);
        let (a, b) = likelihood.fit();
        let next = likelihood.correlation_after(n_days, a, b);
        let steps = self.days_ahead as f64;
        let mut sigma = Matrix::zeros(n, n);
        for l in 0..self.days_ahead {
            let weight = (a + b).powi(l as i32);
            let sd: Vec<f64> = margins.iter().map(|margin| margin.forecasts[l]).collect();
            sigma = sigma.map(|i, j, sum| {
                let r = (1.0 - weight) * target[(i, j)] + weight * next[(i, j)];
                sum + sd[i] * sd[j] * r / steps
            });
        }
        let n_fallbacks = margins.iter().filter(|margin| !margin.converged).count();
        Ok(Covariance::new(sigma)?.repaired("garch_fallback", n_fallbacks))
    }
}

/// C (n × n): the QIS estimate of the devolatilised returns, scaled to unit diagonal.
fn target(devolatilised: &Window) -> Result<Matrix> {
    let (eigenvalues, spectrum) = devolatilised.covariance_spectrum(Centring::Zero)?;
    let shrunk = spectrum.with_eigenvalues(&Qis.clean(&eigenvalues, devolatilised.count())?);
    let roots: Vec<f64> = shrunk.diagonal().iter().map(|x| x.sqrt()).collect();
    Ok(shrunk.map(|i, j, x| if i == j { 1.0 } else { x / (roots[i] * roots[j]) }))
}

pub(in crate::estimators) fn fit(
    choice: &Choice,
    calibration: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { days_ahead } = choice.parameters()?;
    days_ahead.check_count(1, "dcc_qis.days_ahead", "\"horizon\" or at least 1")?;
    let days_ahead = match days_ahead {
        NumberOr::Number(days) => days as usize,
        NumberOr::Rule(Ahead::Horizon) => calibration.horizon,
    };
    Ok(Box::new(DccQis::new(days_ahead)?))
}
