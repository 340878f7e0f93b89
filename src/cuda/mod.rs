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
//!
//! # How it is put together
//!
//! `cuda` is the second form of the network: the layers of `nn` are a graph that derives its gradients, `cuda::Program` is the list of
//! kernels and products that computes the same forward and backward (`forward.rs`, `backward.rs`), because a graph of small
//! tensors would spend a step on launching. It is written against the trait `Backend` (memory, launch, product, eigenvalues):
//! `driver.rs` is the trait on a device, the tests have one on the processor. What a step works in is laid out in one piece of
//! memory (`memory.rs`), whose size is known before the first step. `candle`'s own CUDA backend is not used: it must be linked against
//! the driver, so that one program could not run with and without one.
//!
//! ```text
//! panel on the device ─ scores: transform, mean, variance (a block an asset) ─▶ Z
//! Z ─ cuBLAS ─▶ C ─ cuSOLVER, batched, in place ─▶ V, λ ─ ties ─ tokens ─ scan (a block a sequence and direction) ─▶ μ
//! s ─ dense layers ─▶ d;   V, μ, d ─ three passes over V ─▶ w ─ returns behind the decision ─▶ loss
//! ```
//!
//! The recurrent kernel stays in registers and the state in shared memory for the whole sequence, so the scan is compiled for the
//! units of the network. Gradients of parameters are products sample by sample, summed in doubles in a fixed order; there are no
//! atomic operations. `cuda/costs.rs` counts what each stage must at least do and move; `--profile` sets it against what a large
//! product and a large copy reach.

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

pub use backend::{Address, Argument, Backend, Operand, Product, Shape};
pub use choice::{Device, Found, count, info, open};
pub use costs::{Ceilings, Cost, cost};
pub use info::DeviceInfo;
pub use memory::Sizes;
pub use program::{Profile, Program, Windows};
pub use source::{check, kernels, source};
