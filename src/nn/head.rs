//! The cleaner's head: from its outputs to inverse eigenvalues. Also the normalisation of inverses.
//!
//! ```text
//! u_k = softplus(w · o_k + b)
//! x = max(u, ε),  v = n x⁻ᵖ / Σ x⁻ᵖ,  μ = v^(−1/p)
//! ```
//! With p = 1 the cleaned eigenvalues 1/μ = v have mean 1, as those of a correlation matrix. With p = 2 the variances
//! 1/d² have mean 1 ([`super::volatility`]). Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.

use candle_core::{Result, Tensor};

use crate::nn::dense_layer::{Activation, Dense};
use crate::nn::float::Float;
use crate::nn::parameters::Parameters;

pub(super) struct Head(Dense);

impl Head {
    pub fn new(inputs: usize, parameters: &mut Parameters) -> Result<Self> {
        Ok(Self(Dense::new("head", inputs, 1, Activation::Softplus, parameters)?))
    }

    /// u `[batch, n]` from the cleaner's outputs `[batch, n, in]`.
    pub fn forward<F: Float>(&self, outputs: &Tensor) -> Result<Tensor> {
        self.0.forward::<F>(outputs)?.squeeze(2)
    }
}

/// The inverse eigenvalues μ `[batch, n]`, normalised to mean(1/μ) = 1.
pub(super) fn inverse_eigenvalues<F: Float>(u: &Tensor) -> Result<Tensor> {
    let inverse = floored::<F>(u)?.recip()?;
    inverse.broadcast_div(&inverse.mean_keepdim(1)?)?.recip()
}

/// The inverse volatilities d `[batch, n]`, normalised to mean(1/d²) = 1.
pub(super) fn inverse_volatilities<F: Float>(e: &Tensor) -> Result<Tensor> {
    let inverse = floored::<F>(e)?.sqr()?.recip()?;
    inverse.broadcast_div(&inverse.mean_keepdim(1)?)?.sqrt()?.recip()
}

/// The entries max(x, ε).
fn floored<F: Float>(x: &Tensor) -> Result<Tensor> {
    x.maximum(F::FLOOR)
}
