//! The network on CUDA devices: the same equations as in [`nn`](crate::nn), as a fixed sequence of kernels.
//!
//! ```text
//! panel on the device ─ standardise ─▶ Z ─ product ─▶ C ─ eigen ─▶ V, λ ─ tokens, scan, inverses ─▶ μ ┐
//!                                       s ─ dense layers, inverses ─▶ d ──────────────────────────────┴─▶ w, loss
//! ```
//! A training step uploads the decision days and asset numbers of its batches, and downloads their losses and the norm
//! of the gradient; everything else stays on the device. Sums have a fixed order, without atomic operations,
//! so the same device and libraries give the same bytes.
//!
//! Kernels are compiled when a device is opened, for its compute capability and the network's sizes; building minvar
//! needs no CUDA toolkit. The libraries (driver, NVRTC, cuBLAS, cuSOLVER) are looked for at run time, and only if a
//! device is requested. There is one difference from the processor: eigenvectors always come from the n x n matrix,
//! even with few days.
//!
//! # Structure
//!
//! `cuda` is a second implementation of the network. The layers of `nn` form a graph that derives its own gradients.
//! `cuda::DeviceNetwork` is a list of kernels and products that computes the same forward and backward passes
//! (`forward.rs`, `backward.rs`), because with a graph of small tensors a step would spend its time on launches. It is
//! written against the trait `Backend` (memory, launch, product, eigenvalues of large matrices): `driver.rs` implements the
//! trait on a device, and the tests implement it on the processor. The working memory of a step is one allocation
//! (`memory.rs`), whose size is known before the first step. `candle`'s own CUDA backend is not used: it must be linked
//! against the driver, so one program could not run both with and without a driver.
//!
//! ```text
//! panel on the device ─ scores: transform, mean, variance (one block per asset) ─▶ Z
//! Z ─ cuBLAS ─▶ C ─ tridiagonal form, divide and conquer ─▶ V, λ ─ ties ─ tokens ─ scan (one block per sequence) ─▶ μ
//! s ─ dense layers ─▶ d;   V, μ, d ─ three passes over V ─▶ w ─ returns after the decision ─▶ loss
//! ```
//!
//! Kernels decompose matrices of up to 512 assets (`eigen.rs`): they are faster for a batch of small matrices than
//! cuSOLVER, which decomposes larger ones. Each result is checked on the device; a matrix that fails the check is
//! decomposed again by Jacobi rotations, and counted.
//!
//! During a scan the recurrent kernel stays in registers and the state in shared memory for the whole sequence, so the scan
//! is compiled for the network's number of units. Gradients of parameters are products for each sample, summed in f64 in a
//! fixed order; the only atomic operation counts matrices. `cuda/costs.rs` counts the least that each stage must compute
//! and move; `--timings` compares it with the rates of a large product and a large copy.

mod backend;
mod backward;
mod choice;
mod costs;
mod device_network;
#[cfg(feature = "cuda")]
mod driver;
mod eigen;
mod forward;
mod info;
#[cfg(feature = "cuda")]
mod libraries;
mod memory;
mod source;

pub use backend::{Address, Argument, Backend, MOST_ROWS, Operand, Product, Shape};
pub use choice::{Device, Found, count, info, open};
pub use costs::{Ceilings, Cost, cost};
pub use device_network::{DeviceNetwork, StageSeconds, Windows};
pub use eigen::Eigenproblem;
pub use info::DeviceInfo;
pub use memory::Sizes;
pub use source::{check, kernels, sources};
