//! Rotation-invariant estimator of Bun, Bouchaud and Potters: the oracle eigenvalues through the Stieltjes transform,
//! and a correction that raises small eigenvalues.
//!
//! ```text
//! z_k = λ_k − i/√n,   s_k = (1/n) Σ_{j≠k} 1/(z_k − λ_j),   ξ_k = λ_k / |1 − q + q z_k s_k|²,   result ξ_k max(1, Γ_k)
//!
//! rie:     σ² = λ_1/(1−√q)²,  λ₊ = λ_1 ((1+√q)/(1−√q))²
//!          g(z) = [ z + σ²(q−1) − √(z−λ_1) √(z−λ₊) ] / (2 q z σ²),   Γ_k = σ² |1 − q + q z_k g(z_k)|² / λ_k
//! rie_iw:  κ = 2λ_1 / ((1−q−λ_1)² − 4qλ_1),  a = 1/(1+2qκ),  λ± = [ (1+q)κ + 1 ± √((2κ+1)(2qκ+1)) ] / κ
//!          g(z) = [ z(1+κ) − κ(1−q) − κ √(z−λ₊) √(z−λ₋) ] / ( z (z+2qκ) )
//!          Γ_k = |1 − q + q z_k g(z_k)|² (1 + a(λ_k−1)) / λ_k;   Γ = 1 unless λ_1 < (1−√q)²
//! ```
//! The term j = k is left out of s_k. Each root is taken on its principal branch: √a √b, not √(ab). The reference
//! spectrum that defines Γ is white noise (`rie`) or inverse Wishart (`rie_iw`). q = n/T < 1.
//! Bun, Bouchaud, Potters (2016), "Cleaning correlation matrices", Risk; (2017), "Cleaning large correlation
//! matrices: tools from random matrix theory", sections 6 and 8.1.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Rie;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! for noise in [Rie::White, Rie::InverseWishart] {
//!     let sigma = RotationInvariant::on_correlation(noise, Diagonal::Reset).estimate(&window)?;
//!     assert_eq!(sigma.n_assets(), 20);
//! }
//! # Ok(())
//! # }
//! ```

use num_complex::Complex64 as Complex;

use crate::error::Result;
use crate::estimators::rotation_invariant::{of_correlation, require_more_days};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner};
use crate::registry::Choice;

/// The rotation-invariant estimator; the variant is the reference spectrum of its correction Γ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rie {
    /// White noise: Marčenko and Pastur.
    White,
    /// An inverse-Wishart population.
    InverseWishart,
}

impl EigenvalueCleaner for Rie {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("rie", eigenvalues, n_observations)?;
        let n = eigenvalues.len() as f64;
        let q = n / n_observations;
        let least = eigenvalues[0];
        let correction: Box<dyn Fn(Complex, f64) -> f64> = match self {
            Rie::White => {
                let sigma2 = least / (1.0 - q.sqrt()).powi(2);
                let edge = least * ((1.0 + q.sqrt()) / (1.0 - q.sqrt())).powi(2);
                Box::new(move |z, lambda| {
                    let g =
                        (z + sigma2 * (q - 1.0) - (z - least).sqrt() * (z - edge).sqrt()) / (z * (2.0 * q * sigma2));
                    sigma2 * (z * g * q + (1.0 - q)).norm_sqr() / lambda
                })
            }
            Rie::InverseWishart if least < (1.0 - q.sqrt()).powi(2) => {
                let kappa = 2.0 * least / ((1.0 - q - least).powi(2) - 4.0 * q * least);
                let a = 1.0 / (1.0 + 2.0 * q * kappa);
                let spread = ((2.0 * kappa + 1.0) * (2.0 * q * kappa + 1.0)).sqrt();
                let [low, high] = [-spread, spread].map(|s| ((1.0 + q) * kappa + 1.0 + s) / kappa);
                Box::new(move |z, lambda| {
                    let root = (z - high).sqrt() * (z - low).sqrt();
                    let g = (z * (1.0 + kappa) - kappa * (1.0 - q) - root * kappa) / (z * (z + 2.0 * q * kappa));
                    (z * g * q + (1.0 - q)).norm_sqr() * (1.0 + a * (lambda - 1.0)) / lambda
                })
            }
            Rie::InverseWishart => Box::new(|_, _| 1.0),
        };
        let shift = 1.0 / n.sqrt();
        let clean = |(k, &lambda): (usize, &f64)| {
            let (before, after) = (&eigenvalues[..k], &eigenvalues[k + 1..]);
            let s = (resolvent(before, lambda, shift) + resolvent(after, lambda, shift)) * (1.0 / n);
            let z = Complex::new(lambda, -shift);
            let xi = lambda / (z * s * q + (1.0 - q)).norm_sqr();
            xi * correction(z, lambda).max(1.0)
        };
        Ok(eigenvalues.iter().enumerate().map(clean).collect())
    }
}

/// Σ_j 1/(λ − i η − λ_j), in lanes that a compiler can vectorise.
fn resolvent(eigenvalues: &[f64], lambda: f64, eta: f64) -> Complex {
    const LANES: usize = 8;
    let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, other: f64| {
        let distance = lambda - other;
        let inverse = 1.0 / (distance * distance + eta * eta);
        re[lane] += distance * inverse;
        im[lane] += eta * inverse;
    };
    let chunks = eigenvalues.chunks_exact(LANES);
    chunks.remainder().iter().enumerate().for_each(|(lane, &other)| add(lane, other));
    chunks.for_each(|chunk| chunk.iter().enumerate().for_each(|(lane, &other)| add(lane, other)));
    Complex::new(re.iter().sum(), im.iter().sum())
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_correlation(choice, Rie::White)
}

pub(in crate::estimators) fn fit_inverse_wishart(
    choice: &Choice,
    _: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    of_correlation(choice, Rie::InverseWishart)
}
