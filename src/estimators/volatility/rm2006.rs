//! The variances of `rm2006`: exponentially weighted variances over fourteen time scales.
//!
//! Zumbach (2007), "The RiskMetrics 2006 methodology".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,volatility=rm2006")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::Window;
use crate::estimators::moments::rm2006;
use crate::estimators::volatility::Volatility;
use crate::linalg::Repair;
use crate::registry::Part;

/// The RiskMetrics 2006 variance.
#[derive(Clone, Copy, Debug, Default)]
pub struct RiskMetricsVolatility;

impl Volatility for RiskMetricsVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let weights = rm2006::weights(window.n_days());
        let variance = |x: &[f64]| x.iter().zip(&weights).map(|(x, w)| w * x * x).sum();
        Ok((window.returns().columns().map(variance).collect(), None))
    }
}

pub(super) fn build(part: &Part, _: usize) -> Result<Box<dyn Volatility>> {
    part.without_parameters()?;
    Ok(Box::new(RiskMetricsVolatility))
}
