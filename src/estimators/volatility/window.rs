//! The sample variance of the window: means removed, divisor T − 1.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,volatility=window")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::Window;
use crate::estimators::volatility::Volatility;
use crate::linalg::Repair;
use crate::registry::Part;

/// The sample variance.
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowVolatility;

impl Volatility for WindowVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        Ok((window.volatilities().iter().map(|sd| sd * sd).collect(), None))
    }
}

pub(super) fn build(part: &Part, _: usize) -> Result<Box<dyn Volatility>> {
    part.without_parameters()?;
    Ok(Box::new(WindowVolatility))
}
