//! Dense matrices, covariances and spectra. No other module uses the linear-algebra crate.
//!
//! Every operation runs on one thread: the harness is parallel over windows, and one thread per
//! product keeps every byte of a result independent of the number of cores.

mod cholesky;
mod covariance;
pub mod dense;
pub mod eigen;
mod growing;
mod matrix;
mod real;
mod spectrum;

pub use cholesky::Cholesky;
pub use covariance::{Covariance, Repair};
pub use growing::GrowingCholesky;
pub use matrix::Matrix;
#[cfg(target_arch = "x86_64")]
pub(crate) use real::vector_bits;
pub(crate) use real::vectorised;
pub use real::{Real, sum_of};
pub use spectrum::Spectrum;
