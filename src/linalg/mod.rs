//! Dense matrices, covariances and spectra. No other module uses the linear-algebra crate.
//!
//! The harness is parallel over windows and samples; idle threads share the products and eigendecompositions of a large
//! matrix. Sums have an order that depends neither on the number of threads nor on the processor, so every bit of a result is the
//! same everywhere.

// Loops over an index with constant bounds, which become vectors, say what they do better than iterators.
#![allow(clippy::needless_range_loop)]

#[cfg(feature = "nn")]
mod buffer;
mod cholesky;
mod chunks;
mod companion;
mod covariance;
pub mod dense;
pub mod eigen;
mod gemm;
mod growing;
pub(crate) mod lanes;
mod matrix;
pub mod measure;
mod real;
mod scratch;
mod spectrum;
mod sums;

#[cfg(feature = "nn")]
pub(crate) use buffer::Buffer;
pub use cholesky::Cholesky;
pub use covariance::{Covariance, Repair};
pub use growing::GrowingCholesky;
pub use matrix::Matrix;
#[cfg(test)]
pub(crate) use real::same_on_all_vectors;
pub use real::{Real, limit_vectors};
pub(crate) use real::{vector_bits, vectorised};
pub use spectrum::Spectrum;
#[cfg(feature = "nn")]
pub(crate) use sums::sum_of;
pub(crate) use sums::{dot, sum_of_pairs};
