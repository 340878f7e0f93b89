//! Lag transform and standardisation over days, of one sample at a time, with their gradients.
//!
//! ```text
//! Y_it = α_t X_it tanhc(β_t X_it)
//! m_i = mean_t Y_it,  s_i = √max(mean_t (Y_it − m_i)², ε),  Z = (Y − m) / s,  C = Z Z' / T
//! ```
//! X is n x T, oldest day first. Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918. Gradients:
//!
//! ```text
//! dZ = (dC + dC') Z / T
//! dY = (dZ − mean_t dZ − Z mean_t(dZ ∘ Z)) / s + ds Z / T      (the last two terms vanish where s is at its floor)
//! dα = Σ dY X tanhc(βX),  dβ = Σ dY α X² tanhc'(βX),  dX = dY α / cosh²(βX)
//! ```

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::linalg::{Real, dot, sum_of, vectorised};
use crate::nn::float::{Float, Samples, on_cpu};
use crate::nn::lag::LagCurves;

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

/// β with values near 0 replaced by a tiny one, for which α/β tanh(βx) equals αx to the last bit.
pub(super) fn divisible<F: Real>(beta: &[F]) -> Vec<F> {
    let tiny = F::of(1e-20);
    beta.iter().map(|b| if b.magnitude() < tiny { tiny } else { *b }).collect()
}

/// The ratios a / b, entry by entry.
fn ratios<F: Real>(a: &[F], b: &[F]) -> Vec<F> {
    a.iter().zip(b).map(|(a, b)| *a / *b).collect()
}

vectorised! {
    /// Computes Z (n x T) and s (n) of one sample.
    pub(super) fn standardise<F: Float>(x: &[F], alpha: &[F], beta: &[F], z: &mut [F], s: &mut [F]) {
        let t = alpha.len();
        let per_day = F::of(1.0 / t as f64);
        let beta = divisible(beta);
        let ratio = ratios(alpha, &beta);
        for ((x, z), s) in x.chunks_exact(t).zip(z.chunks_exact_mut(t)).zip(s) {
            for ((y, x), (ratio, b)) in z.iter_mut().zip(x).zip(ratio.iter().zip(&beta)) {
                *y = *ratio * Real::tanh(*b * *x);
            }
            let mean = sum_of(z, |y| y) * per_day;
            let variance = sum_of(z, |y| (y - mean) * (y - mean)) * per_day;
            *s = variance.at_least(F::of(F::FLOOR)).root();
            let scale = F::of(1.0) / *s;
            z.iter_mut().for_each(|y| *y = (*y - mean) * scale);
        }
    }
}

/// What the gradients of the transform need of α and β.
pub(super) struct LagFactors<'a, F> {
    alpha: &'a [F],
    beta: Vec<F>,
    /// α/β and 1/β.
    ratio: Vec<F>,
    inverse: Vec<F>,
}

impl<'a, F: Float> LagFactors<'a, F> {
    pub fn new(alpha: &'a [F], beta: &[F]) -> Self {
        let beta = divisible(beta);
        let (ratio, inverse) = (ratios(alpha, &beta), ratios(&vec![F::of(1.0); beta.len()], &beta));
        Self { alpha, beta, ratio, inverse }
    }
}

vectorised! {
    /// Of some assets, from dZ (in `dz`) and ds: adds dα and dβ to the sums, and replaces dZ by dX.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn lag_gradients<F: Float>(
        x: &[F],
        lag: &LagFactors<'_, F>,
        z: &[F],
        s: &[F],
        ds: &[F],
        dz: &mut [F],
        d_alpha: &mut [F],
        d_beta: &mut [F],
    ) {
        let LagFactors { alpha, beta, ratio, inverse } = lag;
        let t = alpha.len();
        let per_day = F::of(1.0 / t as f64);
        let (beta, ratio, inverse) = (&beta[..t], &ratio[..t], &inverse[..t]);
        let (d_alpha, d_beta) = (&mut d_alpha[..t], &mut d_beta[..t]);
        for (i, dz) in dz.chunks_exact_mut(t).enumerate() {
            let row = i * t..(i + 1) * t;
            let (x, z) = (&x[row.clone()], &z[row]);
            let scale = F::of(1.0) / s[i];
            let free = if s[i] <= F::of(F::FLOOR).root() { F::of(0.0) } else { F::of(1.0) };
            let mean = sum_of(dz, |dz| dz) * per_day;
            let along = free * (dot(dz, z) * scale - ds[i]) * per_day;
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
