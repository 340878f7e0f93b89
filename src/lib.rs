//! Walk-forward comparison of covariance cleaners for large minimum-variance portfolios.
//!
//! Modules stand in reading order, which is dependency order: a module uses only those above it.
#![warn(missing_docs)]

pub mod error;
pub mod program;
pub mod memory;
pub mod calendar;
pub mod registry;
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
pub mod report;
#[cfg(all(feature = "data", feature = "nn"))]
pub mod results;

#[cfg(all(feature = "data", feature = "nn"))]
pub mod experiment;

#[cfg(feature = "cli")]
pub mod cli;
