//! Nonparametric eigenvalue-regularised covariance: eigenvectors from one part of the days, variances from the other.
//!
//! ```text
//! rows 1 … m: eigenvectors u;  rows m+1 … T: covariance S₂;  Σ = Σ_i (u_i'S₂u_i) u_i u_i'
//! ```
//! averaged over random permutations of the days. m is a share of T or, with `split = "search"`, the value among
//! {2√T, 0.2T, 0.4T, 0.6T, 0.8T, T − 2.5√T, T − 1.5√T} for which the mean of Σ − S₂ has the smallest Frobenius norm.
//! Means are removed from the whole window; each part is divided by its own number of days. Without permutations the
//! days stay in their order. If m < n, the null eigenvectors of the first part are arbitrary: they share the mean of
//! their variances. With a memory a day counts by its weight in either part, and a part is divided by the sum of its weights.
//! Lam (2016), "Nonparametric eigenvalue-regularized precision or covariance matrix estimator", Annals of Statistics
//! 44, sections 2 and 4; Abadir, Distaso, Žikeš (2014), "Design-free estimation of variance matrices".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Nercome, Split};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = Nercome::new(10, NumberOr::Rule(Split::Search), 1)?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::empirical::cv_oracle::{level_null, variances_along};
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix, Spectrum};
use crate::random::{generator, in_blocks};
use crate::registry::{Choice, NumberOr, check, check_repetitions};

/// Rule for the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The one of seven splits with the smallest gap between the estimate and the covariance of the second part.
    Search,
}

/// Parameters of `nercome`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    permutations: usize,
    split: NumberOr<Split>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { permutations: 50, split: NumberOr::Rule(Split::Search) } // Lam 2016, section 4
    }
}

/// Eigenvectors from one part of the days and variances from the other, averaged over many permutations.
#[derive(Clone, Debug)]
pub struct Nercome {
    parameters: Parameters,
    seed: u64,
}

/// Permutations computed in parallel; they are added up in order.
const BLOCK: usize = 4;

impl Nercome {
    /// Takes the number of permutations (0 keeps the days in their order) and the share of the days that gives the
    /// eigenvectors: a number in (0, 1), or the rule [`Split::Search`]. Refuses values out of range.
    pub fn new(permutations: usize, split: NumberOr<Split>, seed: u64) -> Result<Self> {
        check_repetitions(permutations, 0, "nercome.permutations")?;
        if let NumberOr::Number(share) = split {
            check(share > 0.0 && share < 1.0, "nercome.split", "\"search\" or in (0, 1)", share)?;
        }
        Ok(Self { parameters: Parameters { permutations, split }, seed })
    }

    /// The mean of Σ over permutations for a split at m, and the squared Frobenius norm of the mean of Σ − S₂.
    fn averaged(&self, window: &Window, m: usize) -> Result<(Matrix, f64)> {
        let n = window.n_assets();
        let count = self.parameters.permutations.max(1);
        let (mut sum, mut gap) = (Matrix::zeros(n, n), Matrix::zeros(n, n));
        in_blocks(
            count,
            BLOCK,
            |number| self.trial(window, m, number),
            |(sigma, second): (Matrix, Matrix)| {
                gap = std::mem::take(&mut gap).map(|i, j, x| x + (sigma[(i, j)] - second[(i, j)]) / count as f64);
                sum = std::mem::take(&mut sum).map(|i, j, x| x + sigma[(i, j)] / count as f64);
            },
        )?;
        let norm = gap.entries().iter().map(|x| x * x).sum();
        Ok((sum, norm))
    }

    /// Σ and S₂ of one permutation.
    fn trial(&self, window: &Window, m: usize, number: usize) -> Result<(Matrix, Matrix)> {
        let y = window.centred(Centring::Mean);
        let mut days: Vec<usize> = (0..y.nrows()).collect();
        if self.parameters.permutations > 0 {
            days.shuffle(&mut generator(self.seed, number as u64));
        }
        // A day of weight w enters squares as √w times its returns.
        let part = |days: &[usize]| match window.weights() {
            None => (y.rows(days), days.len() as f64),
            Some(w) => (y.rows(days).map(|t, _, y| w[days[t]].sqrt() * y), days.iter().map(|&t| w[t]).sum()),
        };
        let ((first, _), (second, weight)) = (part(&days[..m]), part(&days[m..]));
        let spectrum = Spectrum::new(&first.gram())?;
        let mut variances = variances_along(&spectrum, &second, weight);
        level_null(&mut variances, y.ncols().saturating_sub(m));
        let gram = match self.parameters.split {
            NumberOr::Rule(Split::Search) => second.gram().scaled(1.0 / weight),
            NumberOr::Number(_) => Matrix::zeros(y.ncols(), y.ncols()), // the split is not compared
        };
        Ok((spectrum.with_eigenvalues(&variances), gram))
    }
}

impl CovarianceEstimator for Nercome {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let t = window.n_days() as f64;
        let candidates: Vec<f64> = match self.parameters.split {
            NumberOr::Number(share) => vec![share * t],
            NumberOr::Rule(Split::Search) => {
                let root = t.sqrt();
                vec![2.0 * root, 0.2 * t, 0.4 * t, 0.6 * t, 0.8 * t, t - 2.5 * root, t - 1.5 * root]
            }
        };
        let mut splits: Vec<usize> = candidates.iter().map(|m| m.round() as usize).collect();
        splits.retain(|m| (2..window.n_days() - 1).contains(m));
        splits.sort_unstable();
        splits.dedup();
        let mut best: Option<(Matrix, f64)> = None;
        for m in splits {
            let (sigma, norm) = self.averaged(window, m)?;
            if best.as_ref().is_none_or(|(_, lowest)| norm < *lowest) {
                best = Some((sigma, norm));
            }
        }
        let Some((sigma, _)) = best else {
            let why = format!("{} days cannot be split in two", window.n_days());
            return Err(Error::Undefined { what: "nercome", why });
        };
        Covariance::new(sigma)
    }
}

pub(in crate::estimators) fn fit(
    choice: &Choice,
    calibration: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { permutations, split } = choice.parameters()?;
    Ok(Box::new(Nercome::new(permutations, split, calibration.seed)?))
}
