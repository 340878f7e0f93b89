//! A statistical factor model: k principal components plus the residual variances.
//!
//! ```text
//! Σ = L_k + diag(S − L_k),   L_k = Σ_{i ≤ k} λ_i v_i v_i' of the k largest eigenvalues of S = Y'Y/T
//! ```
//! k is given, or the number of eigenvalues of the correlation at or above (1 + √q)², or found by Bai and Ng's (2002)
//! criterion IC_p1.
//! Connor, Korajczyk (1986), "Performance measurement with the arbitrage pricing theory".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::PrincipalComponents;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = PrincipalComponents::new(NumberOr::Number(3.0))?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::factor::factors::{FactorRule, n_factors};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, NumberOr};

/// The factor model, by its number of principal components.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalComponents {
    factors: NumberOr<FactorRule>,
}

impl PrincipalComponents {
    /// Refuses a number of factors that is not a whole number from 0 on.
    pub fn new(factors: NumberOr<FactorRule>) -> Result<Self> {
        factors.check_count(0, "pca_k.factors", "a rule or a count")?;
        Ok(Self { factors })
    }
}

/// L_k (n × n).
pub(in crate::estimators) fn low_rank(window: &Window, k: usize) -> Result<Matrix> {
    let (eigenvalues, spectrum) = window.covariance_spectrum(Centring::MeanMaximumLikelihood)?;
    let n = eigenvalues.len();
    // An n × k root of L_k: its product costs k/n of a full one.
    let mut root = Matrix::zeros(k, n);
    for (row, index) in (n - k..n).enumerate() {
        let size = eigenvalues[index].sqrt();
        let vector = spectrum.eigenvectors.column(index);
        (0..n).for_each(|i| root[(row, i)] = size * vector[i]);
    }
    Ok(root.gram())
}

impl CovarianceEstimator for PrincipalComponents {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let k = n_factors(self.factors, window)?;
        let variances = window.covariance(Centring::MeanMaximumLikelihood).diagonal();
        Covariance::new(low_rank(window, k)?.map(|i, j, x| if i == j { variances[i] } else { x }))
    }
}

/// Parameters of `pca_k`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    factors: NumberOr<FactorRule>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { factors: NumberOr::Rule(FactorRule::MarcenkoPastur) }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { factors } = choice.parameters()?;
    Ok(Box::new(PrincipalComponents::new(factors)?))
}
