//! The network on CUDA devices: the same equations as in [`nn`](crate::nn), as a fixed sequence of kernels.
//!
//! ```text
//! panel on the device ─ standardise ─▶ Z ─ product ─▶ C ─ eigen ─▶ V, λ ─ tokens, scan, inverses ─▶ μ ┐
//!                                       s ─ dense layers, inverses ─▶ d ──────────────────────────────┴─▶ w, loss
//! ```
//! A training step uploads the decision days and asset numbers of its batches and downloads their losses and the norm of the
//! gradient; everything else stays on the device. Sums have a fixed order and there are no atomic operations, so the same
//! device and libraries give the same bytes.
//!
//! Kernels are compiled when a device is opened, for its own architecture and the network's sizes; building needs no CUDA
//! toolkit. The libraries (driver, NVRTC, cuBLAS, cuSOLVER) are looked for at run time, only when a device is asked for.
//! One difference to the processor: eigenvectors always come from the n x n matrix, also with few days.

mod backend;
mod backward;
mod choice;
mod costs;
#[cfg(feature = "cuda")]
mod driver;
mod forward;
mod info;
#[cfg(feature = "cuda")]
mod libraries;
mod memory;
mod program;
mod source;

pub use backend::{Address, Argument, Backend, Operand, Precision, Product, Shape};
pub use choice::{Device, Found, count, info, open};
pub use costs::{Ceilings, Cost, cost};
pub use info::DeviceInfo;
pub use memory::Sizes;
pub use program::{Profile, Program, Windows};
pub use source::{check, kernels, source};
