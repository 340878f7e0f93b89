//! An exact one-factor model whose factor is the mean return of all assets.
//!
//! ```text
//! x_ti = a_i + b_i m_t + e_ti,   Σ = b b' var(m) + diag(var(e))
//! ```
//! by least squares, all variances with T − 1. Sharpe (1963), "A simplified model for portfolio analysis". Deviation:
//! residual variances would be unbiased with T − 2; with T − 1 the diagonal of Σ is that of the sample covariance.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::OneFactor;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = OneFactor.estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use crate::error::{Error, Result};
use crate::estimators::linear::day_sums;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::Choice;

/// The one-factor model of the mean return; it has no parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneFactor;

impl CovarianceEstimator for OneFactor {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let y = window.centred(Centring::Mean);
        let (n, degrees) = (window.n_assets(), window.divisor(Centring::Mean));
        let market = day_sums(y, |_, y| y / n as f64);
        // The market times the weights of the days.
        let weighted = match window.weights() {
            None => market.clone(),
            Some(weights) => market.iter().zip(weights).map(|(m, w)| m * w).collect(),
        };
        let variance = market.iter().zip(&weighted).map(|(m, w)| m * w).sum::<f64>() / degrees;
        let variances: Vec<f64> = window.volatilities().iter().map(|sd| sd * sd).collect();
        if variance <= 1e-14 * variances.iter().sum::<f64>() / n as f64 {
            let why = "the mean return of all assets is constant".to_string();
            return Err(Error::Undefined { what: "efm", why });
        }
        let loading = |y: &[f64]| y.iter().zip(&weighted).map(|(y, m)| y * m).sum::<f64>() / (degrees * variance);
        let loadings: Vec<f64> = y.columns().map(loading).collect();
        // b² var(m) + var(e) is the sample variance.
        let entry = |i: usize, j: usize| if i == j { variances[i] } else { variance * (loadings[i] * loadings[j]) };
        Covariance::new(Matrix::from_fn(n, n, entry))
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(OneFactor))
}
