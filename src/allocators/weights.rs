//! Portfolio weights that sum to one.

use crate::error::{Error, Result};

/// Finite weights with sum one; negative ones are short positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights(Vec<f64>);

impl Weights {
    /// Divides raw weights (N) by their sum. Refuses weights that are not finite, or whose sum is zero up to
    /// rounding.
    pub fn normalised(raw: Vec<f64>) -> Result<Self> {
        let sum: f64 = raw.iter().sum();
        let gross: f64 = raw.iter().map(|w| w.abs()).sum();
        if !gross.is_finite() || sum.abs() <= 1e-12 * gross {
            return Err(Error::Undefined { what: "a portfolio", why: format!("its raw weights sum to {sum:e}") });
        }
        Ok(Self(raw.into_iter().map(|w| w / sum).collect()))
    }

    /// The weights (N).
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}
