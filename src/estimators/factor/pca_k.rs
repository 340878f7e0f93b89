//! A statistical factor model: k principal components and the variances they leave.
//!
//! ```text
//! Σ = L_k + diag(S − L_k),   L_k = Σ_{i ≤ k} λ_i v_i v_i' of the k largest eigenvalues of S = Y'Y/T
//! ```
//! Connor, Korajczyk (1986), "Performance measurement with the arbitrage pricing theory"; k as given, or the number of
//! eigenvalues of the correlation above (1 + √q)², or by Bai and Ng's (2002) criterion IC_p1.
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

/// Principal components and their number.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrincipalComponents {
    factors: NumberOr<FactorRule>,
}

impl PrincipalComponents {
    /// Checks that a number of factors is a count.
    pub fn new(factors: NumberOr<FactorRule>) -> Result<Self> {
        factors.check_count(0, "pca_k.factors", "a rule or a count")?;
        Ok(Self { factors })
    }
}

impl Default for PrincipalComponents {
    fn default() -> Self {
        Self { factors: NumberOr::Rule(FactorRule::MarcenkoPastur) }
    }
}

/// L_k.
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

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let PrincipalComponents { factors } = choice.parameters()?;
    Ok(Box::new(PrincipalComponents::new(factors)?))
}
