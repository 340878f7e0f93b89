//! Cross-validated eigenvalues: the variance along past eigenvectors on the days after them, averaged by rank.
//!
//! ```text
//! window b:  eigenvectors u_i of the train days, covariance M of the test days after them
//! f_i = mean_b u_i' M u_i,   Σ = Σ_i f_i v_i v_i'  with the eigenvectors v of the whole window
//! ```
//! The windows b slide through the estimation window; their test days do not overlap. An isotonic fit makes f
//! increase with the sample eigenvalue. Means are removed once, from the whole estimation window. If there are fewer
//! train days than assets, the f of the null eigenvectors, whose order is arbitrary, are replaced by their mean.
//! With a memory the train days have its weights, the newest of them the weight of the newest day of a window; test days weigh the
//! same, and v are the eigenvectors of the weighted covariance: no number of effective days enters (after Tan, Zohren 2020, "Estimation
//! of large financial covariances: a cross-validation approach").
//! Bartz (2016), "Cross-validation based nonlinear shrinkage", section 3; Bongiorno, Challet, Loeper (2023),
//! "Filtering time-dependent covariance matrices using time-independent eigenvalues".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{CvOracle, Share};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let oracle = CvOracle::new(NumberOr::Rule(Share::Half), NumberOr::Number(5.0), true)?;
//! let sigma = oracle.estimate(&window)?;
//! assert!(oracle.eigenvalues(&window)?.is_sorted());
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::isotonic::isotonic;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix, Spectrum};
use crate::registry::{Choice, NumberOr};

/// Rule for a number of days: a share of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Half of the window.
    Half,
    /// A twentieth of the window.
    Twentieth,
}

fn days(wanted: NumberOr<Share>, n_days: usize) -> usize {
    match wanted {
        NumberOr::Number(days) => days as usize,
        NumberOr::Rule(Share::Half) => n_days / 2,
        NumberOr::Rule(Share::Twentieth) => (n_days / 20).max(1),
    }
}

/// Cross-validated eigenvalues.
#[derive(Clone, Debug)]
pub struct CvOracle {
    train_days: NumberOr<Share>,
    test_days: NumberOr<Share>,
    isotonic: bool,
}

impl CvOracle {
    /// Takes the number of train days (at least 2) and of test days (at least 1) per window; windows are `test_days`
    /// apart. `isotonic` makes f non-decreasing.
    pub fn new(train_days: NumberOr<Share>, test_days: NumberOr<Share>, isotonic: bool) -> Result<Self> {
        train_days.check_count(2, "cv_oracle.train_days", "a rule or at least 2")?;
        test_days.check_count(1, "cv_oracle.test_days", "a rule or at least 1")?;
        Ok(Self { train_days, test_days, isotonic })
    }

    /// u_i' M u_i (n) of every window b, oldest first; u_i by ascending sample eigenvalue. Fails if train and test
    /// days do not fit into the estimation window.
    pub fn windows(&self, window: &Window) -> Result<Vec<Vec<f64>>> {
        let y = window.centred(Centring::Mean);
        let n_days = window.n_days();
        let (train, test) = (days(self.train_days, n_days), days(self.test_days, n_days));
        if train < 2 || train.saturating_add(test) > n_days {
            let why = format!("{train} train and {test} test days do not fit into {n_days}");
            return Err(Error::Undefined { what: "cv_oracle", why });
        }
        let weights = window.weights().map(|weights| &weights[n_days - train..]);
        (0..=n_days - train - test).step_by(test).map(|start| tested(y, start..start + train, weights, test)).collect()
    }

    /// f (n): the mean over the windows b, made isotonic if requested.
    pub fn eigenvalues(&self, window: &Window) -> Result<Vec<f64>> {
        let windows = self.windows(window)?;
        let mut mean = vec![0.0; window.n_assets()];
        for variances in &windows {
            mean.iter_mut().zip(variances).for_each(|(sum, v)| *sum += v / windows.len() as f64);
        }
        let n_null = window.n_assets().saturating_sub(days(self.train_days, window.n_days()));
        level_null(&mut mean, n_null);
        Ok(if self.isotonic { isotonic(&mean) } else { mean })
    }
}

/// Replaces the first `n_null` values by their mean.
pub(in crate::estimators) fn level_null(values: &mut [f64], n_null: usize) {
    let mean = values[..n_null].iter().sum::<f64>() / n_null.max(1) as f64;
    values[..n_null].fill(mean);
}

/// Variances of the test days along the eigenvectors of the train days before them, which may have weights.
fn tested(y: &Matrix, train: std::ops::Range<usize>, weights: Option<&[f64]>, n_test: usize) -> Result<Vec<f64>> {
    let test: Vec<usize> = (train.end..train.end + n_test).collect();
    let train = y.rows(&train.collect::<Vec<usize>>());
    let gram = weights.map_or_else(|| train.gram(), |weights| train.weighted_gram(weights));
    Ok(variances_along(&Spectrum::new(&gram)?, &y.rows(&test), n_test as f64))
}

/// Σ_t (y_t'u_i)² for each eigenvector u_i, divided by the number of days or by their weight.
pub(in crate::estimators) fn variances_along(spectrum: &Spectrum, test: &Matrix, weight: f64) -> Vec<f64> {
    let projected = test.product(&spectrum.eigenvectors);
    projected.columns().map(|z| z.iter().map(|z| z * z).sum::<f64>() / weight).collect()
}

impl CovarianceEstimator for CvOracle {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let eigenvalues = self.eigenvalues(window)?;
        let (_, spectrum) = window.covariance_spectrum(Centring::Mean)?;
        Covariance::new(spectrum.with_eigenvalues(&eigenvalues))
    }
}

/// Parameters of `cv_oracle`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    train_days: NumberOr<Share>,
    test_days: NumberOr<Share>,
    isotonic: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { train_days: NumberOr::Rule(Share::Half), test_days: NumberOr::Rule(Share::Twentieth), isotonic: true }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { train_days, test_days, isotonic } = choice.parameters()?;
    Ok(Box::new(CvOracle::new(train_days, test_days, isotonic)?))
}
