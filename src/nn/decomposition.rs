//! The decomposition of one correlation matrix, and gradients in the basis of its eigenvectors.
//!
//! Ties. The basis of a space whose eigenvalues coincide is the solver's choice, and nothing may depend on it.
//! * neighbouring eigenvalues within a few units of rounding form a block whose common value is their mean;
//! * T days with their means removed span at most T − 1 dimensions. The remaining null space is one block by
//!   construction: its eigenvalues are exactly 0, and only its projector I − VV' is used.
//!
//! For fixed blocks, block means and block projectors are smooth functions of C, and the gradients are their
//! derivatives. T. Kato (1966), "Perturbation Theory for Linear Operators", chapter II.
//!
//! With fewer than half as many days as assets, the eigenvectors are computed from the T x T matrix Z'Z/T.

use candle_core::{Result, bail};

use crate::linalg::dense::{Accumulate, View, eigen, product, symmetric_product};
use crate::linalg::{Buffer, sum_of};
use crate::nn::float::Float;

/// Neighbouring eigenvalues are tied if they are closer than this many units of rounding of the largest one.
pub(crate) const TIE: f64 = 4.0;

/// The decomposition of one matrix of rank at most r.
#[derive(Clone)]
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
    pub fn tied(mut eigenvalues: Vec<F>, basis: Vec<F>) -> Self {
        let n = eigenvalues.len();
        let n_null = n - basis.len() / n;
        let blocks = tie(&mut eigenvalues, n_null);
        Self { eigenvalues, basis, blocks }
    }

    /// Replaces the values of each block by their mean.
    pub fn average(&self, values: &mut [F]) {
        average(&self.blocks, values);
    }
}

/// Ranges of two or more tied eigenvalues (n, ascending): the first `n_null`, which become zero, and neighbours that agree up to
/// rounding, which become their mean.
pub(super) fn tie<F: Float>(eigenvalues: &mut [F], n_null: usize) -> Vec<std::ops::Range<usize>> {
    let n = eigenvalues.len();
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
    average(&blocks, eigenvalues);
    blocks
}

/// Replaces the values of each block by their mean.
pub(super) fn average<F: Float>(blocks: &[std::ops::Range<usize>], values: &mut [F]) {
    for block in blocks {
        let mean = values[block.clone()].iter().copied().sum::<F>() / F::of(block.len() as f64);
        values[block.clone()].fill(mean);
    }
}

/// A gradient of C in the basis of its eigenvectors: dC = V (H/2 + X) + (V (H/2 + X))' with H = H', both row by row.
#[derive(Default)]
pub(super) struct InBasis<F> {
    /// H/2 (r × r), as the coefficients of V'.
    pub half_h: Vec<F>,
    /// X (r × n), the part that leaves the span of V; empty if there is none.
    pub beyond: Vec<F>,
}

impl<F: Float> InBasis<F> {
    /// Adds another gradient.
    pub fn add(&mut self, other: Self) {
        let add = |sum: &mut Vec<F>, terms: Vec<F>| match sum.is_empty() {
            true => *sum = terms,
            false => sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term),
        };
        add(&mut self.half_h, other.half_h);
        add(&mut self.beyond, other.beyond);
    }

    /// Adds the gradient V diag(g) V' of the eigenvalues.
    pub fn add_eigenvalues(&mut self, sample: &Decomposition<F>, g: &[F]) {
        let (n, rank) = (sample.n(), sample.rank());
        let mut g = g.to_vec();
        sample.average(&mut g);
        self.half_h.resize(rank * rank, F::of(0.0));
        for (k, g) in g[n - rank..].iter().enumerate() {
            self.half_h[k * rank + k] += F::of(0.5) * *g;
        }
    }

    /// Writes dC (n × n).
    pub fn of_matrix(mut self, sample: &Decomposition<F>, dc: &mut [F]) {
        let (n, rank) = (sample.n(), sample.rank());
        let basis = View::rows(&sample.basis, rank, n);
        self.half_h.resize(rank * rank, F::of(0.0));
        let is_within = self.beyond.is_empty();
        let accumulate = if is_within { Accumulate::Replace } else { Accumulate::Add };
        self.beyond.resize(rank * n, F::of(0.0));
        product(&mut self.beyond, accumulate, View::rows(&self.half_h, rank, rank), basis, F::of(1.0));
        let x = View::rows(&self.beyond, rank, n);
        if is_within {
            symmetric_product(dc, basis.transposed(), x, F::of(2.0)); // V H V' is symmetric by itself
        } else {
            product(dc, Accumulate::Replace, basis.transposed(), x, F::of(1.0));
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

/// C = Z Z'/T
pub(super) fn correlate<F: Float>(c: &mut [F], z: &[F], n: usize) {
    let t = z.len() / n;
    let z = View::rows(z, n, t);
    symmetric_product(c, z, z.transposed(), F::of(1.0 / t as f64));
}

/// The decomposition of C, from the matrix of days where that is smaller.
pub(super) fn analyse<F: Float>(z: &[F], n: usize, t: usize) -> Result<Decomposition<F>> {
    let rank = n.min(t - 1);
    if let Some(decomposition) = decompose_dual(z, n, t, rank)? {
        return Ok(decomposition);
    }
    let mut c = Buffer::new(n * n);
    correlate(&mut c, z, n);
    decompose(&c, n, rank)
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
    product(&mut basis, Accumulate::Replace, View::rows(&u, rank, t), z.transposed(), F::of(1.0));
    for row in basis.chunks_exact_mut(n) {
        let norm = sum_of(row, |x| x * x).root();
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let eigenvalues = [vec![F::of(0.0); n - rank], small[t - rank..].to_vec()].concat();
    Ok(Some(Decomposition::tied(eigenvalues, basis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::noise;
    use crate::nn::correlation::scores;
    use crate::nn::lag::LagCurves;

    #[test]
    fn the_matrix_of_days_has_the_spectrum_of_the_matrix_of_assets() {
        let one = candle_core::Tensor::ones(8, candle_core::DType::F64, &candle_core::Device::Cpu).unwrap();
        let plain = LagCurves { alpha: one.clone(), beta: one.zeros_like().unwrap() };
        let z = scores::<f64>(&noise(7, &[1, 30, 8]), &plain).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let mut c = vec![0.0; 30 * 30];
        correlate(&mut c, &z, 30);
        let (a, b) = (decompose(&c, 30, 7).unwrap(), decompose_dual(&z, 30, 8, 7).unwrap().unwrap());
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
