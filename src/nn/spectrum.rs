//! Differentiable eigenvalues of a batch of correlation matrices, and the eigenvectors for the layers that follow.
//!
//! ```text
//! C = V diag(λ) V',   λ ascending;   dC = V diag(dλ) V'
//! ```
//! Eigenvectors are not returned as a tensor, because their own derivative is unbounded where eigenvalues meet. The
//! code that uses them ([`super::weights`]) is a function of the matrix with its own derivative, in which every small
//! gap in a denominator has an equally small numerator.
//!
//! Ties. The basis of a space whose eigenvalues coincide is the solver's choice, and nothing may depend on it.
//! * neighbouring eigenvalues within a few units of rounding form a block whose common value is their mean;
//! * T days with their means removed span at most T − 1 dimensions. The remaining null space is one block by
//!   construction: its eigenvalues are exactly 0, and only its projector I − VV' is used;
//! * [`Spectra::averaged`] replaces a cleaner's outputs on a block by their mean.
//!
//! For fixed blocks, block means and block projectors are smooth functions of C, and the gradients are their
//! derivatives.
//! T. Kato (1966), "Perturbation Theory for Linear Operators", chapter II.
//!
//! With fewer than half as many days as assets, the eigenvectors are computed from the T x T matrix Z'Z/T.

use std::sync::{Arc, Mutex, OnceLock};

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::linalg::dense::{View, eigen, product, symmetric_product};
use crate::linalg::sum_of;
use crate::nn::float::{Float, Samples, on_cpu, to_vec};
use crate::nn::operation::{Input, Operation, apply_1};

/// Neighbouring eigenvalues are tied if they are closer than this many units of rounding of the largest one.
pub(crate) const TIE: f64 = 4.0;

/// The decomposition of one matrix of rank at most r.
pub(super) struct Decomposition<F> {
    /// λ (n, ascending); the first n − r are zero.
    pub eigenvalues: Vec<F>,
    /// Eigenvectors of the last r eigenvalues, as r rows of length n.
    pub basis: Vec<F>,
    /// Ranges of two or more tied eigenvalues, including the null space.
    pub blocks: Vec<std::ops::Range<usize>>,
}

impl<F: Float> Decomposition<F> {
    /// Number of assets n.
    pub fn n(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Number of eigenvectors r.
    pub fn rank(&self) -> usize {
        self.basis.len() / self.n()
    }

    /// A decomposition in which the null space is tied, as are eigenvalues that agree up to rounding.
    fn tied(mut eigenvalues: Vec<F>, basis: Vec<F>) -> Self {
        let n = eigenvalues.len();
        let n_null = n - basis.len() / n;
        eigenvalues[..n_null].fill(F::of(0.0));
        let tolerance = F::of(TIE) * F::UNIT * eigenvalues[n - 1];
        let mut blocks = Vec::new();
        let mut start = 0;
        for k in 1..=n {
            let joined = k < n && (k < n_null || (k > n_null && eigenvalues[k] - eigenvalues[k - 1] <= tolerance));
            if !joined {
                if k - start > 1 {
                    blocks.push(start..k);
                }
                start = k;
            }
        }
        let mut decomposition = Self { eigenvalues: Vec::new(), basis, blocks };
        decomposition.average(&mut eigenvalues);
        decomposition.eigenvalues = eigenvalues;
        decomposition
    }

    /// Replaces the values of each block by their mean.
    fn average(&self, values: &mut [F]) {
        for block in &self.blocks {
            let mean = values[block.clone()].iter().copied().sum::<F>() / F::of(block.len() as f64);
            values[block.clone()].fill(mean);
        }
    }

    /// Block number of each eigenvalue; tied eigenvalues have the same number.
    pub fn block_numbers(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..self.n()).collect();
        for block in &self.blocks {
            numbers[block.clone()].fill(block.start);
        }
        numbers
    }
}

/// A gradient of C in the basis of its eigenvectors: dC = V (H/2 + X) + (V (H/2 + X))' with H = H', both row by row.
pub(super) struct InBasis<F> {
    /// H/2 (r × r), as the coefficients of V'.
    pub half_h: Vec<F>,
    /// X (r × n), the part that leaves the span of V; empty if there is none.
    pub beyond: Vec<F>,
}

