//! Conversion to annual units: R = f X with f = 252, the factor itself and not its square root.
//!
//! ```text
//! α R tanhc(β R) = (f α) X tanhc((f β) X)
//! ```
//! The factor is applied to the T lag coefficients instead of the n x T returns, which is the same function.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.

use candle_core::{Result, Tensor};

/// Trading days in a year, the factor in the paper.
pub const TRADING_DAYS: f64 = 252.0;

/// Lag coefficients `[T]` for returns in daily units, computed from those for returns in annual units.
pub(super) fn for_daily_returns(coefficients: &Tensor, factor: f64) -> Result<Tensor> {
    coefficients * factor
}
