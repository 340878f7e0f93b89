//! Lag transform, standardisation over days and correlation, in one operation.
//!
//! ```text
//! Y_it = α_t X_it tanhc(β_t X_it)
//! m_i = mean_t Y_it,  s_i = √max(mean_t (Y_it − m_i)², ε),  Z = (Y − m) / s,  C = Z Z' / T
//! ```
//! X is n x T, oldest day first. Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.
//!
//! Y is computed for one sample at a time in memory that fits in the cache, and is not stored. Z is kept for the
//! backward pass:
//!
//! ```text
//! dZ = (dC + dC') Z / T
//! dY = (dZ − mean_t dZ − Z mean_t(dZ ∘ Z)) / s + ds Z / T      (the last two terms vanish where s is at its floor)
//! dα = Σ dY X tanhc(βX),  dβ = Σ dY α X² tanhc'(βX),  dX = dY α / cosh²(βX)
//! ```

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::linalg::dense::{View, product, symmetric_product};
use crate::linalg::{Real, sum_of, vectorised};
use crate::nn::float::{Float, Samples, on_cpu, to_vec};
use crate::nn::lag::LagCurves;
use crate::nn::operation::{Input, Operation, apply_3};

/// Correlation and volatilities of lag-transformed returns `[batch, n, T]`, as `[batch, n + 1, n]`: the rows of C,
/// followed by s as the last row. It is a single tensor because an operation returns only one; the operations that
/// follow read the rows they need.
pub(super) fn moments<F: Float>(returns: &Tensor, curves: &LagCurves) -> Result<Tensor> {
    let (alpha, beta) = (curves.alpha.contiguous()?, curves.beta.contiguous()?);
    apply_3(Moments::<F>(OnceLock::new()), [&returns.contiguous()?, &alpha, &beta])
}

/// The standardised scores Z `[batch, n, T]`, computed outside the graph of derivatives.
pub(super) fn scores<F: Float>(returns: &Tensor, curves: &LagCurves) -> Result<Tensor> {
    let (batch, n, t) = returns.dims3()?;
    let returns = returns.contiguous()?;
    let (alpha, beta) = (curves.alpha.to_vec1::<F>()?, curves.beta.to_vec1::<F>()?);
    let mut all = vec![F::of(0.0); batch * n * t];
    on_cpu(&returns, |storage, layout| {
        let x = Samples::<F>::new(storage, layout)?;
        all.par_chunks_mut(n * t).enumerate().for_each(|(b, z)| {
            standardise(x.get(b), &alpha, &beta, z, &mut vec![F::of(0.0); n]);
        });
        Ok(())
    })?;
    Tensor::from_vec(all, (batch, n, t), returns.device())
}

/// The operation. It holds Z (n x T) of every sample from the forward to the backward pass.
struct Moments<F>(OnceLock<Vec<Vec<F>>>);

