//! The realised variance of the portfolio, the number that training makes small.
//!
//! ```text
//! L = n w' Σ_out w,   Σ_out = f U U' / H
//! ```
//! U (n x H) are the H returns behind the decision, demeaned per asset over the H days, and f = 252. The factor n
//! makes universes of different size comparable, f puts L in annual units. Only the H portfolio returns U'w are formed.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918; the demeaned target: (2026), arXiv:2601.07687.

use candle_core::{Result, Tensor};

use crate::nn::scaling::TRADING_DAYS;

/// L `[batch]` from weights `[batch, n]` and future returns `[batch, n, H]`.
pub fn realised_variance(weights: &Tensor, future: &Tensor) -> Result<Tensor> {
    let n = weights.dim(1)? as f64;
    let portfolio = future.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?; // [batch, H]
    let demeaned = portfolio.broadcast_sub(&portfolio.mean_keepdim(1)?)?;
    demeaned.sqr()?.mean(1)? * (n * TRADING_DAYS)
}

/// n w' Σ w `[batch]` for given matrices Σ `[batch, n, n]`.
pub fn variance(weights: &Tensor, covariance: &Tensor) -> Result<Tensor> {
    let n = weights.dim(1)? as f64;
    let w = weights.unsqueeze(2)?;
    covariance.matmul(&w)?.mul(&w)?.sum((1, 2))? * n
}
