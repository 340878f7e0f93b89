//! Minimum-variance weights of the cleaned matrix, without forming the matrix.
//!
//! ```text
//! S = V diag(μ) V'                        μ: cleaned inverse eigenvalues of C = V diag(λ) V'
//! D_i = Σ_k V_ik² / μ_k                   the diagonal of S⁻¹ (1 if it is not scaled to one)
//! a = √D ∘ d                              d: inverse volatilities
//! r = a ∘ S a,  w = r / Σ r               proportional to Σ⁻¹1 for Σ⁻¹ = (√D √D') ∘ S ∘ (d d')
//! ```
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.
//!
//! Backward pass, for a gradient g of r, with q = g ∘ a, y = V'a, t = V'q, E = V' diag(dD) V:
//!
//! ```text
//! da = g ∘ Sa + Sq,  dD_i = da_i a_i / (2 D_i),  dd = da ∘ √D,  dμ_k = t_k y_k − E_kk / μ_k²
//! H_kl = (μ_k − μ_l)/(λ_k − λ_l) · [ (t_k y_l + y_k t_l)/2 − E_kl/(μ_k μ_l) ]   (0 inside a tie),  dC = V H V'
//! ```
//! Both S and S⁻¹ are spectral functions of C, so the gap λ_k − λ_l appears only in divided differences (Daleckii,
//! Krein, 1965); that of 1/μ is −1/(μ_k μ_l) times that of μ.
//!
//! The null space of a rank-deficient C has a single value μ_0 and enters only through its projector P = I − VV'.

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::linalg::dense::{Accumulate, View, product, symmetric_product};
use crate::linalg::{Real, dot, vectorised};
use crate::nn::decomposition::{Decomposition, InBasis};
use crate::nn::float::{Float, Samples, on_cpu};
use crate::nn::operation::{Input, Operation, apply_3};
use crate::nn::spectrum::{Spectra, Spectrum};

/// Whether the cleaned correlation matrix is scaled to a unit diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Diagonal {
    Unit,
    AsCleaned,
}

/// Weights `[batch, n]` that sum to one, from the spectrum, and μ and d `[batch, n]`.
pub(super) fn minimum_variance<F: Float>(
    spectrum: &Spectrum<F>,
    inverse_eigenvalues: &Tensor,
    inverse_volatilities: &Tensor,
    diagonal: Diagonal,
) -> Result<Tensor> {
    let operation = Unscaled { spectra: spectrum.spectra.clone(), diagonal };
    let (mu, d) = (inverse_eigenvalues.contiguous()?, inverse_volatilities.contiguous()?);
    // The spectrum is an input although no gradient returns that way: its backward pass must come after this one, which leaves
    // it the gradient of C.
    let unscaled = apply_3(operation, [&spectrum.both, &mu, &d])?;
    unscaled.broadcast_div(&unscaled.sum_keepdim(1)?)
}

struct Unscaled<F> {
    spectra: Spectra<F>,
    diagonal: Diagonal,
}

/// The quantities in the module's equations, for one sample.
struct Parts<F> {
    d_root: Vec<F>,
    a: Vec<F>,
    y: Vec<F>,
    s_a: Vec<F>,
}

/// The operators S, P and V' of one sample, applied to vectors.
struct Operator<'a, F> {
    sample: &'a Decomposition<F>,
    /// The value μ_0 on the null space, 0 if there is none.
    null: F,
    /// The values μ of the basis (r).
    mu: &'a [F],
}

impl<'a, F: Float> Operator<'a, F> {
    fn new(sample: &'a Decomposition<F>, mu: &'a [F]) -> Self {
        let n_null = sample.n() - sample.rank();
        let null = if n_null > 0 { mu[0] } else { F::of(0.0) };
        Self { sample, null, mu: &mu[n_null..] }
    }

    /// The coefficients V'x (r).
    #[inline(always)]
    fn coefficients(&self, x: &[F]) -> Vec<F> {
        // A closure would be compiled without the vectors of its caller.
        let mut all = Vec::with_capacity(self.sample.rank());
        for v in self.sample.basis.chunks_exact(self.sample.n()) {
            all.push(dot(v, x));
        }
        all
    }

    /// `null` x + Σ_k (f_k − `null`) c_k v_k: applies the spectral function with values f to the vector x with
    /// coefficients c.
    #[inline(always)]
    fn apply(&self, x: &[F], coefficients: &[F], null: F, f: impl Fn(usize) -> F) -> Vec<F> {
        let n = self.sample.n();
        let mut out: Vec<F> = x.iter().map(|x| null * *x).collect();
        for (k, v) in self.sample.basis.chunks_exact(n).enumerate() {
            let factor = (f(k) - null) * coefficients[k];
            out.iter_mut().zip(v).for_each(|(out, v)| *out = v.fma(factor, *out));
        }
        out
    }

