//! Quadratic-inverse shrinkage: a kernel estimate of the optimal inverse eigenvalues.
//!
//! ```text
//! g_j = 1/λ_j over the m = min(n, N) non-null ones,  c = n/N,  h = min(c², c⁻²)^0.35 n^−0.35
//! d_ij = (g_j − g_i)² + h² g_j²
//! θ_i = mean_j g_j (g_j − g_i) / d_ij,   H_i = mean_j h g_j² / d_ij,   A_i = θ_i² + H_i²
//! n ≤ N:  1/δ_i = g_i [ (1−c)² + 2c(1−c) θ_i + c² A_i ]
//! n > N:  δ_0 = 1 / ((c−1) mean_j g_j) for the n−N null ones,  δ_i = 1 / (g_i A_i) for the others
//! δ ← δ Σλ / Σδ
//! ```
//! n assets, N effective observations. The kernel is centred at g_j with bandwidth h g_j and evaluated at g_i.
//! Ledoit, Wolf (2022), "Quadratic shrinkage for large covariance matrices", Bernoulli 28, section 4.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Qis;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_covariance(Qis, Centring::Mean).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! // Eigenvalues of your own, of a matrix estimated from 60 observations.
//! let cleaned = Qis.clean(&[0.2, 0.5, 1.0, 2.3], 60.0)?;
//! assert!(cleaned[0] > 0.2 && cleaned[3] < 2.3);
//! # Ok(())
//! # }
//! ```

use rayon::prelude::*;

use crate::error::Result;
use crate::estimators::rotation_invariant::{of_covariance, split_null};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner};
use crate::linalg::{Real, vectorised};
use crate::registry::Choice;

/// Eigenvalues that a thread takes at once.
const TOGETHER: usize = 64;

/// Quadratic-inverse shrinkage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Qis;

impl EigenvalueCleaner for Qis {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        let mut cleaned = unscaled(eigenvalues, n_observations)?;
        let scale = eigenvalues.iter().sum::<f64>() / cleaned.iter().sum::<f64>();
        cleaned.iter_mut().for_each(|delta| *delta *= scale);
        Ok(cleaned)
    }
}

/// δ before its trace is restored.
pub(in crate::estimators) fn unscaled(eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
    let n_assets = eigenvalues.len();
    let (n_null, positive) = split_null("qis", eigenvalues, n_observations)?;
    let inverse: Vec<f64> = positive.iter().map(|l| 1.0 / l).collect();
    let c = n_assets as f64 / n_observations;
    let h = bandwidth(n_assets, n_observations);

    let mut cleaned = Vec::with_capacity(n_assets);
    if n_null > 0 {
        let mean_inverse = inverse.iter().sum::<f64>() / inverse.len() as f64;
        cleaned.resize(n_null, 1.0 / ((c - 1.0) * mean_inverse));
    }
    let clean = |&g: &f64| {
        let (theta, conjugate) = smoothed(&inverse, g, h);
        let amplitude = theta * theta + conjugate * conjugate;
        if n_null == 0 {
            1.0 / (g * ((1.0 - c).powi(2) + 2.0 * c * (1.0 - c) * theta + c * c * amplitude))
        } else {
            1.0 / (g * amplitude)
        }
    };
    cleaned.par_extend(inverse.par_iter().with_min_len(TOGETHER).map(clean));
    Ok(cleaned)
}

/// The bandwidth h.
pub(in crate::estimators) fn bandwidth(n_assets: usize, n_observations: f64) -> f64 {
    let c = n_assets as f64 / n_observations;
    c.powi(2).min(c.powi(-2)).powf(0.35) * (n_assets as f64).powf(-0.35)
}

/// θ and H at g.
pub(in crate::estimators) fn smoothed(inverse: &[f64], g: f64, h: f64) -> (f64, f64) {
    let (theta, conjugate) = sums(inverse, g, h);
    let n = inverse.len() as f64;
    (theta / n, conjugate / n)
}

vectorised! {
    /// θ and H at g, times their number. Each sum is kept in four lanes, so that the order of addition is fixed.
    fn sums<F: Real>(inverse: &[F], g: F, h: F) -> (F, F) {
        const LANES: usize = 4;
        let mut theta = [F::of(0.0); LANES];
        let mut conjugate = [F::of(0.0); LANES];
        let mut add = |lane: usize, gj: F| {
            let distance = gj - g;
            let weight = gj / (distance * distance + h * h * gj * gj);
            theta[lane] += distance * weight;
            conjugate[lane] += h * gj * weight;
        };
        let (chunks, remainder) = inverse.as_chunks::<LANES>();
        remainder.iter().enumerate().for_each(|(lane, &gj)| add(lane, gj));
        for chunk in chunks {
            chunk.iter().enumerate().for_each(|(lane, &gj)| add(lane, gj));
        }
        (theta.into_iter().sum(), conjugate.into_iter().sum())
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_covariance(choice, Qis)
}
