//! GARCH(1,1) about zero: the mean of the forecasts of the days for which a portfolio is held.
//!
//! Bollerslev (1986); the fit is that of [`Garch`].
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,volatility=garch")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use rayon::prelude::*;

use crate::error::Result;
use crate::estimators::volatility::Volatility;
use crate::estimators::{Garch, Window};
use crate::linalg::Repair;
use crate::registry::Part;

/// The mean of the forecasts of some days.
#[derive(Clone, Copy, Debug)]
pub struct GarchVolatility {
    /// Number of days.
    pub horizon: usize,
}

impl Volatility for GarchVolatility {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let returns = window.returns();
        let forecast = |asset: usize| {
            let returns = returns.column(asset);
            let (garch, converged) = Garch::fit(returns);
            let first = garch.variances(returns)[returns.len()];
            let next = |h: &f64| Some(garch.omega + (garch.alpha + garch.beta) * h);
            let days = std::iter::successors(Some(first), next).take(self.horizon);
            (days.sum::<f64>() / self.horizon as f64, converged)
        };
        let forecasts: Vec<(f64, bool)> = (0..window.n_assets()).into_par_iter().map(forecast).collect();
        let count = forecasts.iter().filter(|(_, converged)| !converged).count();
        let repair = Repair { what: "garch_fallback".to_string(), count };
        Ok((forecasts.into_iter().map(|(variance, _)| variance).collect(), (count > 0).then_some(repair)))
    }
}

pub(super) fn build(part: &Part, horizon: usize) -> Result<Box<dyn Volatility>> {
    part.without_parameters()?;
    Ok(Box::new(GarchVolatility { horizon }))
}
