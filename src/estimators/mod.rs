//! From a window of returns to a covariance; one file per estimator, one line per estimator in [`ALL`].

mod clip;
mod ewma;
mod lw_identity;
mod qis;
mod rotation_invariant;
mod sample;
mod window;

pub use clip::{Clip, Keep};
pub use ewma::{Ewma, Start};
pub use lw_identity::LedoitWolfIdentity;
pub use qis::Qis;
pub use rotation_invariant::{Diagonal, RotationInvariant, Space};
pub use sample::Sample;
pub use window::{Centring, Window};

use crate::error::Result;
use crate::linalg::Covariance;
use crate::panel::Past;
use crate::registry::{self, Choice};

/// A covariance estimator.
pub trait CovarianceEstimator: Send + Sync {
    /// Estimates Σ (N × N, daily) from a complete window of daily returns (T × N, oldest first).
    fn estimate(&self, window: &Window) -> Result<Covariance>;
}

/// A map of eigenvalues; [`RotationInvariant`] makes it an estimator.
pub trait EigenvalueCleaner: Send + Sync {
    /// Maps eigenvalues λ (N, ascending, not negative) of a matrix estimated from `n_observations` to ξ (N).
    fn clean(&self, eigenvalues: &[f64], n_observations: usize) -> Result<Vec<f64>>;
}

/// What an estimator may learn from before its first window; `past` cannot see further.
pub struct Calibration<'a> {
    /// Everything known before the calendar year in which the estimator is used.
    pub past: Past<'a>,
    /// Days in a window.
    pub lookback: usize,
    /// Days a portfolio is held.
    pub horizon: usize,
    /// Seed of the estimator's random streams.
    pub seed: u64,
}

/// An estimator as experiments name it.
pub struct Entry {
    /// The name in experiment files, tables and tests.
    pub name: &'static str,
    /// Authors and year.
    pub reference: &'static str,
    /// Whether the estimate is invertible with more assets than days.
    pub invertible_above_t: bool,
    /// Builds the estimator from its parameters and what it may learn from.
    pub fit: Fit,
}

/// The constructor of an [`Entry`].
pub type Fit = fn(&Choice, &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>>;

/// Every estimator. To add one: its file, its `mod` line above, its line here.
#[rustfmt::skip]
pub const ALL: &[Entry] = &[
    Entry { name: "sample", reference: "unbiased sample covariance", invertible_above_t: false, fit: sample::fit },
    Entry { name: "ewma", reference: "RiskMetrics 1994", invertible_above_t: false, fit: ewma::fit },
    Entry { name: "lw_identity", reference: "Ledoit and Wolf 2004", invertible_above_t: true, fit: lw_identity::fit },
    Entry { name: "clip", reference: "Laloux, Cizeau, Bouchaud, Potters 1999", invertible_above_t: true, fit: clip::fit },
    Entry { name: "qis", reference: "Ledoit and Wolf 2022", invertible_above_t: true, fit: qis::fit },
];

/// The registered estimator of that name.
pub fn named(name: &str) -> Result<&'static Entry> {
    registry::find("estimator", ALL, |entry| entry.name, name)
}