    /// The product S x.
    #[inline(always)]
    fn precision(&self, x: &[F], coefficients: &[F]) -> Vec<F> {
        self.apply(x, coefficients, self.null, |k| self.mu[k])
    }

    /// The diagonal D (n).
    #[inline(always)]
    fn diagonal(&self) -> Vec<F> {
        let one = F::of(1.0);
        let null = if self.null > F::of(0.0) { one / self.null } else { F::of(0.0) };
        let mut diagonal = vec![null; self.sample.n()];
        for (v, mu) in self.sample.basis.chunks_exact(diagonal.len()).zip(self.mu) {
            let factor = one / *mu - null;
            diagonal.iter_mut().zip(v).for_each(|(d, v)| *d = (*v * *v).fma(factor, *d));
        }
        diagonal
    }
}

vectorised! {
    fn parts<F: Float>(operator: &Operator<'_, F>, diagonal: Diagonal, d: &[F]) -> Parts<F> {
        let d_root: Vec<F> = match diagonal {
            Diagonal::Unit => operator.diagonal().into_iter().map(Real::root).collect(),
            Diagonal::AsCleaned => vec![F::of(1.0); d.len()],
        };
        let a: Vec<F> = d_root.iter().zip(d).map(|(root, d)| *root * *d).collect();
        let y = operator.coefficients(&a);
        let s_a = operator.precision(&a, &y);
        Parts { d_root, a, y, s_a }
    }
}

vectorised! {
    /// The products t = V'q and S q.
    fn applied<F: Float>(operator: &Operator<'_, F>, q: &[F]) -> (Vec<F>, Vec<F>) {
        let t = operator.coefficients(q);
        let s_q = operator.precision(q, &t);
        (t, s_q)
    }
}

vectorised! {
    /// Replaces E by ½ H, for the eigenvectors of the basis. Those that are tied have the same λ.
    fn half_h<F: Float>(h: &mut [F], lambda: &[F], mu: &[F], t: &[F], y: &[F]) {
        let (half, one, zero) = (F::of(0.5), F::of(1.0), F::of(0.0));
        let inverse: Vec<F> = mu.iter().map(|mu| one / *mu).collect();
        let rank = mu.len();
        let (lambda, inverse, t, y) = (&lambda[..rank], &inverse[..rank], &t[..rank], &y[..rank]);
        for (k, row) in h.chunks_exact_mut(rank).enumerate() {
            for l in 0..rank {
                let gap = lambda[k] - lambda[l];
                let tied = gap == zero;
                let difference = (mu[k] - mu[l]) / if tied { one } else { gap };
                let bracket = (t[k] * y[l] + y[k] * t[l]) * half - row[l] * inverse[k] * inverse[l];
                row[l] = if tied { zero } else { difference * bracket * half };
            }
        }
    }
}

impl<F: Float> Unscaled<F> {
    /// The gradients dC, dμ and dd of one sample.
    fn backward(&self, sample: &Decomposition<F>, mu: &[F], d: &[F], g: &[F]) -> (InBasis<F>, Vec<F>, Vec<F>) {
        let (n, rank) = (sample.n(), sample.rank());
        let n_null = n - rank;
        let operator = Operator::new(sample, mu);
        let parts = parts(&operator, self.diagonal, d);
        let q: Vec<F> = g.iter().zip(&parts.a).map(|(g, a)| *g * *a).collect();
        let (t, s_q) = applied(&operator, &q);
        let da: Vec<F> = (0..n).map(|i| g[i] * parts.s_a[i] + s_q[i]).collect();
        let dd: Vec<F> = da.iter().zip(&parts.d_root).map(|(da, root)| *da * *root).collect();
        let zero = F::of(0.0);
        let d_diagonal: Vec<F> = match self.diagonal {
            Diagonal::Unit => {
                (0..n).map(|i| da[i] * parts.a[i] / (F::of(2.0) * parts.d_root[i] * parts.d_root[i])).collect()
            }
            Diagonal::AsCleaned => vec![zero; n],
        };

        // E = V' diag(dD) V, and the rows V' diag(dD).
        let mut weighted = sample.basis.clone();
        for row in weighted.chunks_exact_mut(n) {
            row.iter_mut().zip(&d_diagonal).for_each(|(x, d)| *x *= *d);
        }
        let basis = View::rows(&sample.basis, rank, n);
        let mut h = vec![zero; rank * rank];
        symmetric_product(&mut h, View::rows(&weighted, rank, n), basis.transposed(), F::of(1.0));
        let (y, mu_k) = (&parts.y, operator.mu);
        let mut dmu = vec![zero; n];
        for k in 0..rank {
            dmu[n_null + k] = t[k] * y[k] - h[k * rank + k] / (mu_k[k] * mu_k[k]);
        }

        // The terms that couple to the null space.
        let mut x = Vec::new();
        if n_null > 0 {
            x.resize(rank * n, zero);
            product(&mut x, Accumulate::Replace, View::rows(&h, rank, rank), basis, zero - F::of(1.0)); // − E V'
            let inner = (0..n).map(|i| q[i] * parts.a[i]).sum::<F>() - (0..rank).map(|k| t[k] * y[k]).sum::<F>();
            let trace = d_diagonal.iter().copied().sum::<F>() - (0..rank).map(|k| h[k * rank + k]).sum::<F>();
            let null = operator.null;
            dmu[..n_null].fill((inner - trace / (null * null)) / F::of(n_null as f64));
            let p_a = operator.apply(&parts.a, y, F::of(1.0), |_| zero);
            let p_q = operator.apply(&q, &t, F::of(1.0), |_| zero);
            for (k, row) in x.chunks_exact_mut(n).enumerate() {
                let difference = (mu_k[k] - null) / sample.eigenvalues[n_null + k];
                let both = F::of(1.0) / (mu_k[k] * null);
                for (i, x) in row.iter_mut().enumerate() {
                    let e = weighted[k * n + i] + *x; // V' diag(dD) P
                    *x = difference * ((t[k] * p_a[i] + y[k] * p_q[i]) * F::of(0.5) - e * both);
                }
            }
        }
        half_h(&mut h, &sample.eigenvalues[n_null..], mu_k, &t, y);
        (InBasis { half_h: h, beyond: x }, dmu, dd)
    }
}

