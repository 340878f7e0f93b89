//! Walk-forward comparison of covariance cleaners for large minimum-variance portfolios.
//!
//! From a matrix of daily returns to a cleaned covariance and a portfolio:
//!
//! ```
//! use minvar::prelude::*;
//!
//! # fn main() -> Result<()> {
//! let returns = SyntheticMarket::complete(50, 120).returns()?; // T x N, oldest day first; Matrix::from_rows takes yours
//! let window = Window::new(returns)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let weights = minvar::allocators::build("gmv_long_only")?.allocate(&sigma, &Situation::default())?;
//! assert!((weights.as_slice().iter().sum::<f64>() - 1.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```
//!
//! | feature | adds |
//! |---|---|
//! | none | estimators, allocators, universes, the simulator, tests of significance, a synthetic market |
//! | `data` | panels on disk, import of a user's tables |
//! | `nn` | neural networks; with `data` also training, experiments and their results |
//! | `figures` | figures, and the report page of a run |
//! | `nalgebra` | conversion of matrices from and to nalgebra |
//! | `cli` | the program |
//! | `cuda` | training and inference on NVIDIA GPUs |
//!
//! All features but `cuda` are on by default. Modules are listed in reading order, which is the order of dependency: a
//! module uses only those above it. The folder `examples` shows how to clean a matrix, write a cleaner of your own,
//! run a walk-forward experiment, train a network and follow an account.
#![warn(missing_docs)]

pub mod error;
pub mod program;
pub mod memory;
pub mod calendar;
pub mod registry;
pub mod grouping;
pub mod random;
pub mod linalg;
pub mod clustering;

pub mod panel;
pub mod universe;
pub mod synthetic;
#[cfg(feature = "data")]
pub mod data;

pub mod estimators;
#[cfg(feature = "nn")]
pub mod nn;
#[cfg(feature = "nn")]
pub mod cuda;
#[cfg(all(feature = "data", feature = "nn"))]
pub mod train;
pub mod allocators;

pub mod account;
pub mod costs;
pub mod policies;
pub mod simulator;

pub mod metrics;
pub mod significance;
#[cfg(all(feature = "data", feature = "nn"))]
pub mod description;
#[cfg(all(feature = "data", feature = "nn"))]
pub mod render;
#[cfg(all(feature = "data", feature = "nn"))]
pub mod results;

#[cfg(all(feature = "data", feature = "nn"))]
pub mod experiment;

#[cfg(feature = "cli")]
pub mod cli;

/// The names that nearly every program needs, for `use minvar::prelude::*;`.
pub mod prelude {
    pub use crate::allocators::{Allocator, Situation, Weights};
    pub use crate::error::{Error, Result};
    pub use crate::estimators::{
        Centring, CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant, Window,
    };
    pub use crate::linalg::{Covariance, Matrix};
    pub use crate::panel::{Panel, Past};
    pub use crate::registry::NumberOr;
    pub use crate::synthetic::SyntheticMarket;
}
