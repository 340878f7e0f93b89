//! Long-run covariance of a vector series, which determines the uncertainty of its mean.
//!
//! ```text
//! Ψ = T/(T−k) Σ_{|j|<T} K(j/S) Γ_j,   Γ_j = 1/T Σ_t y_t y_{t−j}'
//! Parzen                K(x) = 1 − 6x² + 6|x|³ to ½, 2 (1 − |x|)³ to 1, 0 beyond;   S = 2.6614 (α2 T)^{1/5}
//! quadratic spectral    K(x) = 25/(12π²x²) (sin(6πx/5)/(6πx/5) − cos(6πx/5));       S = 1.3221 (α2 T)^{1/5}
//! α2 = Σ_a 4 ρ_a² σ_a⁴ / (1−ρ_a)⁸  /  Σ_a σ_a⁴ / (1−ρ_a)⁴,   ρ, σ of an AR(1) in each component
//! ```
//! Andrews (1991), "Heteroskedasticity and autocorrelation consistent covariance matrix estimation", equations 2.7, 6.2, 6.4.

use std::f64::consts::PI;

use crate::linalg::Matrix;

/// Kernel that weights the autocovariances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Parzen's kernel, which is zero beyond the bandwidth.
    Parzen,
    /// The quadratic spectral kernel, which weights all lags; optimal by Andrews (1991).
    QuadraticSpectral,
}

impl Kernel {
    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Parzen if x <= 0.5 => 1.0 - 6.0 * x * x + 6.0 * x.powi(3),
            Self::Parzen if x <= 1.0 => 2.0 * (1.0 - x).powi(3),
            Self::Parzen => 0.0,
            Self::QuadraticSpectral if x == 0.0 => 1.0,
            Self::QuadraticSpectral => {
                let z = 6.0 * PI * x / 5.0;
                3.0 / (z * z) * (z.sin() / z - z.cos())
            }
        }
    }

    /// Andrews' bandwidth for the components of a centred series, in days.
    fn bandwidth(self, series: &[Vec<f64>]) -> f64 {
        let (mut numerator, mut denominator) = (0.0, 0.0);
        for values in series {
            let (mut cross, mut square) = (0.0, 0.0);
            for pair in values.windows(2) {
                cross += pair[0] * pair[1];
                square += pair[0] * pair[0];
            }
            // Without the limit, nearly integrated series would need an infinite bandwidth.
            let rho = if square > 0.0 { (cross / square).clamp(-0.97, 0.97) } else { 0.0 };
            let residual = |pair: &[f64]| (pair[1] - rho * pair[0]).powi(2);
            let variance = values.windows(2).map(residual).sum::<f64>() / (values.len() - 1) as f64;
            numerator += 4.0 * rho * rho * variance * variance / (1.0 - rho).powi(8);
            denominator += variance * variance / (1.0 - rho).powi(4);
        }
        let scale = if self == Self::Parzen { 2.6614 } else { 1.3221 };
        let alpha = if denominator > 0.0 { numerator / denominator } else { 0.0 };
        scale * (alpha * series[0].len() as f64).powf(0.2)
    }
}

/// Ψ (k × k) of k series of equal length with mean zero; the bandwidth is Andrews' unless one is given.
pub fn long_run_covariance(series: &[Vec<f64>], kernel: Kernel, bandwidth: Option<f64>) -> Matrix {
    let (k, n_days) = (series.len(), series[0].len());
    let bandwidth = bandwidth.unwrap_or_else(|| kernel.bandwidth(series));
    let lags = if kernel == Kernel::Parzen { (bandwidth.floor() as usize).min(n_days - 1) } else { n_days - 1 };
    let mut psi = Matrix::zeros(k, k);
    for lag in 0..=lags {
        let weight = if lag == 0 { 1.0 } else { kernel.weight(lag as f64 / bandwidth) };
        // Beyond this, the quadratic spectral kernel adds less than rounding.
        if weight.abs() < 1e-6 && lag as f64 > 20.0 * bandwidth {
            continue;
        }
        for a in 0..k {
            for b in 0..k {
                let gamma: f64 = series[a][lag..].iter().zip(&series[b]).map(|(x, y)| x * y).sum();
                psi[(a, b)] += weight * gamma;
                if lag > 0 {
                    psi[(b, a)] += weight * gamma;
                }
            }
        }
    }
    let scale = 1.0 / (n_days - k) as f64;
    Matrix::from_fn(k, k, |a, b| scale * psi[(a, b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_one_at_zero_and_join_at_their_seams() {
        for kernel in [Kernel::Parzen, Kernel::QuadraticSpectral] {
            assert!((kernel.weight(1e-4) - 1.0).abs() < 1e-6);
        }
        assert!((Kernel::Parzen.weight(0.5) - Kernel::Parzen.weight(0.5 + 1e-12)).abs() < 1e-9);
        assert_eq!(Kernel::Parzen.weight(1.5), 0.0);
    }
}
