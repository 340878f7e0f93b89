//! Linear shrinkage towards a constant correlation.
//!
//! ```text
//! F = s_ii on the diagonal, r σ_i σ_j off it;  r = mean_{i≠j} s_ij / (σ_i σ_j)
//! ρ = Σ_i [ (1/N) Σ_t y_ti⁴ − s_ii² ] + r Σ_{i≠j} (σ_j/σ_i) θ_ij,   θ_ij = (1/N) Σ_t y_ti³ y_tj − s_ii s_ij
//! ```
//! In θ_ij the cube belongs to asset i, hence the ratio σ_j/σ_i; the diagonal of θ is left out. α = clip((π −
//! ρ)/(Nγ), 0, 1), with N, π and γ as for `lw_identity`. Ledoit, Wolf (2004a), "Honey, I shrunk the sample covariance
//! matrix", appendix B.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::LedoitWolfConstantCorrelation;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = LedoitWolfConstantCorrelation(Centring::Mean).estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12); // variances stay
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::linear::{Centred, Moments, day_sums, off_diagonal_sum};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Shrinkage towards a constant correlation.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedoitWolfConstantCorrelation(pub Centring);

impl CovarianceEstimator for LedoitWolfConstantCorrelation {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let m = Moments::new(window, self.0);
        let n = window.n_assets() as f64;
        let variances = m.sample.diagonal();
        let sd: Vec<f64> = variances.iter().map(|s| s.sqrt()).collect();
        let sum = off_diagonal_sum(&m.sample, |i, j, s| s / (sd[i] * sd[j]));
        let r = sum / (n * (n - 1.0)).max(1.0);
        // Σ_{i≠j} (σ_j/σ_i) y_i³ y_j = (Σ_i y_i³/σ_i)(Σ_j σ_j y_j) − Σ_i y_i⁴ on each day.
        let cubes = day_sums(m.y, |i, y| y.powi(3) / sd[i]);
        let weighted = day_sums(m.y, |j, y| sd[j] * y);
        let own = m.own_fourth();
        let theta = m.mean(|t| cubes[t] * weighted[t])
            - own
            - off_diagonal_sum(&m.sample, |i, j, s| sd[j] / sd[i] * variances[i] * s);
        let rho = own - variances.iter().map(|s| s * s).sum::<f64>() + r * theta;
        m.shrunk(|i, j| if i == j { variances[i] } else { r * (sd[i] * sd[j]) }, rho)
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Centred { centring } = choice.parameters()?;
    Ok(Box::new(LedoitWolfConstantCorrelation(centring)))
}
