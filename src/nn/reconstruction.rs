//! The cleaned matrices of one sample as full matrices.
//!
//! ```text
//! D_i = Σ_k V_ik² / μ_k  (1 if the diagonal is not scaled)
//! C* = D^−½ V diag(1/μ) V' D^−½,    C*⁻¹ = D^½ V diag(μ) V' D^½
//! Σ  = C* ∘ (1/d)(1/d)',            Σ⁻¹  = C*⁻¹ ∘ d d'
//! ```
//! mean(1/μ) = mean(1/d²) = 1, so Σ has trace n: the network does not determine the overall level of risk.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.

use crate::linalg::Matrix;
use crate::linalg::dense::{View, symmetric_product};
use crate::nn::decomposition::Decomposition;
use crate::nn::float::Float;
use crate::nn::weights::Diagonal;

/// The cleaned matrices (n x n) of one sample.
pub struct Reconstruction {
    /// The cleaned correlation matrix C*.
    pub correlation: Matrix,
    /// The cleaned covariance matrix Σ, with trace n.
    pub covariance: Matrix,
    /// The cleaned precision matrix Σ⁻¹.
    pub precision: Matrix,
}

pub(super) fn reconstruction<F: Float>(
    sample: &Decomposition<F>,
    inverse_eigenvalues: &[F],
    inverse_volatilities: &[F],
    diagonal: Diagonal,
) -> Reconstruction {
    let cleaned: Vec<F> = inverse_eigenvalues.iter().map(|mu| F::of(1.0) / *mu).collect();
    let correlation = spectral(sample, &cleaned);
    let d_root: Vec<f64> = match diagonal {
        Diagonal::Unit => correlation.diagonal().iter().map(|d| d.sqrt()).collect(),
        Diagonal::AsCleaned => vec![1.0; sample.n()],
    };
    let d: Vec<f64> = inverse_volatilities.iter().map(|d| d.value()).collect();
    // A single factor per entry, symmetric in i and j, keeps the matrices exactly symmetric.
    let scaled = |matrix: Matrix, by: &[f64]| matrix.map(|i, j, x| x * (by[i] * by[j]));
    let each = |f: fn(f64, f64) -> f64| -> Vec<f64> { d_root.iter().zip(&d).map(|(root, d)| f(*root, *d)).collect() };
    let correlation = scaled(correlation, &each(|root, _| 1.0 / root));
    Reconstruction {
        covariance: scaled(correlation.clone(), &each(|_, d| 1.0 / d)),
        precision: scaled(spectral(sample, inverse_eigenvalues), &each(|root, d| root * d)),
        correlation,
    }
}

/// V diag(f) V', with the value `f[0]` on the null space.
fn spectral<F: Float>(sample: &Decomposition<F>, f: &[F]) -> Matrix {
    let (n, rank) = (sample.n(), sample.rank());
    let null = if rank < n { f[0] } else { F::of(0.0) };
    let mut scaled = sample.basis.clone();
    for (row, f) in scaled.chunks_exact_mut(n).zip(&f[n - rank..]) {
        row.iter_mut().for_each(|x| *x *= *f - null);
    }
    let mut out = vec![F::of(0.0); n * n];
    let (basis, scaled) = (View::rows(&sample.basis, rank, n), View::rows(&scaled, rank, n));
    symmetric_product(&mut out, basis.transposed(), scaled, F::of(1.0));
    (0..n).for_each(|i| out[i * n + i] += null);
    Matrix::from_column_major(n, n, out.into_iter().map(|x| x.value()).collect())
}