impl<F: Float> InBasis<F> {
    /// Writes dC (n × n).
    pub fn of_matrix(mut self, sample: &Decomposition<F>, dc: &mut [F]) {
        let (n, rank) = (sample.n(), sample.rank());
        let basis = View::rows(&sample.basis, rank, n);
        let is_within = self.beyond.is_empty();
        self.beyond.resize(rank * n, F::of(0.0));
        product(&mut self.beyond, !is_within, View::rows(&self.half_h, rank, rank), basis, F::of(1.0));
        let x = View::rows(&self.beyond, rank, n);
        if is_within {
            symmetric_product(dc, basis.transposed(), x, F::of(2.0)); // V H V' is symmetric by itself
        } else {
            product(dc, false, basis.transposed(), x, F::of(1.0));
            symmetrise(dc, n);
        }
    }
}

/// Replaces A by A + A'.
fn symmetrise<F: Float>(a: &mut [F], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let sum = a[i * n + j] + a[j * n + i];
            a[i * n + j] = sum;
            a[j * n + i] = sum;
        }
    }
}

/// The decompositions of a batch, shared by the operations that use them.
#[derive(Clone)]
pub(super) struct Spectra<F> {
    all: Arc<Vec<Decomposition<F>>>,
    /// Gradients of C that wait for those of the eigenvalues, so that the matrix is multiplied once; `None` if no operation here
    /// found the eigenvalues.
    waiting: Option<Arc<Mutex<Vec<InBasis<F>>>>>,
}

impl<F: Float> Spectra<F> {
    /// Decompositions computed elsewhere: eigenvalues `[batch, n]`, eigenvectors `[batch, n, n]` as columns, without
    /// ties.
    pub fn given(eigenvalues: &Tensor, eigenvectors: &Tensor) -> Result<Self> {
        let values = eigenvalues.to_vec2::<F>()?;
        let vectors = eigenvectors.transpose(1, 2)?.flatten_from(1)?.to_vec2::<F>()?;
        let each = values.into_iter().zip(vectors);
        let all = each.map(|(eigenvalues, basis)| Decomposition { eigenvalues, basis, blocks: Vec::new() });
        Ok(Self { all: Arc::new(all.collect()), waiting: None })
    }

    /// The decompositions, one per sample.
    pub fn samples(&self) -> &[Decomposition<F>] {
        &self.all
    }

    /// Leaves gradients of C (one per sample) to the operation that found the eigenvalues, whose backward pass comes later;
    /// returns them if there is none.
    pub fn leave(&self, gradients: Vec<InBasis<F>>) -> Option<Vec<InBasis<F>>> {
        match &self.waiting {
            Some(waiting) => {
                *waiting.lock().expect("no thread panicked") = gradients;
                None
            }
            None => Some(gradients),
        }
    }

    /// `values` `[batch, n]` with each member of a block replaced by the mean of the block.
    pub fn averaged(&self, values: &Tensor) -> Result<Tensor> {
        match self.all.iter().all(|sample| sample.blocks.is_empty()) {
            true => Ok(values.clone()),
            false => apply_1(Average(self.clone()), &values.contiguous()?),
        }
    }
}

/// Eigenvalues λ and volatilities s `[batch, n]`, and the decompositions, from moments `[batch, n + 1, n]`.
pub(super) struct Spectrum<F> {
    pub eigenvalues: Tensor,
    pub volatilities: Tensor,
    pub spectra: Spectra<F>,
}

/// The spectrum of C, whose rank is at most `rank`. With the scores Z `[batch, n, T]`, where C = ZZ'/T, it is computed
/// from the T x T matrix of days.
pub(super) fn spectrum<F: Float>(moments: &Tensor, rank: usize, scores: Option<Tensor>) -> Result<Spectrum<F>> {
    let cell = Arc::new(OnceLock::new());
    let rank = rank.min(moments.dim(2)?);
    let both = apply_1(Eigenvalues::<F> { rank, scores, spectra: cell.clone() }, moments)?;
    let spectra = cell.get().cloned().expect("the forward pass has set it");
    Ok(Spectrum { eigenvalues: both.get_on_dim(1, 0)?, volatilities: both.get_on_dim(1, 1)?, spectra })
}

