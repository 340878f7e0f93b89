//! Dense matrices, covariances and spectra. No other module uses the linear-algebra crate.
//!
//! Every operation runs on one thread: the harness is parallel over windows, and one thread per
//! product keeps every byte of a result independent of the number of cores.

mod cholesky;
mod chunks;
mod covariance;
pub mod dense;
pub mod eigen;
mod gemm;
mod growing;
mod lanes;
mod matrix;
mod real;
mod scratch;
mod spectrum;

pub use cholesky::Cholesky;
pub use covariance::{Covariance, Repair};
pub use growing::GrowingCholesky;
pub use matrix::Matrix;
pub(crate) use real::{vector_bits, vectorised};
pub use real::{Real, sum_of};
pub use spectrum::Spectrum;