impl<F: Float> Operation<F> for Unscaled<F> {
    const NAME: &'static str = "minimum variance";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [both, mu, d] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, _, n) = both.shape().dims3()?;
        let (mu, d) = (mu.samples::<F>()?, d.samples::<F>()?);
        let mut out = vec![F::of(0.0); batch * n];
        out.par_chunks_mut(n).zip(self.spectra.samples()).enumerate().for_each(|(b, (out, sample))| {
            let operator = Operator::new(sample, mu.get(b));
            let parts = parts(&operator, self.diagonal, d.get(b));
            out.iter_mut().zip(parts.a.iter().zip(&parts.s_a)).for_each(|(r, (a, s))| *r = *a * *s);
        });
        Ok((out, (batch, n).into()))
    }

    fn backward(&self, inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [both, mu, d] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, _, n) = both.dims3()?;
        let each: Vec<(InBasis<F>, Vec<F>, Vec<F>)> = on_cpu(mu, |storage, layout| {
            let mu = Samples::<F>::new(storage, layout)?;
            on_cpu(d, |storage, layout| {
                let d = Samples::<F>::new(storage, layout)?;
                on_cpu(gradient, |storage, layout| {
                    let g = Samples::<F>::new(storage, layout)?;
                    let samples = self.spectra.samples().par_iter().enumerate();
                    Ok(samples.map(|(b, sample)| self.backward(sample, mu.get(b), d.get(b), g.get(b))).collect())
                })
            })
        })?;
        let mut in_basis = Vec::with_capacity(batch);
        let (mut dmu, mut dd) = (Vec::with_capacity(batch * n), Vec::with_capacity(batch * n));
        for (c, mu, d) in each {
            in_basis.push(c);
            dmu.extend(mu);
            dd.extend(d);
        }
        self.spectra.defer(in_basis);
        let device = both.device();
        Ok(vec![
            None,
            Some(Tensor::from_vec(dmu, (batch, n), device)?),
            Some(Tensor::from_vec(dd, (batch, n), device)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};
    use crate::nn::lag::LagCurves;
    use crate::nn::spectrum::spectrum;

    /// Checks the weights as a function of returns, of μ (equal on the null space) and of d.
    #[track_caller]
    fn check(n: usize, t: usize, diagonal: Diagonal) {
        let one = Tensor::ones(t, candle_core::DType::F64, &candle_core::Device::Cpu).unwrap();
        let curves = LagCurves { alpha: one.clone(), beta: one };
        let f = |inputs: &[Tensor]| {
            let found = spectrum::<f64>(&inputs[0], &curves, None)?;
            let mu = found.spectra.averaged(&inputs[1])?;
            // μ also depends on λ, as it does through the cleaner.
            let mu = (mu + (&found.eigenvalues + 1.0)?.recip()?)?;
            minimum_variance(&found, &mu, &inputs[2], diagonal)
        };
        let positive = |seed, shape: &[usize]| (noise(seed, shape) + 2.0).unwrap();
        check_gradient(f, &[noise(1, &[2, n, t]), positive(2, &[2, n]), positive(3, &[2, n])]);
    }

    #[test]
    fn gradients_are_those_of_the_function() {
        check(5, 7, Diagonal::Unit);
        check(5, 7, Diagonal::AsCleaned);
    }

    #[test]
    fn gradients_are_those_of_the_function_with_a_null_space() {
        check(6, 4, Diagonal::Unit);
        check(6, 4, Diagonal::AsCleaned);
        check(6, 6, Diagonal::Unit);
    }
}