impl<F: Float> Operation<F> for Moments<F> {
    const NAME: &'static str = "moments";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [returns, alpha, beta] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, t) = returns.shape().dims3()?;
        let x = returns.samples::<F>()?;
        let (alpha, beta) = (alpha.entries::<F>()?, beta.entries::<F>()?);
        if alpha.len() != t || beta.len() != t {
            bail!("{t} days need {t} lag coefficients each, not {} and {}", alpha.len(), beta.len());
        }
        let mut packed = vec![F::of(0.0); batch * (n + 1) * n];
        let sample = |(b, packed): (usize, &mut [F])| {
            let (c, s) = packed.split_at_mut(n * n);
            let mut scores = vec![F::of(0.0); n * t];
            standardise(x.get(b), alpha, beta, &mut scores, s);
            let z = View::rows(&scores, n, t);
            symmetric_product(c, z, z.transposed(), F::of(1.0 / t as f64));
            scores
        };
        let _ = self.0.set(packed.par_chunks_mut((n + 1) * n).enumerate().map(sample).collect());
        Ok((packed, (batch, n + 1, n).into()))
    }

    fn backward(&self, inputs: &[&Tensor], result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [returns, alpha, beta] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, t) = returns.dims3()?;
        let (alphas, betas) = (alpha.to_vec1::<F>()?, beta.to_vec1::<F>()?);
        let inputs_too = returns.track_op();
        let scores = self.0.get().expect("the forward pass has set it");
        let volatilities = to_vec::<F>(&result.narrow(1, n, 1)?)?;
        let parts = on_cpu(returns, |storage, layout| {
            let x = Samples::<F>::new(storage, layout)?;
            on_cpu(gradient, |storage, layout| {
                let g = Samples::<F>::new(storage, layout)?;
                let scratch = || (vec![F::of(0.0); n * t], vec![F::of(0.0); n * n]);
                let sample = |(dz, symmetric): &mut (Vec<F>, Vec<F>), b: usize| {
                    let (dc, ds) = g.get(b).split_at(n * n);
                    add_transpose(symmetric, dc, n);
                    let z = &scores[b];
                    product(dz, false, View::rows(symmetric, n, n), View::rows(z, n, t), F::of(1.0 / t as f64));
                    let mut lag = vec![F::of(0.0); 2 * t];
                    let (d_alpha, d_beta) = lag.split_at_mut(t);
                    let s = &volatilities[b * n..(b + 1) * n];
                    lag_gradients(x.get(b), &alphas, &betas, z, s, ds, dz, d_alpha, d_beta);
                    Part { lag, returns: if inputs_too { dz.clone() } else { Vec::new() } }
                };
                Ok((0..batch).into_par_iter().map_init(scratch, sample).collect::<Vec<_>>())
            })
        })?;
        // Summed over the batch in sample order and in f64, so that the result does not depend on the threads.
        let mut sums = vec![0.0f64; 2 * t];
        for part in &parts {
            sums.iter_mut().zip(&part.lag).for_each(|(sum, g)| *sum += g.value());
        }
        let sums = |from: usize| {
            let sums: Vec<F> = sums[from..from + t].iter().map(|x| F::of(*x)).collect();
            Tensor::from_vec(sums, t, returns.device())
        };
        let inputs = match inputs_too {
            true => {
                let all: Vec<F> = parts.iter().flat_map(|part| part.returns.iter().copied()).collect();
                Some(Tensor::from_vec(all, (batch, n, t), returns.device())?)
            }
            false => None,
        };
        Ok(vec![inputs, Some(sums(0)?), Some(sums(t)?)])
    }
}

/// β with values near 0 replaced by a tiny one, for which α/β tanh(βx) equals αx to the last bit.
fn divisible<F: Real>(beta: &[F]) -> Vec<F> {
    let tiny = F::of(1e-20);
    beta.iter().map(|b| if b.magnitude() < tiny { tiny } else { *b }).collect()
}

/// The ratios a / b, entry by entry.
fn ratios<F: Real>(a: &[F], b: &[F]) -> Vec<F> {
    a.iter().zip(b).map(|(a, b)| *a / *b).collect()
}

vectorised! {
    /// Computes Z (n x T) and s (n) of one sample.
    fn standardise<F: Float>(x: &[F], alpha: &[F], beta: &[F], z: &mut [F], s: &mut [F]) {
        let t = alpha.len();
        let per_day = F::of(1.0 / t as f64);
        let beta = divisible(beta);
        let ratio = ratios(alpha, &beta);
        for ((x, z), s) in x.chunks_exact(t).zip(z.chunks_exact_mut(t)).zip(s) {
            for ((y, x), (ratio, b)) in z.iter_mut().zip(x).zip(ratio.iter().zip(&beta)) {
                *y = *ratio * Real::tanh(*b * *x);
            }
            let mean = sum_of(t, |k| z[k]) * per_day;
            let variance = sum_of(t, |k| (z[k] - mean) * (z[k] - mean)) * per_day;
            *s = variance.at_least(F::of(F::FLOOR)).root();
            let scale = F::of(1.0) / *s;
            z.iter_mut().for_each(|y| *y = (*y - mean) * scale);
        }
    }
}

/// Gradients of one sample: dα followed by dβ, and dX if it is needed.
struct Part<F> {
    lag: Vec<F>,
    returns: Vec<F>,
}

/// Writes A + A' to `out`, in tiles that fit the first-level cache.
fn add_transpose<F: Float>(out: &mut [F], a: &[F], n: usize) {
    const TILE: usize = 32;
    for i0 in (0..n).step_by(TILE) {
        for j0 in (0..n).step_by(TILE) {
            for i in i0..(i0 + TILE).min(n) {
                for j in j0..(j0 + TILE).min(n) {
                    out[i * n + j] = a[i * n + j] + a[j * n + i];
                }
            }
        }
    }
}

