//! A trained network as a covariance estimator.
//!
//! ```text
//! Σ = s̄² · Σ_network,   s̄²: mean of the sample variances
//! ```
//! The network's covariance has trace n ([`crate::nn::Reconstruction`]); minimum-variance weights do not depend on the
//! level, which is set here to that of the sample so that predicted volatilities can be read.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::estimators::{CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::nn::{Float, Network};

/// A network that is not trained any more.
pub struct Neural<F>(pub Network<F>);

impl<F: Float> CovarianceEstimator for Neural<F> {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n, t) = (window.n_assets(), window.n_days());
        // Columns of the window lie one behind the other, oldest day first: they are the rows of X.
        let x: Vec<F> = window.returns().entries().iter().map(|r| F::of(*r)).collect();
        let x = Tensor::from_vec(x, (1, n, t), &Device::Cpu).map_err(super::failed)?;
        let stages = self.0.stages(&x)?;
        let covariance = self.0.reconstructions(&stages)?.remove(0).covariance;
        let sample = window.volatilities();
        let level = sample.iter().map(|s| s * s).sum::<f64>() / covariance.trace();
        if !level.is_finite() {
            let why = format!("its covariance of {n} assets has trace {}", covariance.trace());
            return Err(Error::Undefined { what: "the network's estimate", why });
        }
        Covariance::new(covariance.scaled(level))
    }
}
