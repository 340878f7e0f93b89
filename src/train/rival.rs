//! What an analytic cleaner loses on the dates that a training holds back: the line that a learning curve should get below.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::Result;
use crate::estimators::{Centring, CovarianceEstimator, Qis, RotationInvariant, Window};
use crate::linalg::{Cholesky, Matrix};
use crate::nn::realised_variance;
use crate::train::sampler::Sampler;
use crate::train::values;

/// Mean loss of unconstrained minimum-variance weights by QIS over so many validation batches; `None` if no dates are held back,
/// or QIS does not exist on one of their windows.
pub(super) fn qis_loss(sampler: &Sampler<'_>, n_batches: u64) -> Result<Option<f64>> {
    let qis = RotationInvariant::on_covariance(Qis, Centring::Mean);
    let mut sum = 0.0;
    for number in 0..n_batches {
        let Some(draw) = sampler.validation(number) else { return Ok(None) };
        let batch = sampler.batch(&draw?)?;
        let (n_samples, n, n_days) = batch.returns.dims3()?;
        let returns = values::<f32>(&batch.returns)?;
        let weights = |returns: &[f64]| -> Result<Vec<f64>> {
            let window = Window::new(Matrix::from_column_major(n_days, n, returns.to_vec()))?;
            let inverse = Cholesky::new(qis.estimate(&window)?.matrix())?.solve(&vec![1.0; n]);
            let total: f64 = inverse.iter().sum();
            Ok(inverse.into_iter().map(|w| w / total).collect())
        };
        let each: Result<Vec<Vec<f64>>> = returns.par_chunks_exact(n * n_days).map(weights).collect();
        let Ok(each) = each else { return Ok(None) };
        let weights: Vec<f32> = each.into_iter().flatten().map(|w| w as f32).collect();
        let weights = Tensor::from_vec(weights, (n_samples, n), &Device::Cpu)?;
        let losses = values::<f32>(&realised_variance(&weights, &batch.future)?)?;
        sum += losses.iter().sum::<f64>() / n_samples as f64;
    }
    Ok(Some(sum / n_batches as f64))
}