vectorised! {
    /// From dZ (in `dz`) and ds: adds dα and dβ to the sums, and replaces dZ by dX.
    #[allow(clippy::too_many_arguments)]
    fn lag_gradients<F: Float>(
        x: &[F],
        alpha: &[F],
        beta: &[F],
        z: &[F],
        s: &[F],
        ds: &[F],
        dz: &mut [F],
        d_alpha: &mut [F],
        d_beta: &mut [F],
    ) {
        let t = alpha.len();
        let per_day = F::of(1.0 / t as f64);
        let beta = divisible(beta);
        let (ratio, inverse) = (ratios(alpha, &beta), ratios(&vec![F::of(1.0); t], &beta));
        for (i, dz) in dz.chunks_exact_mut(t).enumerate() {
            let row = i * t..(i + 1) * t;
            let (x, z) = (&x[row.clone()], &z[row]);
            let scale = F::of(1.0) / s[i];
            let free = if s[i] <= F::of(F::FLOOR).root() { F::of(0.0) } else { F::of(1.0) };
            let mean = sum_of(t, |k| dz[k]) * per_day;
            let along = free * (sum_of(t, |k| dz[k] * z[k]) * scale - ds[i]) * per_day;
            for k in 0..t {
                let dy = (dz[k] - mean) * scale - z[k] * along;
                let v = beta[k] * x[k];
                let tanh = Real::tanh(v);
                let slope = (F::of(1.0) - tanh) * (F::of(1.0) + tanh);
                // x tanhc v, and x² tanhc' v. The latter uses its series where the direct formula would cancel.
                let value = tanh * inverse[k];
                let square = v * v;
                let upper = square.fma(F::of(496.0 / 2835.0), F::of(-34.0 / 105.0));
                let series = square.fma(square.fma(upper, F::of(8.0 / 15.0)), F::of(-2.0 / 3.0)) * v * x[k] * x[k] * beta[k];
                let near = v.magnitude() < F::of(0.05);
                let by_beta = if near { series } else { x[k].fma(slope, F::of(0.0) - value) };
                d_alpha[k] += dy * value;
                d_beta[k] += dy * ratio[k] * by_beta;
                dz[k] = dy * alpha[k] * slope;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    #[test]
    fn gradients_are_those_of_the_function() {
        let curves = |inputs: &[Tensor]| LagCurves { alpha: inputs[1].clone(), beta: inputs[2].clone() };
        let f = |inputs: &[Tensor]| moments::<f64>(&inputs[0], &curves(inputs));
        let (x, alpha) = (noise(1, &[2, 3, 7]), (noise(2, &[7]) + 2.0).unwrap());
        check_gradient(f, &[x.clone(), alpha.clone(), (noise(3, &[7]) + 1.5).unwrap()]);
        check_gradient(f, &[x.clone(), alpha.clone(), (noise(3, &[7]) * 0.01).unwrap()]); // the series
        check_gradient(f, &[x, alpha, (noise(3, &[7]) * -1.5).unwrap()]);
    }

    #[test]
    fn without_clipping_the_transform_is_a_weighting() {
        let alpha = (noise(2, &[7]) + 2.0).unwrap();
        let x = noise(1, &[1, 3, 7]);
        let of = |returns: &Tensor, alpha: &Tensor| {
            let beta = Tensor::zeros_like(alpha).unwrap();
            moments::<f64>(returns, &LagCurves { alpha: alpha.clone(), beta }).unwrap().to_vec3::<f64>().unwrap()
        };
        let weighted = of(&x.broadcast_mul(&alpha).unwrap(), &alpha.ones_like().unwrap());
        for (a, b) in of(&x, &alpha).concat().concat().iter().zip(weighted.concat().concat()) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn a_constant_asset_has_the_smallest_volatility_and_no_correlation() {
        let x = Tensor::cat(&[noise(1, &[1, 2, 9]), noise(2, &[1, 1, 9]).zeros_like().unwrap()], 1).unwrap();
        let one = Tensor::ones(9, candle_core::DType::F64, x.device()).unwrap();
        let packed = moments::<f64>(&x, &LagCurves { alpha: one.clone(), beta: one }).unwrap();
        let rows = packed.get(0).unwrap().to_vec2::<f64>().unwrap();
        assert_eq!(rows[2], [0.0, 0.0, 0.0]);
        assert_eq!(rows[3][2], 1e-7f64.sqrt());
    }
}
