//! Principal orthogonal complement thresholding: k principal components plus a sparse residual covariance.
//!
//! ```text
//! U = Y − its first k principal components,  S_u = U'U/T,  ω = 1/√n + √(ln n / T)
//! adaptive:     entry s of S_u is thresholded at τ_ij = C ω sd_t(u_ti u_tj)
//! correlation:  entry of the correlation of U is thresholded at C ω
//! soft: sign(s) max(|s| − τ, 0);   hard: s where |s| > τ;
//! scad: soft up to |s| = 2τ, ((a−1) s − sign(s) a τ)/(a−2) up to |s| = a τ, s beyond;  a = 3.7
//! Σ = L_k + thresholded S_u
//! ```
//! The diagonal is never thresholded. If the result is not positive definite, C is raised by a quarter at a time
//! until it is; the steps are counted as `threshold_raised`. With `repair = false` the matrix is left as it is.
//! Fan, Liao, Mincheva (2013), "Large covariance estimation by thresholding principal orthogonal complements",
//! sections 2.3 and 4.1; SCAD: Fan, Li (2001), equation 2.8.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Poet, Threshold, ThresholdRule};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let poet = Poet::new(NumberOr::Number(3.0), 0.5, Threshold::Adaptive, ThresholdRule::Soft)?;
//! let sigma = poet.estimate(&window)?;
//! assert!(sigma.repairs().iter().all(|repair| repair.what == "threshold_raised"));
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::factor::factors::{FactorRule, n_factors};
use crate::estimators::factor::pca_k::low_rank;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Cholesky, Covariance, Matrix};
use crate::registry::{Choice, NumberOr, check};

/// The matrix that is thresholded, and the unit of the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// The residual covariance; the unit of each entry is the standard deviation of its products of residuals.
    #[default]
    Adaptive,
    /// The residual correlation, with the same threshold for all entries.
    Correlation,
}

/// How an entry is thresholded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdRule {
    /// Entries move towards zero by τ.
    #[default]
    Soft,
    /// Entries of size up to τ become zero.
    Hard,
    /// The smoothly clipped absolute deviation: soft for small entries, none for large ones.
    Scad,
}

/// The a of SCAD (Fan and Li 2001).
const SCAD: f64 = 3.7;

impl ThresholdRule {
    fn apply(self, s: f64, tau: f64) -> f64 {
        let soft = s.signum() * (s.abs() - tau).max(0.0);
        match self {
            ThresholdRule::Soft => soft,
            ThresholdRule::Hard => {
                if s.abs() > tau {
                    s
                } else {
                    0.0
                }
            }
            ThresholdRule::Scad if s.abs() < 2.0 * tau => soft,
            ThresholdRule::Scad if s.abs() < SCAD * tau => ((SCAD - 1.0) * s - s.signum() * SCAD * tau) / (SCAD - 2.0),
            ThresholdRule::Scad => s,
        }
    }
}

/// Principal components plus a thresholded residual covariance.
#[derive(Clone, Copy, Debug)]
pub struct Poet {
    factors: NumberOr<FactorRule>,
    constant: f64,
    threshold: Threshold,
    rule: ThresholdRule,
    repair: bool,
}

/// Most steps of the repair; a threshold raised by 1.25^60 removes every entry.
const STEPS: usize = 60;

impl CovarianceEstimator for Poet {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n, t) = (window.n_assets() as f64, window.count());
        let k = n_factors(self.factors, window)?;
        let common = low_rank(window, k)?;
        let sample = window.covariance(Centring::MeanMaximumLikelihood);
        let residual = sample.map(|i, j, s| s - common[(i, j)]);
        let scale = self.scale(window, k, &residual)?;
        let rate = 1.0 / n.sqrt() + (n.ln() / t).sqrt();
        let mut constant = self.constant;
        for step in 0..=STEPS {
            let entry = |i, j, s: f64| {
                let kept = if i == j { s } else { self.rule.apply(s, constant * rate * scale[(i, j)]) };
                kept + common[(i, j)]
            };
            let sigma = residual.clone().map(entry);
            if !self.repair || step == STEPS || Cholesky::new(&sigma).is_ok() {
                return Ok(Covariance::new(sigma)?.repaired("threshold_raised", step));
            }
            constant *= 1.25;
        }
        unreachable!("the last step returns")
    }
}

impl Poet {
    /// Refuses a number of factors that is not a whole number from 0 on, and a constant C that is not above 0. A
    /// matrix that is not positive definite will be repaired.
    pub fn new(
        factors: NumberOr<FactorRule>,
        constant: f64,
        threshold: Threshold,
        rule: ThresholdRule,
    ) -> Result<Self> {
        factors.check_count(0, "poet.factors", "a rule or a count")?;
        check(constant > 0.0 && constant.is_finite(), "poet.constant", "above 0", constant)?;
        Ok(Self { factors, constant, threshold, rule, repair: true })
    }

    /// The same estimator without the repair of a matrix that is not positive definite.
    pub fn without_repair(self) -> Self {
        Self { repair: false, ..self }
    }

    /// The unit of the threshold of each entry (n × n).
    fn scale(&self, window: &Window, k: usize, residual: &Matrix) -> Result<Matrix> {
        let n = window.n_assets();
        match self.threshold {
            Threshold::Correlation => {
                let sd: Vec<f64> = residual.diagonal().iter().map(|s| s.max(0.0).sqrt()).collect();
                Ok(Matrix::from_fn(n, n, |i, j| sd[i] * sd[j]))
            }
            Threshold::Adaptive => {
                let t = window.divisor(Centring::MeanMaximumLikelihood);
                let squares = residuals(window, k)?.map(|_, _, u| u * u);
                let squares = match window.weights() {
                    None => squares.gram(),
                    Some(weights) => squares.weighted_gram(weights),
                };
                let deviation = |i: usize, j: usize| {
                    let spread = (squares[(i, j)] - t * residual[(i, j)].powi(2)).max(0.0);
                    (spread / (t - 1.0)).sqrt()
                };
                Ok(Matrix::from_fn(n, n, deviation))
            }
        }
    }
}

/// The residuals U (T × n).
fn residuals(window: &Window, k: usize) -> Result<Matrix> {
    let y = window.centred(Centring::Mean);
    let (_, spectrum) = window.covariance_spectrum(Centring::Mean)?;
    let n = window.n_assets();
    let top: Vec<f64> = (n - k..n).flat_map(|index| spectrum.eigenvectors.column(index).to_vec()).collect();
    let top = Matrix::from_column_major(n, k, top);
    let fitted = y.product(&top).product(&top.transposed());
    Ok(y.clone().map(|t, i, y| y - fitted[(t, i)]))
}

/// Parameters of `poet`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    factors: NumberOr<FactorRule>,
    constant: f64,
    threshold: Threshold,
    rule: ThresholdRule,
    repair: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        let factors = NumberOr::Rule(FactorRule::MarcenkoPastur);
        Self { factors, constant: 0.5, threshold: Threshold::Adaptive, rule: ThresholdRule::Soft, repair: true }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { factors, constant, threshold, rule, repair } = choice.parameters()?;
    let poet = Poet::new(factors, constant, threshold, rule)?;
    Ok(Box::new(Poet { repair, ..poet }))
}