/// The operation that returns λ, and s unchanged: `[batch, 2, n]` from `[batch, n + 1, n]`.
struct Eigenvalues<F> {
    rank: usize,
    scores: Option<Tensor>,
    spectra: Arc<OnceLock<Spectra<F>>>,
}

impl<F: Float> Operation<F> for Eigenvalues<F> {
    const NAME: &'static str = "eigenvalues";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let (batch, _, n) = inputs[0].shape().dims3()?;
        let moments = inputs[0].samples::<F>()?;
        let from_matrix = |b: usize| decompose(&moments.get(b)[..n * n], n, self.rank);
        let samples: Result<Vec<Decomposition<F>>> = match &self.scores {
            None => (0..batch).into_par_iter().map(from_matrix).collect(),
            Some(scores) => on_cpu(scores, |storage, layout| {
                let (z, t) = (Samples::<F>::new(storage, layout)?, scores.dim(2)?);
                let sample = |b| match decompose_dual(z.get(b), n, t, self.rank)? {
                    Some(decomposition) => Ok(decomposition),
                    None => from_matrix(b),
                };
                (0..batch).into_par_iter().map(sample).collect()
            }),
        };
        let samples = samples?;
        let mut both = Vec::with_capacity(batch * 2 * n);
        for (b, sample) in samples.iter().enumerate() {
            both.extend_from_slice(&sample.eigenvalues);
            both.extend_from_slice(&moments.get(b)[n * n..]);
        }
        let _ = self.spectra.set(Spectra { all: Arc::new(samples), waiting: Some(Arc::default()) });
        Ok((both, (batch, 2, n).into()))
    }

    fn backward(&self, inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let moments = inputs[0];
        let (batch, rows, n) = moments.dims3()?;
        let gradient = to_vec::<F>(gradient)?;
        let spectra = self.spectra.get().expect("the forward pass has set it");
        let waiting = spectra.waiting.as_ref().expect("it found the eigenvalues");
        let mut waiting = std::mem::take(&mut *waiting.lock().expect("no thread panicked"));
        let nothing = || InBasis { half_h: Vec::new(), beyond: Vec::new() };
        waiting.resize_with(batch, nothing);
        let mut all = vec![F::of(0.0); batch * rows * n];
        let samples = all.par_chunks_mut(rows * n).zip(gradient.par_chunks(2 * n)).zip(spectra.samples()).zip(waiting);
        samples.for_each(|(((out, gradient), sample), mut in_basis)| {
            let (dc, ds) = out.split_at_mut(n * n);
            let mut g = gradient[..n].to_vec();
            sample.average(&mut g);
            let rank = sample.rank();
            in_basis.half_h.resize(rank * rank, F::of(0.0));
            for (k, g) in g[n - rank..].iter().enumerate() {
                in_basis.half_h[k * rank + k] += F::of(0.5) * *g;
            }
            in_basis.of_matrix(sample, dc);
            ds.copy_from_slice(&gradient[n..]);
        });
        Ok(vec![Some(Tensor::from_vec(all, (batch, rows, n), moments.device())?)])
    }
}

fn decompose<F: Float>(c: &[F], n: usize, rank: usize) -> Result<Decomposition<F>> {
    if c.iter().any(|x| !x.value().is_finite()) {
        bail!("the correlation matrix is not finite");
    }
    let (eigenvalues, mut vectors) = eigen(c, n).map_err(candle_core::Error::wrap)?;
    let basis = if rank < n { vectors.split_off((n - rank) * n) } else { vectors };
    Ok(Decomposition::tied(eigenvalues, basis))
}

