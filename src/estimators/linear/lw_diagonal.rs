//! Linear shrinkage towards the diagonal.
//!
//! ```text
//! F = diag(S),   ρ = Σ_i [ (1/N) Σ_t y_ti⁴ − s_ii² ]
//! ```
//! α = clip((π − ρ)/(Nγ), 0, 1), with π and γ as for `lw_identity`. Ledoit, Wolf (2004a), "Honey, I shrunk the sample
//! covariance matrix"; the target as in the authors' `covDiag`.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::LedoitWolfDiagonal;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = LedoitWolfDiagonal(Centring::Mean).estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12); // variances stay
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::linear::{Centred, Moments};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Shrinkage towards the diagonal of the sample covariance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedoitWolfDiagonal(pub Centring);

impl CovarianceEstimator for LedoitWolfDiagonal {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let m = Moments::new(window, self.0);
        let variances = m.sample.diagonal();
        let rho = m.own_fourth() - variances.iter().map(|s| s * s).sum::<f64>();
        m.shrunk(|i, j| if i == j { variances[i] } else { 0.0 }, rho)
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Centred { centring } = choice.parameters()?;
    Ok(Box::new(LedoitWolfDiagonal(centring)))
}
