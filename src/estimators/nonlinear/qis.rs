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
//! With `kappa` the eigenvalues go more or less far: λ_i + κ (δ_i − λ_i). κ = 0 is the sample and κ = 1 is QIS; whoever learns κ should
//! do better than the best constant. Beyond QIS eigenvalues could cross and become negative: for κ > 1 they stay on their side of the
//! level where δ = λ, and one below its lower neighbour takes the next value above that is not.
//! De Nard, Kostovic (2026), "AI shrinkage", Journal of Financial Econometrics; what to do about crossings follows their description.
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
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::rotation_invariant::{RotationInvariant, split_null};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, EigenvalueCleaner};
use crate::linalg::{Real, vectorised};
use crate::registry::{Choice, check};

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

/// A constant multiple κ of the step from the sample eigenvalues to those of QIS.
#[derive(Clone, Copy, Debug)]
struct Multiple(f64);

impl EigenvalueCleaner for Multiple {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        let delta = Qis.clean(eigenvalues, n_observations)?;
        let step = |(lambda, delta): (&f64, &f64)| lambda + self.0 * (delta - lambda);
        let mut cleaned: Vec<f64> = eigenvalues.iter().zip(&delta).map(step).collect();
        if self.0 > 1.0 {
            separate(&mut cleaned, eigenvalues, &delta);
        }
        Ok(cleaned)
    }
}

/// Keeps values on their side of the level where δ = λ, and in ascending order.
fn separate(cleaned: &mut [f64], lambda: &[f64], delta: &[f64]) {
    let above = (0..lambda.len()).find(|&i| delta[i] < lambda[i]).unwrap_or(lambda.len());
    let level = match above {
        0 => lambda[0],
        _ if above == lambda.len() => lambda[above - 1],
        _ => {
            // δ − λ changes its sign on the way from one eigenvalue to the next.
            let (before, after) = (delta[above - 1] - lambda[above - 1], lambda[above] - delta[above]);
            let share = before / (before + after);
            lambda[above - 1] + share * (lambda[above] - lambda[above - 1])
        }
    };
    cleaned[..above].iter_mut().for_each(|x| *x = x.min(level));
    cleaned[above..].iter_mut().for_each(|x| *x = x.max(level));
    for i in 1..cleaned.len() {
        if cleaned[i] < cleaned[i - 1] {
            let next = cleaned[i..].iter().copied().find(|x| *x >= cleaned[i - 1]);
            cleaned[i] = next.unwrap_or(cleaned[i - 1]);
        }
    }
}

/// Parameters of `qis`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    centring: Centring,
    kappa: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { centring: Centring::Mean, kappa: 1.0 }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { centring, kappa } = choice.parameters()?;
    check(kappa > 0.0 && kappa <= 4.0, "qis.kappa", "in (0, 4]", kappa)?;
    Ok(match kappa == 1.0 {
        true => Box::new(RotationInvariant::on_covariance(Qis, centring)),
        false => Box::new(RotationInvariant::on_covariance(Multiple(kappa), centring)),
    })
}
