//! The realised variance of the portfolio, which training minimises.
//!
//! ```text
//! L = n w' Σ_out w,   Σ_out = f U U' / H
//! ```
//! U (n x H) holds the H returns after the decision, demeaned per asset over the H days, and f = 252. The factor n
//! makes universes of different sizes comparable, and f converts L to annual units. Only the H portfolio returns U'w
//! are computed.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918; the demeaned target: (2026), arXiv:2601.07687.

use std::sync::OnceLock;

use candle_core::{DType, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::linalg::{dot, vectorised};
use crate::nn::float::{Float, Samples, on_cpu, to_vec};
use crate::nn::operation::{Input, Operation, apply_1};
use crate::nn::scaling::TRADING_DAYS;

/// The loss L `[batch]` from weights `[batch, n]` and future daily returns `[batch, n, H]`.
pub fn realised_variance(weights: &Tensor, future: &Tensor) -> Result<Tensor> {
    let n = weights.dim(1)? as f64;
    let portfolio = future.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?; // [batch, H]
    let demeaned = portfolio.broadcast_sub(&portfolio.mean_keepdim(1)?)?;
    demeaned.sqr()?.mean(1)? * (n * TRADING_DAYS)
}

/// The values n w' Σ w `[batch]` for weights `[batch, n]` and given matrices Σ `[batch, n, n]`, which are constants: no gradient
/// returns to them.
pub fn variance(weights: &Tensor, covariance: &Tensor) -> Result<Tensor> {
    let (w, sigma) = (weights.contiguous()?, covariance.contiguous()?);
    match w.dtype() {
        DType::F32 => apply_1(Quadratic::<f32> { sigma, both: OnceLock::new() }, &w),
        _ => apply_1(Quadratic::<f64> { sigma, both: OnceLock::new() }, &w),
    }
}

/// The operation of [`variance`]. The tensor crate's product would form the gradient of Σ, which is as large as all matrices.
struct Quadratic<F> {
    sigma: Tensor,
    /// n (Σ + Σ') w of every sample, from the forward pass.
    both: OnceLock<Vec<F>>,
}

impl<F: Float> Operation<F> for Quadratic<F> {
    const NAME: &'static str = "variance";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let (batch, n) = inputs[0].shape().dims2()?;
        let w = inputs[0].samples::<F>()?;
        let mut both = vec![F::of(0.0); batch * n];
        let values: Vec<F> = on_cpu(&self.sigma, |storage, layout| {
            let sigma = Samples::<F>::new(storage, layout)?;
            let each = both.par_chunks_mut(n).enumerate();
            Ok(each.map(|(b, both)| products(sigma.get(b), w.get(b), F::of(n as f64), both)).collect())
        })?;
        let _ = self.both.set(both);
        Ok((values, batch.into()))
    }

    fn backward(&self, inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let (batch, n) = inputs[0].dims2()?;
        let both = self.both.get().expect("the forward pass has set it");
        let gradient = to_vec::<F>(gradient)?;
        let all: Vec<F> =
            both.chunks(n).zip(&gradient).flat_map(|(both, g)| both.iter().map(move |x| *x * *g)).collect();
        Ok(vec![Some(Tensor::from_vec(all, (batch, n), inputs[0].device())?)])
    }
}

vectorised! {
    /// factor · w'Σw, and factor · (Σ + Σ')w into `both`.
    fn products<F: Float>(sigma: &[F], w: &[F], factor: F, both: &mut [F]) -> F {
        let n = w.len();
        let mut value = F::of(0.0);
        for (i, row) in sigma.chunks_exact(n).enumerate() {
            let along = dot(row, w) * factor;
            value += w[i] * along;
            let weight = w[i] * factor;
            both.iter_mut().zip(row).for_each(|(out, x)| *out = x.fma(weight, *out));
            both[i] += along;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    #[test]
    fn the_gradient_of_a_variance_is_that_of_the_function() {
        let sigma = noise(1, &[2, 5, 5]);
        check_gradient(|inputs| variance(&inputs[0], &sigma), &[noise(2, &[2, 5])]);
        let w = Tensor::new(&[[1.0, 2.0]], sigma.device()).unwrap();
        let sigma = Tensor::new(&[[[1.0, 0.5], [0.5, 3.0]]], sigma.device()).unwrap();
        assert_eq!(variance(&w, &sigma).unwrap().to_vec1::<f64>().unwrap(), [30.0]);
    }
}
