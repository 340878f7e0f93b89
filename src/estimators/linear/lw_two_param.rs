//! Linear shrinkage towards a common variance and a common covariance.
//!
//! ```text
//! F = v on the diagonal, b off it;  v = mean_i s_ii,  b = mean_{i≠j} s_ij
//! ρ = [ Σ_ij q_ij − (tr S)² ] / n + [ (1/N) Σ_t ( (Σ_i y_ti)² − Σ_i y_ti² )² − (Σ_{i≠j} s_ij)² ] / (n(n−1))
//! ```
//! q_ij = (1/N) Σ_t y_ti² y_tj²; α = clip((π − ρ)/(Nγ), 0, 1), with π and γ as for `lw_identity`. Ledoit, Wolf
//! (2004a), "Honey, I shrunk the sample covariance matrix"; the two-parameter target as in the authors' `cov2Para`.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::LedoitWolfTwoParameters;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = LedoitWolfTwoParameters(Centring::Mean).estimate(&window)?;
//! assert!((sigma.matrix().trace() / window.covariance(Centring::Mean).trace() - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

use crate::error::Result;
use crate::estimators::linear::{Centred, Moments, day_sums, off_diagonal_sum};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Shrinkage towards a common variance and a common covariance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedoitWolfTwoParameters(pub Centring);

impl CovarianceEstimator for LedoitWolfTwoParameters {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let m = Moments::new(window, self.0);
        let n = window.n_assets() as f64;
        let trace = m.sample.trace();
        let rest = off_diagonal_sum(&m.sample, |_, _, s| s);
        let pairs = (n * (n - 1.0)).max(1.0);
        let (variance, covariance) = (trace / n, rest / pairs);
        let sums = day_sums(m.y, |_, y| y);
        let crossed = m.mean(|t| (sums[t] * sums[t] - m.squares[t]).powi(2));
        let rho = (m.fourth() - trace * trace) / n + (crossed - rest * rest) / pairs;
        m.shrunk(|i, j| if i == j { variance } else { covariance }, rho)
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Centred { centring } = choice.parameters()?;
    Ok(Box::new(LedoitWolfTwoParameters(centring)))
}
