//! The number of factors of a panel.
//!
//! ```text
//! marcenko_pastur: eigenvalues of the correlation at or above (1 + √q)²
//! bai_ng:          k = 1 … 10 with the least ln V(k) + k (n+T)/(nT) ln(nT/(n+T))
//! ```
//! V(k) is the mean squared residual of k principal components of the demeaned returns.
//! Bai, Ng (2002), "Determining the number of factors in approximate factor models", criterion IC_p1.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::clip::edge;
use crate::estimators::{Centring, Window};
use crate::registry::NumberOr;

/// A rule for the number of factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorRule {
    /// Eigenvalues above the noise.
    #[default]
    MarcenkoPastur,
    /// An information criterion.
    BaiNg,
}

/// Most factors that the criterion looks at.
const MOST: usize = 10;

/// The number of factors of a window, at most n and T.
pub fn n_factors(wanted: NumberOr<FactorRule>, window: &Window) -> Result<usize> {
    let (n, t) = (window.n_assets(), window.n_days());
    let found = match wanted {
        NumberOr::Number(k) => k as usize,
        NumberOr::Rule(FactorRule::MarcenkoPastur) => {
            let (eigenvalues, _) = window.correlation_spectrum()?;
            let edge = edge(n as f64 / t as f64);
            eigenvalues.iter().filter(|l| **l >= edge).count()
        }
        NumberOr::Rule(FactorRule::BaiNg) => {
            let (eigenvalues, _) = window.covariance_spectrum(Centring::MeanMaximumLikelihood)?;
            let sizes = (n + t) as f64 / (n * t) as f64;
            let penalty = sizes * (1.0 / sizes).ln();
            let residual = |k: usize| eigenvalues[..n - k].iter().sum::<f64>() / n as f64;
            let criterion = |k: usize| residual(k).ln() + k as f64 * penalty;
            let most = MOST.min(n.min(t) - 1);
            (1..=most).min_by(|a, b| criterion(*a).total_cmp(&criterion(*b))).unwrap_or(0)
        }
    };
    Ok(found.min(n).min(t))
}
