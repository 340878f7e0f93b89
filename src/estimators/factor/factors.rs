//! The number of factors of a window of returns.
//!
//! ```text
//! marcenko_pastur: eigenvalues of the correlation at or above (1 + √q)²
//! bai_ng:          k = 1 … min(10, n/2, T/2) with the least ln V(k) + k (n+T)/(nT) ln(nT/(n+T))
//! ```
//! V(k) is the mean squared residual of k principal components of the demeaned returns.
//! Bai, Ng (2002), "Determining the number of factors in approximate factor models", criterion IC_p1.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{FactorRule, n_factors};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! assert!(n_factors(NumberOr::Rule(FactorRule::MarcenkoPastur), &window)? >= 1);
//! assert_eq!(n_factors(NumberOr::Number(3.0), &window)?, 3);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::random_matrix::clip::edge;
use crate::estimators::{Centring, Window};
use crate::registry::NumberOr;

/// A rule for the number of factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorRule {
    /// The number of eigenvalues of the correlation at or above the Marčenko–Pastur edge.
    #[default]
    MarcenkoPastur,
    /// The information criterion IC_p1 of Bai and Ng.
    BaiNg,
}

/// Most factors that the criterion considers.
const MOST: usize = 10;

/// The number of factors of a window, as given or by a rule. A rule finds at most min(n, T); fails if more are given.
pub fn n_factors(wanted: NumberOr<FactorRule>, window: &Window) -> Result<usize> {
    let (n, t) = (window.n_assets(), window.n_days());
    let found = match wanted {
        NumberOr::Number(k) if k as usize > n.min(t) => {
            let why = format!("{k} factors of {n} assets and {t} days");
            return Err(Error::Undefined { what: "a factor model", why });
        }
        NumberOr::Number(k) => k as usize,
        NumberOr::Rule(FactorRule::MarcenkoPastur) => {
            let (eigenvalues, _) = window.correlation_spectrum()?;
            let edge = edge(n as f64 / window.count());
            eigenvalues.iter().filter(|l| **l >= edge).count()
        }
        NumberOr::Rule(FactorRule::BaiNg) => {
            let (eigenvalues, _) = window.covariance_spectrum(Centring::MeanMaximumLikelihood)?;
            let (n_assets, n_days) = (n as f64, window.count());
            let sizes = (n_assets + n_days) / (n_assets * n_days);
            let penalty = sizes * (1.0 / sizes).ln();
            let residual = |k: usize| eigenvalues[..n - k].iter().sum::<f64>() / n as f64;
            let criterion = |k: usize| residual(k).ln() + k as f64 * penalty;
            let most = MOST.min(n.min(t) / 2);
            // With as many components as assets the residual vanishes and the logarithm is unbounded, hence the limit
            // n/2.
            (1..=most).min_by(|a, b| criterion(*a).total_cmp(&criterion(*b))).unwrap_or(0)
        }
    };
    Ok(found.min(n).min(t))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Matrix;

    #[test]
    fn both_rules_find_the_factors_of_a_simulated_panel() {
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / 2f64.powi(53) - 0.5
        };
        let (n, t, k) = (60, 300, 3);
        let factors = Matrix::from_fn(t, k, |_, _| noise());
        let loadings = Matrix::from_fn(k, n, |_, _| 2.0 * noise());
        let common = factors.product(&loadings);
        let window = Window::new(common.map(|_, _, x| x + noise())).unwrap();
        for rule in [FactorRule::MarcenkoPastur, FactorRule::BaiNg] {
            assert_eq!(n_factors(NumberOr::Rule(rule), &window).unwrap(), k, "{rule:?}");
        }
    }
}
