//! The realised variance of the portfolio, which training minimises.
//!
//! ```text
//! L = n w' Σ_out w,   Σ_out = f U U' / H
//! ```
//! U (n x H) holds the H returns after the decision, demeaned per asset over the H days, and f = 252. The factor n
//! makes universes of different sizes comparable, and f converts L to annual units. Only the H portfolio returns U'w
//! are computed.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918; the demeaned target: (2026), arXiv:2601.07687.

use candle_core::{Result, Tensor};

use crate::nn::scaling::TRADING_DAYS;

/// The loss L `[batch]` from weights `[batch, n]` and future daily returns `[batch, n, H]`.
pub fn realised_variance(weights: &Tensor, future: &Tensor) -> Result<Tensor> {
    let n = weights.dim(1)? as f64;
    let portfolio = future.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?; // [batch, H]
    let demeaned = portfolio.broadcast_sub(&portfolio.mean_keepdim(1)?)?;
    demeaned.sqr()?.mean(1)? * (n * TRADING_DAYS)
}

/// The values n w' Σ w `[batch]` for weights `[batch, n]` and given matrices Σ `[batch, n, n]`.
pub fn variance(weights: &Tensor, covariance: &Tensor) -> Result<Tensor> {
    let n = weights.dim(1)? as f64;
    let w = weights.unsqueeze(2)?;
    covariance.matmul(&w)?.mul(&w)?.sum((1, 2))? * n
}