/// Solves the T x T problem instead: Z'Z/T = U diag(λ) U', V = Z U / √(λT). `None` if this would lose accuracy or
/// time.
fn decompose_dual<F: Float>(z: &[F], n: usize, t: usize, rank: usize) -> Result<Option<Decomposition<F>>> {
    if 2 * t > n {
        return Ok(None);
    }
    let z = View::rows(z, n, t);
    let mut gram = vec![F::of(0.0); t * t];
    symmetric_product(&mut gram, z.transposed(), z, F::of(1.0 / t as f64));
    let Decomposition { eigenvalues: small, basis: u, .. } = decompose(&gram, t, rank)?;
    // Eigenvectors of very small eigenvalues would consist of rounding errors.
    if small[t - rank].value() <= F::UNIT.value().sqrt() * small[t - 1].value() {
        return Ok(None);
    }
    let mut basis = vec![F::of(0.0); rank * n];
    product(&mut basis, false, View::rows(&u, rank, t), z.transposed(), F::of(1.0));
    for row in basis.chunks_exact_mut(n) {
        let norm = sum_of(n, |k| row[k] * row[k]).root();
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let eigenvalues = [vec![F::of(0.0); n - rank], small[t - rank..].to_vec()].concat();
    Ok(Some(Decomposition::tied(eigenvalues, basis)))
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

    /// AA' with a row of numbers below it, for A `[batch, n, r]`.
    fn gram(a: &Tensor) -> Result<Tensor> {
        let below = a.sum(2)?.unsqueeze(1)?;
        Tensor::cat(&[&a.matmul(&a.transpose(1, 2)?)?, &below], 1)
    }

    #[test]
    fn gradients_of_eigenvalues_are_those_of_the_function() {
        let both = |moments: &Tensor, rank: usize| -> Result<Tensor> {
            let found = spectrum::<f64>(moments, rank, None)?;
            Tensor::stack(&[found.eigenvalues, found.volatilities], 1)
        };
        check_gradient(|inputs| both(&gram(&inputs[0])?, 5), &[noise(4, &[2, 5, 6])]);
        check_gradient(|inputs| both(&gram(&inputs[0])?, 3), &[noise(5, &[2, 5, 3])]); // rank 3
    }

    #[test]
    fn tied_eigenvalues_share_one_value_and_a_null_space_is_zero() {
        let basis = vec![0.0; 3 * 6];
        let values = vec![-1e-9, 1e-9, 3e-17, 1.0, 1.0 + 2e-16, 2.0];
        let found = Decomposition::<f64>::tied(values, basis);
        assert_eq!(found.blocks, [0..3, 3..5]);
        assert_eq!(found.eigenvalues[..3], [0.0; 3]);
        assert_eq!(found.eigenvalues[3], found.eigenvalues[4]);
        assert_eq!(found.block_numbers(), [0, 0, 0, 3, 3, 5]);
        let spectra = Spectra { all: Arc::new(vec![found]), waiting: None };
        let averaged = spectra.averaged(&noise(6, &[1, 6])).unwrap().to_vec2::<f64>().unwrap().remove(0);
        assert!(averaged[0] == averaged[1] && averaged[1] == averaged[2] && averaged[3] == averaged[4]);
        check_gradient(|inputs| spectra.averaged(&inputs[0]), &[noise(6, &[1, 6])]);
    }

    #[test]
    fn the_matrix_of_days_has_the_spectrum_of_the_matrix_of_assets() {
        let raw = noise(7, &[1, 30, 8]);
        let z = raw.broadcast_sub(&raw.mean_keepdim(2).unwrap()).unwrap();
        let c = (z.matmul(&z.transpose(1, 2).unwrap()).unwrap() / 8.0).unwrap();
        let moments =
            Tensor::cat(&[c, Tensor::zeros((1, 1, 30), candle_core::DType::F64, z.device()).unwrap()], 1).unwrap();
        let direct = spectrum::<f64>(&moments, 7, None).unwrap();
        let dual = spectrum::<f64>(&moments, 7, Some(z)).unwrap();
        let (a, b) = (&direct.spectra.samples()[0], &dual.spectra.samples()[0]);
        assert_eq!((a.rank(), b.rank()), (7, 7));
        for k in 0..30 {
            assert!((a.eigenvalues[k] - b.eigenvalues[k]).abs() < 1e-13);
        }
        for (v, w) in a.basis.chunks(30).zip(b.basis.chunks(30)) {
            let dot: f64 = v.iter().zip(w).map(|(x, y)| x * y).sum();
            assert!((dot.abs() - 1.0).abs() < 1e-11, "{dot}");
        }
    }
}
