//! Analytical nonlinear shrinkage: a kernel estimate of the spectral density and its Hilbert transform.
//!
//! ```text
//! l_i the m = min(n, N) non-null eigenvalues,  c = n/N,  h = N^(−1/3),  z_ij = (l_i − l_j)/(h l_j)
//! f_i   = mean_j  3/(4√5) max(0, 1 − z²/5) / (h l_j)
//! H(z)  = [ −3z/10 + (3/(4√5)) (1 − z²/5) ln|(√5 − z)/(√5 + z)| ] / π
//! F_i   = mean_j H(z_ij) / (h l_j)
//! n ≤ N:  δ_i = l_i / [ (π c l_i f_i)² + (1 − c − π c l_i F_i)² ]
//! n > N:  δ_i = 1 / (π² l_i (f_i² + F_i²)),   δ_0 = 1 / (π (c−1) F_0) for the null ones,
//!         F_0 = (1/π) [ 3/(10h²) + 3/(4√5 h) (1 − 1/(5h²)) ln((1+√5h)/(1−√5h)) ] mean_j 1/l_j
//! ```
//! H is a difference of terms of size z that cancel to order 1/z. With a large market eigenvalue z reaches 1e8 and
//! the formula loses every digit in doubles, so beyond |z| = 12 its series is used:
//!
//! ```text
//! H(z) = −(1/π) Σ_{r≥0} 3·5^r / ((2r+1)(2r+3)) · z^(−2r−1)
//! ```
//! The trace is not restored. F_0 exists for √5 h < 1, that is, from twelve observations on.
//! Ledoit, Wolf (2020), "Analytical nonlinear shrinkage of large-dimensional covariance matrices", section 4.7.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::AnalyticalShrinkage;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = RotationInvariant::on_covariance(AnalyticalShrinkage, Centring::Mean).estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use std::f64::consts::PI;

use crate::error::{Error, Result};
use crate::estimators::rotation_invariant::{of_covariance, split_null};
use crate::estimators::{Calibration, CovarianceEstimator, EigenvalueCleaner};
use crate::linalg::{Real, sum_of_pairs, vectorised};
use crate::registry::Choice;

/// Analytical nonlinear shrinkage.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnalyticalShrinkage;

const ROOT5: f64 = 2.236_067_977_499_79;
/// 3 / (4 √5).
const HEIGHT: f64 = 0.335_410_196_624_968_46;
/// |z| from which the series is accurate to fifteen digits with [`TERMS`] terms.
const FAR: f64 = 12.0;
const TERMS: usize = 12;

/// 3·5^r / ((2r+1)(2r+3)).
const SERIES: [f64; TERMS] = {
    let mut series = [0.0; TERMS];
    let (mut r, mut power) = (0, 3.0);
    while r < TERMS {
        series[r] = power / ((2 * r + 1) * (2 * r + 3)) as f64;
        power *= 5.0;
        r += 1;
    }
    series
};

vectorised! {
    /// Σ_j π H(z_j)/(h l_j) over far eigenvalues, by the series.
    fn far_sum<F: Real>(eigenvalues: &[F], scales: &[F], l: F) -> F {
        sum_of_pairs(eigenvalues, scales, |eigenvalue, scale| {
            let inverse = F::of(1.0) / ((l - eigenvalue) * scale);
            let square = inverse * inverse;
            let mut series = F::of(0.0);
            let mut r = TERMS;
            while r > 0 {
                r -= 1;
                series = series.fma(square, F::of(SERIES[r]));
            }
            F::of(0.0) - series * inverse * scale
        })
    }
}

vectorised! {
    /// Σ_j kernel(z_j)/(h l_j) and Σ_j π H(z_j)/(h l_j) over the near eigenvalues. At |z| = √5 the logarithm would be
    /// infinite and its factor zero; our logarithm is finite there.
    fn near_sums<F: Real>(eigenvalues: &[F], scales: &[F], l: F) -> (F, F) {
        let (height, root, fifth) = (F::of(HEIGHT), F::of(ROOT5), F::of(0.2));
        let bump = |z: F| F::of(1.0) - z * z * fifth;
        let density = sum_of_pairs(eigenvalues, scales, |eigenvalue, scale| {
            bump((l - eigenvalue) * scale).at_least(F::of(0.0)) * scale
        });
        let transform = sum_of_pairs(eigenvalues, scales, |eigenvalue, scale| {
            let z = (l - eigenvalue) * scale;
            let logarithm = ((root - z) / (root + z)).magnitude().logarithm();
            (height * bump(z) * logarithm - F::of(0.3) * z) * scale
        });
        (height * density, transform)
    }
}

impl EigenvalueCleaner for AnalyticalShrinkage {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        let (n_null, positive) = split_null("nls_analytical", eigenvalues, n_observations)?;
        let m = positive.len() as f64;
        let c = eigenvalues.len() as f64 / n_observations;
        let h = n_observations.powf(-1.0 / 3.0);
        let mut cleaned = Vec::with_capacity(eigenvalues.len());
        if n_null > 0 {
            let root = ROOT5 * h;
            if root >= 1.0 {
                let why = format!(
                    "with fewer observations than assets it needs at least 12 of them (one is spent on the mean), \
                     not {n_observations}"
                );
                return Err(Error::Undefined { what: "nls_analytical", why });
            }
            let bracket = 0.3 / (h * h) + HEIGHT / h * (1.0 - 0.2 / (h * h)) * ((1.0 + root) / (1.0 - root)).ln();
            let mean_inverse = positive.iter().map(|l| 1.0 / l).sum::<f64>() / m;
            cleaned.resize(n_null, 1.0 / ((c - 1.0) * bracket * mean_inverse)); // π cancels that of F_0
        }
        let scales: Vec<f64> = positive.iter().map(|l| 1.0 / (h * l)).collect();
        for &l in positive {
            // z falls as l_j grows and stays above −1/h, so the far eigenvalues are the small l_j. Their density is
            // zero.
            let n_far = positive.partition_point(|lj| l - lj > FAR * h * lj);
            let (far, near) = positive.split_at(n_far);
            let (far_scales, near_scales) = scales.split_at(n_far);
            let (density, transform) = near_sums(near, near_scales, l);
            // The transforms already include the factor π of π F.
            let (f, transform) = (PI * density / m, (transform + far_sum(far, far_scales, l)) / m);
            cleaned.push(if n_null == 0 {
                l / ((c * l * f).powi(2) + (1.0 - c - c * l * transform).powi(2))
            } else {
                1.0 / (l * (f * f + transform * transform))
            });
        }
        Ok(cleaned)
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    of_covariance(choice, AnalyticalShrinkage)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// π H(z) by the series and by the closed form.
    fn hilbert(z: f64) -> (f64, f64) {
        // With l_j = 1 and a scale of one, z = l − 1.
        let (far, near) = (far_sum(&[1.0], &[1.0], 1.0 + z), near_sums(&[1.0], &[1.0], 1.0 + z).1);
        (far, near)
    }

    #[test]
    fn series_and_closed_form_meet_where_both_are_accurate() {
        for z in [FAR, -FAR, 1.1 * FAR] {
            let (series, closed) = hilbert(z);
            assert!((series - closed).abs() < 1e-10 * closed.abs(), "{series} against {closed}");
        }
        assert!((hilbert(ROOT5).1 + 0.3 * ROOT5).abs() < 1e-12);
        assert!(hilbert(-ROOT5).1.is_finite());
    }
}
