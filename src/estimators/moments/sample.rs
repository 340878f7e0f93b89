//! The sample covariance.
//!
//! ```text
//! S = Y'Y / N,  Y = X − means,  N = T − 1
//! ```
//! Singular for at least as many assets as days; the minimum-variance portfolio is then undefined.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::Sample;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sample = Sample(Centring::Mean).estimate(&window)?;
//! assert_eq!(sample.volatilities(), window.volatilities());
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::{Calibration, Centred, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// The sample covariance with a choice of centring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample(pub Centring);

impl CovarianceEstimator for Sample {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        Covariance::new(window.covariance(self.0))
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Centred { centring } = choice.parameters()?;
    Ok(Box::new(Sample(centring)))
}
