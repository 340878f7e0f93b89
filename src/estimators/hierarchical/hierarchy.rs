//! Hierarchical filters: the correlation that a clustering tree implies, averaged over bootstraps of the days.
//!
//! ```text
//! filter:  distances d_ij = 1 − e_ij, a tree by single, average or complete linkage;  ξ_ij = 1 − cophenetic distance
//! k_bahc:  for each bootstrap of the days with correlation C:  F₀ = I,  F ← F + offdiag( filter(C − F) ) k times
//!          negative eigenvalues set to zero; mean over the bootstraps; times the volatilities (N = T) of the window
//! ```
//! `bahc` is k = 1. Without bootstraps the window itself is filtered. A filtered correlation without negative entries
//! is positive semidefinite; any other may need a repair, and its negative eigenvalues are counted as
//! `negative_eigenvalues`.
//! Tumminello, Lillo, Mantegna (2007), "Hierarchically nested factor model from multivariate data"; Bongiorno,
//! Challet (2021), "Covariance matrix filtering with bootstrapped hierarchies"; (2022), "Reactive global minimum
//! variance portfolios with k-BAHC covariance cleaning".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Hierarchy, Resampling};
//! use minvar::clustering::Linkage;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let filter = Hierarchy::new(Linkage::Average, 1, Resampling::Drawn { count: 10, seed: 1 })?; // bahc
//! assert_eq!(filter.estimate(&window)?.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::clustering::{Linkage, Tree};
use crate::error::Result;
use crate::estimators::repair::without_negative_eigenvalues;
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, Centring, CovarianceEstimator, Diagonal, Window};
use crate::linalg::{Covariance, Matrix};
use crate::random::{generator, in_blocks};
use crate::registry::{Choice, check, check_repetitions};

/// A hierarchical filter, once or k times, on the window or on bootstraps of it.
pub struct Hierarchy {
    linkage: Linkage,
    recursions: usize,
    /// Source of the rows of each bootstrap.
    resampling: Resampling,
}

/// Source of the rows of the bootstraps.
pub enum Resampling {
    /// No bootstraps: the window itself.
    None,
    /// Random bootstraps: `count` draws of T rows with replacement.
    Drawn {
        /// Number of bootstraps.
        count: usize,
        /// Seed of the draws.
        seed: u64,
    },
    /// Given rows, one list per bootstrap.
    Given(Vec<Vec<usize>>),
}

/// Bootstraps computed in parallel; they are added up in order.
const BLOCK: usize = 8;

impl Hierarchy {
    /// A filter with k = `recursions`. Refuses fewer than 1 or more than 1,000 recursions, and fewer than 1
    /// bootstrap.
    pub fn new(linkage: Linkage, recursions: usize, resampling: Resampling) -> Result<Self> {
        check((1..=1000).contains(&recursions), "recursions", "in 1..=1000", recursions)?;
        if let Resampling::Drawn { count, .. } = resampling {
            check_repetitions(count, 1, "bootstraps")?;
        }
        Ok(Self { linkage, recursions, resampling })
    }

    /// F (n × n) for a correlation, not yet repaired.
    fn filtered(&self, correlation: &Matrix) -> Matrix {
        let n = correlation.nrows();
        let mut filtered = Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)));
        for _ in 0..self.recursions {
            let tree = Tree::new(n, self.linkage, |i, j| 1.0 - (correlation.column(i)[j] - filtered.column(i)[j]));
            let distances = tree.cophenetic();
            filtered = filtered.map(|i, j, f| if i == j { f } else { f + (1.0 - distances[(i, j)]) });
        }
        filtered
    }

    /// The repaired F of given rows, and the number of eigenvalues repaired.
    fn bootstrapped(&self, y: &Matrix, rows: &[usize]) -> Result<(Matrix, usize)> {
        without_negative_eigenvalues(self.filtered(&correlation_of(y, rows)), 0.0)
    }
}

/// Running sums.
fn cumulative(weights: &[f64]) -> Vec<f64> {
    let add = |sum: &mut f64, w: &f64| {
        *sum += w;
        Some(*sum)
    };
    weights.iter().scan(0.0, add).collect()
}

