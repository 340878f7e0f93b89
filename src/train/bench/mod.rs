//! Measurements of training and networks: stages, ceilings, timings, and agreement between processor and device.

mod measure;
mod parity;
mod profile;
mod timing;

pub use measure::{Measured, Stage, ceilings, measure};
pub use parity::{Parity, parity};
pub use profile::{Profiled, profile};
pub use timing::{Timings, Workload, time};
