//! A trained network as a covariance estimator.
//!
//! ```text
//! Σ = s̄² · Σ_network,   s̄²: mean of the sample variances
//! ```
//! The network's covariance has trace n ([`crate::nn::Reconstruction`]). Minimum-variance weights do not depend on its
//! level; here it is set to that of the sample, so that predicted volatilities are meaningful.

use std::sync::Mutex;

use candle_core::{Device, Tensor};

use crate::cuda::{DeviceNetwork, Windows};
use crate::error::{Error, Result};
use crate::estimators::modules::Modules;
use crate::estimators::{CovarianceEstimator, Diagonal, Window};
use crate::linalg::{Covariance, Matrix};
use crate::nn::ElementType;
use crate::nn::{Float, Network};
use crate::train::Opener;
use crate::train::numbers;

/// A trained network on the processor, as an estimator.
pub struct Neural<F>(pub Network<F>);

impl<F: Float> CovarianceEstimator for Neural<F> {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n, t) = (window.n_assets(), window.n_days());
        // The window is stored column by column, one day after the other from the oldest on; these columns are the
        // rows of X.
        let x: Vec<F> = window.returns().entries().iter().map(|r| F::of(*r)).collect();
        let x = Tensor::from_vec(x, (1, n, t), &Device::Cpu)?;
        let stages = self.0.stages(&x)?;
        at_sample_level(self.0.reconstructions(&stages)?.remove(0).covariance, window)
    }
}

impl<F: Float> Modules for Neural<F> {
    fn transformed(&self, returns: &Matrix) -> Result<Matrix> {
        self.0.transformed(returns)
    }

    fn cleaned(&self, eigenvalues: &[f64], n_days: f64) -> Result<Vec<f64>> {
        self.0.cleaned(eigenvalues, n_days)
    }

    fn variances(&self, returns: &Matrix) -> Result<Vec<f64>> {
        self.0.marginal_variances(returns)
    }

    fn diagonal(&self) -> Diagonal {
        if self.0.architecture().unit_diagonal { Diagonal::Reset } else { Diagonal::Kept }
    }
}

/// A trained network on a device, as an estimator. It estimates one window at a time.
pub struct NeuralOnDevice(Mutex<DeviceNetwork>);

impl NeuralOnDevice {
    /// Loads a trained network onto a device in the given precision.
    pub fn new<F: Float>(network: &Network<F>, open: Opener<'_>, precision: ElementType) -> Result<Self> {
        let device = open(network.architecture(), precision)?;
        let parameters = numbers::<F>(network.parameters())?;
        Ok(Self(Mutex::new(DeviceNetwork::new(device, network.architecture(), &parameters)?)))
    }
}

impl CovarianceEstimator for NeuralOnDevice {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n, t) = (window.n_assets(), window.n_days());
        let mut program = self.0.lock().expect("no thread panics while it holds the device");
        program.set_panel(window.returns().entries(), t)?;
        let assets: Vec<usize> = (0..n).collect();
        let covariance = program.covariances(&Windows { days: &[t], assets: &assets, n_days: t, market: false })?;
        drop(program);
        at_sample_level(Matrix::from_column_major(n, n, covariance), window)
    }
}

/// The network's covariance scaled to the mean variance of the sample. Fails if its trace is zero or not a number.
fn at_sample_level(covariance: Matrix, window: &Window) -> Result<Covariance> {
    let sample = window.volatilities();
    let level = sample.iter().map(|s| s * s).sum::<f64>() / covariance.trace();
    if !level.is_finite() {
        let why = format!("its covariance of {} assets has trace {}", window.n_assets(), covariance.trace());
        return Err(Error::Undefined { what: "the network's estimate", why });
    }
    Covariance::new(covariance.scaled(level))
}
