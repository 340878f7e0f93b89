//! The cleaner's input at each eigenvalue: the eigenvalue itself, and features of the problem's shape.
//!
//! ```text
//! [λ_k, q = n/T, √n, √T, 1/√T]    the configured ones, always in this order
//! ```
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918 (λ, q); (2026), arXiv:2607.23068 (λ, q, √n, √T).

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::nn::float::Float;

/// A number that every token has besides its eigenvalue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The ratio n / T.
    Q,
    /// The root √n.
    SqrtN,
    /// The root √T.
    SqrtT,
    /// The inverse root 1 / √T.
    InverseSqrtT,
}

impl Feature {
    pub(crate) fn value(self, n_assets: usize, n_days: f64) -> f64 {
        let (n, t) = (n_assets as f64, n_days);
        match self {
            Feature::Q => n / t,
            Feature::SqrtN => n.sqrt(),
            Feature::SqrtT => t.sqrt(),
            Feature::InverseSqrtT => 1.0 / t.sqrt(),
        }
    }
}

/// Tokens `[batch, n, 1 + features]` from eigenvalues `[batch, n]`.
pub(super) fn tokens<F: Float>(eigenvalues: &Tensor, features: &[Feature], n_days: f64) -> Result<Tensor> {
    let (batch, n) = eigenvalues.dims2()?;
    let eigenvalues = eigenvalues.unsqueeze(2)?;
    if features.is_empty() {
        return Ok(eigenvalues);
    }
    let values: Vec<F> = features.iter().map(|feature| F::of(feature.value(n, n_days))).collect();
    let values = Tensor::from_vec(values, (1, 1, features.len()), eigenvalues.device())?;
    Tensor::cat(&[&eigenvalues, &values.broadcast_as((batch, n, features.len()))?], 2)
}
