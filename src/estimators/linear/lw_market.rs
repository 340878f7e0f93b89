//! Linear shrinkage towards a one-factor model whose factor is the mean return of all assets.
//!
//! ```text
//! m_t = mean_i y_ti,  c = Y'm/N,  w = m'm/N
//! F = s_ii on the diagonal, c_i c_j / w off it
//! ρ = Σ_i [ (1/N) Σ_t y_ti⁴ − s_ii² ] + (2/w) Σ_{i≠j} a_ij c_j − (1/w²) Σ_{i≠j} b_ij c_i c_j
//! a_ij = (1/N) Σ_t y_ti² y_tj m_t − c_i s_ij,   b_ij = (1/N) Σ_t y_ti y_tj m_t² − w s_ij
//! ```
//! α = clip((π − ρ)/(Nγ), 0, 1), with π and γ as for `lw_identity`. Ledoit, Wolf (2003), "Improved estimation of the
//! covariance matrix of stock returns", section 2.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::LedoitWolfMarket;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = LedoitWolfMarket(Centring::Mean).estimate(&window)?;
//! assert!((sigma.volatilities()[0] / window.volatilities()[0] - 1.0).abs() < 1e-12); // variances stay
//! # Ok(())
//! # }
//! ```

use crate::error::{Error, Result};
use crate::estimators::linear::{Centred, Moments, day_sums, off_diagonal_sum};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::Covariance;
use crate::registry::Choice;

/// Shrinkage towards a one-factor model.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedoitWolfMarket(pub Centring);

impl CovarianceEstimator for LedoitWolfMarket {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let x = Moments::new(window, self.0);
        let n = window.n_assets() as f64;
        let m: Vec<f64> = day_sums(x.y, |_, y| y / n);
        let w = x.mean(|t| m[t] * m[t]);
        if w <= 1e-14 * x.sample.trace() / n {
            let why = "the mean return of all assets is constant".to_string();
            return Err(Error::Undefined { what: "lw_market", why });
        }
        let loading = |column: &[f64]| x.mean(|t| column[t] * m[t]);
        let c: Vec<f64> = x.y.columns().map(loading).collect();
        let variances = x.sample.diagonal();

        // On each day the sums over i ≠ j are products of sums less their diagonal.
        let weighted = day_sums(x.y, |j, y| y * c[j]);
        let weighted_cubes = day_sums(x.y, |i, y| y.powi(3) * c[i]);
        let weighted_squares = day_sums(x.y, |i, y| (y * c[i]).powi(2));
        let products = off_diagonal_sum(&x.sample, |i, j, s| c[i] * c[j] * s);
        let a = x.mean(|t| m[t] * (x.squares[t] * weighted[t] - weighted_cubes[t])) - products;
        let b = x.mean(|t| m[t] * m[t] * (weighted[t] * weighted[t] - weighted_squares[t])) - w * products;
        let own = x.own_fourth() - variances.iter().map(|s| s * s).sum::<f64>();
        let rho = own + 2.0 / w * a - b / (w * w);
        x.shrunk(|i, j| if i == j { variances[i] } else { c[i] * c[j] / w }, rho)
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Centred { centring } = choice.parameters()?;
    Ok(Box::new(LedoitWolfMarket(centring)))
}
