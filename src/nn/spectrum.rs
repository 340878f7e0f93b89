//! Differentiable eigenvalues of a batch of correlation matrices, and the eigenvectors for the layers that follow.
//!
//! ```text
//! C = V diag(λ) V',   λ ascending;   dC = V diag(dλ) V'
//! ```
//! Eigenvectors are not returned as a tensor, because their own derivative is unbounded where eigenvalues meet. The
//! code that uses them ([`super::weights`]) is a function of the matrix with its own derivative, in which every small
//! gap in a denominator has an equally small numerator.
//!
//! Where eigenvalues tie ([`super::decomposition`]), [`Spectra::averaged`] replaces a cleaner's outputs on a block by their mean.

use std::sync::{Arc, Mutex, OnceLock};

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::linalg::Buffer;
use crate::linalg::dense::{View, product_by_rows};
use crate::nn::correlation::{LagFactors, lag_gradients, standardise};
use crate::nn::decomposition::{Decomposition, InBasis, analyse, correlate};
use crate::nn::float::{Float, Samples, on_cpu, to_vec};
use crate::nn::lag::LagCurves;
use crate::nn::operation::{Input, Operation, apply_1, apply_3};

/// The decompositions of a batch, shared by the operations that use them.
#[derive(Clone)]
pub(super) struct Spectra<F>(Arc<Shared<F>>);

struct Shared<F> {
    samples: Vec<Decomposition<F>>,
    /// Z (n × T) of every sample.
    scores: Vec<Buffer<F>>,
    /// Gradients of C by way of the weights, which wait for those of the eigenvalues: the matrices are multiplied once.
    deferred: Mutex<Vec<InBasis<F>>>,
}

impl<F: Float> Spectra<F> {
    /// The decompositions, one per sample.
    pub fn samples(&self) -> &[Decomposition<F>] {
        &self.0.samples
    }

    /// The matrix C (n × n) of a sample.
    pub fn correlation(&self, sample: usize) -> Vec<F> {
        let (n, z) = (self.0.samples[sample].n(), &self.0.scores[sample]);
        let mut c = vec![F::of(0.0); n * n];
        correlate(&mut c, z, n);
        c
    }

    /// Leaves gradients of C, one per sample, to the operation that found the eigenvalues, whose backward pass comes later. They
    /// are added to what other operations have left.
    pub fn defer(&self, gradients: Vec<InBasis<F>>) {
        let mut deferred = self.0.deferred.lock().expect("no thread panicked");
        if deferred.is_empty() {
            *deferred = gradients;
        } else {
            deferred.iter_mut().zip(gradients).for_each(|(sum, gradient)| sum.add(gradient));
        }
    }

    /// `values` `[batch, n]` with each member of a block replaced by the mean of the block.
    pub fn averaged(&self, values: &Tensor) -> Result<Tensor> {
        match self.0.samples.iter().all(|sample| sample.blocks.is_empty()) {
            true => Ok(values.clone()),
            false => apply_1(Average(self.clone()), &values.contiguous()?),
        }
    }
}

/// Eigenvalues λ and volatilities s `[batch, n]`, both together `[batch, 2, n]`, and the decompositions.
pub(super) struct Spectrum<F> {
    pub both: Tensor,
    pub eigenvalues: Tensor,
    pub volatilities: Tensor,
    pub spectra: Spectra<F>,
}

/// The spectrum of the correlation C of lag-transformed returns `[batch, n, T]`. `given` are eigenvalues `[batch, n]` and
/// eigenvectors `[batch, n, n]`, as columns, that another solver found: constants without ties.
pub(super) fn spectrum<F: Float>(
    returns: &Tensor,
    curves: &LagCurves,
    given: Option<(&Tensor, &Tensor)>,
) -> Result<Spectrum<F>> {
    let (alpha, beta) = (curves.alpha.contiguous()?, curves.beta.contiguous()?);
    let spectra = Arc::new(OnceLock::new());
    let operation = Analysis::<F> { given: given.map(decompositions).transpose()?, spectra: spectra.clone() };
    let both = apply_3(operation, [&returns.contiguous()?, &alpha, &beta])?;
    let spectra = spectra.get().cloned().expect("the forward pass has set it");
    let eigenvalues = match given {
        Some((values, _)) => values.clone(),
        None => both.get_on_dim(1, 0)?,
    };
    Ok(Spectrum { eigenvalues, volatilities: both.get_on_dim(1, 1)?, both, spectra })
}