/// The correlation of some rows, which may repeat. An asset without variance in them has zero correlation with all
/// others.
fn correlation_of(y: &Matrix, rows: &[usize]) -> Matrix {
    let mut multiplicity = vec![0.0f64; y.nrows()];
    rows.iter().for_each(|&t| multiplicity[t] += 1.0);
    // A row drawn k times enters once with weight √k; about a third of the rows are never drawn and cost nothing.
    let distinct: Vec<usize> = (0..y.nrows()).filter(|&t| multiplicity[t] > 0.0).collect();
    let roots: Vec<f64> = distinct.iter().map(|&t| multiplicity[t].sqrt()).collect();
    let mut z = y.rows(&distinct);
    for j in 0..z.ncols() {
        let column = z.column_mut(j);
        let sum: f64 = column.iter().zip(&distinct).map(|(y, &t)| multiplicity[t] * y).sum();
        let mean = sum / rows.len() as f64;
        column.iter_mut().zip(&roots).for_each(|(y, root)| *y = root * (*y - mean));
        let norm = column.iter().map(|y| y * y).sum::<f64>().sqrt();
        column.iter_mut().for_each(|y| *y = if norm > 0.0 { *y / norm } else { 0.0 });
    }
    z.gram().map(|i, j, x| if i == j { 1.0 } else { x })
}

impl CovarianceEstimator for Hierarchy {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (n_days, n) = (window.n_days(), window.n_assets());
        let y = window.centred(Centring::Mean);
        // With a memory a day is drawn in proportion to its weight.
        let sums: Option<Vec<f64>> = window.weights().map(cumulative);
        let draw = |number: usize, seed: u64| -> Vec<usize> {
            let mut random = generator(seed, number as u64);
            let mut day = || match &sums {
                None => random.random_range(0..n_days),
                Some(sums) => {
                    let place = sums[n_days - 1] * random.random::<f64>();
                    sums.partition_point(|sum| *sum <= place).min(n_days - 1)
                }
            };
            (0..n_days).map(|_| day()).collect()
        };
        let count = match &self.resampling {
            Resampling::None => 0,
            Resampling::Drawn { count, .. } => *count,
            Resampling::Given(rows) => rows.len(),
        };
        let trial = |number: usize| match &self.resampling {
            Resampling::Given(rows) => self.bootstrapped(y, &rows[number]),
            Resampling::Drawn { seed, .. } => self.bootstrapped(y, &draw(number, *seed)),
            Resampling::None => without_negative_eigenvalues(self.filtered(window.correlation()), 0.0),
        };
        let (mut mean, mut n_repaired) = (Matrix::zeros(n, n), 0);
        let count = count.max(1);
        in_blocks(count, BLOCK, trial, |(filtered, repaired): (Matrix, usize)| {
            mean = std::mem::take(&mut mean).map(|i, j, x| x + filtered[(i, j)] / count as f64);
            n_repaired += repaired;
        })?;
        let volatilities = window.volatilities_about(Centring::MeanMaximumLikelihood);
        let covariance = Covariance::new(rescaled(mean, &volatilities, Diagonal::Kept))?;
        Ok(covariance.repaired("negative_eigenvalues", n_repaired))
    }
}

fn filter(choice: &Choice, linkage: Linkage) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(Hierarchy::new(linkage, 1, Resampling::None)?))
}

pub(in crate::estimators) fn fit_single(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    filter(choice, Linkage::Single)
}

pub(in crate::estimators) fn fit_average(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    filter(choice, Linkage::Average)
}

pub(in crate::estimators) fn fit_complete(
    choice: &Choice,
    _: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    filter(choice, Linkage::Complete)
}

/// Parameters of `bahc`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Bootstraps {
    bootstraps: usize,
}

impl Default for Bootstraps {
    fn default() -> Self {
        Self { bootstraps: 100 } // Bongiorno and Challet 2021, section 3
    }
}

/// Parameters of `k_bahc`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Recursions {
    bootstraps: usize,
    recursions: usize,
}

impl Default for Recursions {
    fn default() -> Self {
        Self { bootstraps: 100, recursions: 3 } // chosen
    }
}

fn bootstrapped(count: usize, recursions: usize, seed: u64) -> Result<Box<dyn CovarianceEstimator>> {
    Ok(Box::new(Hierarchy::new(Linkage::Average, recursions, Resampling::Drawn { count, seed })?))
}

pub(in crate::estimators) fn fit_bahc(
    choice: &Choice,
    calibration: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let Bootstraps { bootstraps } = choice.parameters()?;
    bootstrapped(bootstraps, 1, calibration.seed)
}

pub(in crate::estimators) fn fit_k_bahc(
    choice: &Choice,
    calibration: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let Recursions { bootstraps, recursions } = choice.parameters()?;
    bootstrapped(bootstraps, recursions, calibration.seed)
}
