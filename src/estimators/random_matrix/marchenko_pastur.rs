//! The Marčenko–Pastur law: the eigenvalue density of pure noise.
//!
//! ```text
//! p(x) = √((x₊ − x)(x − x₋)) / (2π q σ² x),   x± = σ² (1 ± √q)²,   q = n/T ≤ 1
//! ```
//! Marčenko, Pastur (1967), "Distribution of eigenvalues for some sets of random matrices".

use std::f64::consts::PI;

/// The edges x₋ and x₊ of the support.
pub(in crate::estimators) fn edges(q: f64, variance: f64) -> (f64, f64) {
    (variance * (1.0 - q.sqrt()).powi(2), variance * (1.0 + q.sqrt()).powi(2))
}

/// The density at x.
pub(in crate::estimators) fn density(x: f64, q: f64, variance: f64) -> f64 {
    let (low, high) = edges(q, variance);
    ((high - x) * (x - low)).max(0.0).sqrt() / (2.0 * PI * q * variance * x)
}

/// The median for unit variance.
///
/// With x = centre − radius cos φ the density has no infinite slope at the edges, so the midpoint rule in φ converges
/// quickly. The median is found by interpolation.
pub(in crate::estimators) fn median(q: f64) -> f64 {
    const STEPS: usize = 20_000;
    let (low, high) = edges(q, 1.0);
    let (centre, radius) = ((high + low) / 2.0, (high - low) / 2.0);
    let step = PI / STEPS as f64;
    let x = |k: f64| centre - radius * (k * step).cos();
    let mass = |k: f64| density(x(k), q, 1.0) * radius * (k * step).sin() * step;
    let mut below = 0.0;
    for k in 0..STEPS {
        let middle = mass(k as f64 + 0.5);
        if below + middle >= 0.5 {
            return x(k as f64 + (0.5 - below) / middle);
        }
        below += middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_square_case_matches_a_published_value() {
        // Gavish and Donoho (2014): for β = 1 the median of the law is 0.6528.
        assert!((median(1.0) - 0.6528).abs() < 1e-3, "{}", median(1.0));
        assert!((median(1e-6) - 1.0).abs() < 1e-3);
    }
}