/// Decompositions without ties.
fn decompositions<F: Float>((eigenvalues, eigenvectors): (&Tensor, &Tensor)) -> Result<Vec<Decomposition<F>>> {
    let values = eigenvalues.to_vec2::<F>()?;
    let vectors = eigenvectors.transpose(1, 2)?.flatten_from(1)?.to_vec2::<F>()?;
    let each = values.into_iter().zip(vectors);
    Ok(each.map(|(eigenvalues, basis)| Decomposition { eigenvalues, basis, blocks: Vec::new() }).collect())
}

/// The operation from returns `[batch, n, T]`, α and β `[T]` to λ and s. One operation, so that neither C nor its gradient is a
/// tensor: both are formed for one sample at a time in memory that stays in the cache.
struct Analysis<F> {
    given: Option<Vec<Decomposition<F>>>,
    spectra: Arc<OnceLock<Spectra<F>>>,
}

impl<F: Float> Operation<F> for Analysis<F> {
    const NAME: &'static str = "spectrum";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [returns, alpha, beta] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, t) = returns.shape().dims3()?;
        let x = returns.samples::<F>()?;
        let (alpha, beta) = (alpha.entries::<F>()?, beta.entries::<F>()?);
        if alpha.len() != t || beta.len() != t {
            bail!("{t} days need {t} lag coefficients each, not {} and {}", alpha.len(), beta.len());
        }
        let mut both = vec![F::of(0.0); batch * 2 * n];
        let sample = |(b, both): (usize, &mut [F])| {
            let (values, s) = both.split_at_mut(n);
            let mut z = Buffer::new(n * t);
            standardise(x.get(b), alpha, beta, &mut z, s);
            let decomposition = match &self.given {
                Some(given) => given[b].clone(),
                None => analyse(&z, n, t)?,
            };
            values.copy_from_slice(&decomposition.eigenvalues);
            Ok((decomposition, z))
        };
        let each: Result<Vec<_>> = both.par_chunks_mut(2 * n).enumerate().map(sample).collect();
        let (samples, scores) = each?.into_iter().unzip();
        let _ = self.spectra.set(Spectra(Arc::new(Shared { samples, scores, deferred: Mutex::default() })));
        Ok((both, (batch, 2, n).into()))
    }

    fn backward(&self, inputs: &[&Tensor], result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [returns, alpha, beta] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, t) = returns.dims3()?;
        let (alphas, betas) = (alpha.to_vec1::<F>()?, beta.to_vec1::<F>()?);
        let (inputs_too, factors) = (returns.track_op(), LagFactors::new(&alphas, &betas));
        let (gradient, both) = (to_vec::<F>(gradient)?, to_vec::<F>(result)?);
        let shared = &self.spectra.get().expect("the forward pass has set it").0;
        let mut deferred = std::mem::take(&mut *shared.deferred.lock().expect("no thread panicked"));
        deferred.resize_with(batch, InBasis::default);
        let parts: Vec<Part<F>> = on_cpu(returns, |storage, layout| {
            let x = Samples::<F>::new(storage, layout)?;
            let sample = |(b, mut in_basis): (usize, InBasis<F>)| {
                let (decomposition, z) = (&shared.samples[b], &shared.scores[b]);
                let (g, s) = (&gradient[2 * b * n..2 * (b + 1) * n], &both[(2 * b + 1) * n..2 * (b + 1) * n]);
                if self.given.is_none() {
                    in_basis.add_eigenvalues(decomposition, &g[..n]);
                }
                let mut dc = Buffer::new(n * n);
                in_basis.of_matrix(decomposition, &mut dc);
                let mut part = Part { lag: vec![F::of(0.0); 2 * t], returns: Vec::new() };
                let (d_alpha, d_beta) = part.lag.split_at_mut(t);
                // dC is symmetric.
                let scale = F::of(2.0 / t as f64);
                product_by_rows(View::rows(&dc, n, n), View::rows(z, n, t), scale, |first, dz| {
                    let assets = first..first + dz.len() / t;
                    let of_days = first * t..first * t + dz.len();
                    let (x, ds) = (&x.get(b)[of_days.clone()], &g[n..][assets.clone()]);
                    lag_gradients(x, &factors, &z[of_days], &s[assets], ds, dz, d_alpha, d_beta);
                    if inputs_too {
                        part.returns.extend_from_slice(dz);
                    }
                });
                part
            };
            Ok(deferred.into_par_iter().enumerate().map(sample).collect())
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

/// Gradients of one sample: dα followed by dβ, and dX if it is needed.
struct Part<F> {
    lag: Vec<F>,
    returns: Vec<F>,
}

/// The operation that takes block means; it is its own transpose.
struct Average<F>(Spectra<F>);

impl<F: Float> Average<F> {
    fn of(&self, values: Samples<'_, F>) -> Vec<F> {
        let mut all = Vec::new();
        for (b, sample) in self.0.samples().iter().enumerate() {
            let mut averaged = values.get(b).to_vec();
            sample.average(&mut averaged);
            all.extend(averaged);
        }
        all
    }
}

impl<F: Float> Operation<F> for Average<F> {
    const NAME: &'static str = "average over ties";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        Ok((self.of(inputs[0].samples()?), inputs[0].shape().clone()))
    }

    fn backward(&self, _inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let averaged = on_cpu(gradient, |storage, layout| Ok(self.of(Samples::new(storage, layout)?)))?;
        Ok(vec![Some(Tensor::from_vec(averaged, gradient.shape(), gradient.device())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    /// Curves that leave returns as they are, or not.
    fn curves(alpha: &Tensor, beta: &Tensor) -> LagCurves {
        LagCurves { alpha: alpha.clone(), beta: beta.clone() }
    }

    fn plain(t: usize) -> LagCurves {
        let one = Tensor::ones(t, candle_core::DType::F64, &candle_core::Device::Cpu).unwrap();
        curves(&one, &one.zeros_like().unwrap())
    }

    #[test]
    fn gradients_are_those_of_the_function() {
        let both = |inputs: &[Tensor]| Ok(spectrum::<f64>(&inputs[0], &curves(&inputs[1], &inputs[2]), None)?.both);
        for n in [3, 9] {
            // Nine assets in seven days leave a null space.
            let (x, alpha) = (noise(1, &[2, n, 7]), (noise(2, &[7]) + 2.0).unwrap());
            check_gradient(both, &[x.clone(), alpha.clone(), (noise(3, &[7]) + 1.5).unwrap()]);
            check_gradient(both, &[x.clone(), alpha.clone(), (noise(3, &[7]) * 0.01).unwrap()]); // the series
            check_gradient(both, &[x, alpha, (noise(3, &[7]) * -1.5).unwrap()]);
        }
    }

    #[test]
    fn without_clipping_the_transform_is_a_weighting() {
        let alpha = (noise(2, &[7]) + 2.0).unwrap();
        let x = noise(1, &[1, 3, 7]);
        let of = |returns: &Tensor, alpha: &Tensor| {
            let found = spectrum::<f64>(returns, &curves(alpha, &alpha.zeros_like().unwrap()), None).unwrap();
            [found.spectra.correlation(0), found.volatilities.get(0).unwrap().to_vec1::<f64>().unwrap()].concat()
        };
        let weighted = of(&x.broadcast_mul(&alpha).unwrap(), &alpha.ones_like().unwrap());
        for (a, b) in of(&x, &alpha).iter().zip(weighted) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn a_constant_asset_has_the_smallest_volatility_and_no_correlation() {
        let x = Tensor::cat(&[noise(1, &[1, 2, 9]), noise(2, &[1, 1, 9]).zeros_like().unwrap()], 1).unwrap();
        let found = spectrum::<f64>(&x, &plain(9), None).unwrap();
        assert_eq!(found.spectra.correlation(0)[6..], [0.0, 0.0, 0.0]);
        assert_eq!(found.volatilities.get(0).unwrap().to_vec1::<f64>().unwrap()[2], 1e-7f64.sqrt());
    }

    #[test]
    fn tied_eigenvalues_share_one_value_and_a_null_space_is_zero() {
        let basis = vec![0.0; 3 * 6];
        let values = vec![-1e-9, 1e-9, 3e-17, 1.0, 1.0 + 2e-16, 2.0];
        let found = Decomposition::<f64>::tied(values, basis);
        assert_eq!(found.blocks, [0..3, 3..5]);
        assert_eq!(found.eigenvalues[..3], [0.0; 3]);
        assert_eq!(found.eigenvalues[3], found.eigenvalues[4]);
        let shared = Shared { samples: vec![found], scores: Vec::new(), deferred: Mutex::default() };
        let spectra = Spectra(Arc::new(shared));
        let averaged = spectra.averaged(&noise(6, &[1, 6])).unwrap().to_vec2::<f64>().unwrap().remove(0);
        assert!(averaged[0] == averaged[1] && averaged[1] == averaged[2] && averaged[3] == averaged[4]);
        check_gradient(|inputs| spectra.averaged(&inputs[0]), &[noise(6, &[1, 6])]);
    }
}
