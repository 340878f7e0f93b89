//! The dimension-agnostic network: layers, differentiable eigendecomposition, loss. Only this module and
//! [`train`](crate::train) use the tensor crate.
//!
//! Returns are `[batch, n, T]`, oldest day first. Each layer has its own file with its equations; [`Network`] combines
//! them. All code is generic in the element type: f32 for training, f64 for checks.
//!
//! # Structure
//!
//! ```text
//! X ─ scaling, lag transform, standardisation, C, eigenvalues ─▶ λ, s   spectrum.rs, correlation.rs   one operation
//! λ ─ tokens, recurrent layers, head ─▶ μ                               recurrent.rs, scan.rs, head.rs
//! s ─ marginal volatility ─▶ d                                          volatility.rs
//! C, μ, d ─ minimum variance ─▶ w ─▶ n w'Σw                             weights.rs, loss.rs
//! ```
//!
//! The operations `spectrum`, `recurrent layer`, `dense layer` and `minimum variance` process whole samples (or groups of sixteen
//! sequences) at a time and have hand-written backward passes; between them is a graph of small tensors, which takes less than a
//! hundredth of a training step. Samples are distributed over threads, and sums over samples are taken in their order. Training
//! never forms the cleaned matrix itself.
//!
//! Eigenvectors never enter the graph, because their derivative is unbounded where eigenvalues meet. The weights are a
//! spectral function of C, whose derivative needs divided differences only. Where eigenvalues tie, or where fewer days
//! than assets leave a null space, blocks replace single eigenvalues and projectors replace eigenvectors, so that no
//! result depends on the basis that a solver returned (`spectrum.rs`, `weights.rs`).
//!
//! Loops over slices are compiled three times by `linalg::vectorised!`: for 512-bit, for 256-bit and for any vectors.
//! Sums use sixteen lanes and products use fused multiply-adds everywhere, so these loops, matrix products and decompositions
//! give the same bits on every processor. The order of sums in the graph of small tensors is that of the tensor crate, which
//! depends on the processor: results are byte-identical on one machine, and agree up to rounding between two.

#[cfg(test)]
mod check;
mod correlation;
mod decomposition;
mod dense_layer;
mod element_type;
mod float;
mod head;
mod lag;
mod loss;
mod modules;
mod network;
mod operation;
mod parameters;
mod reconstruction;
mod recurrent;
mod scaling;
mod scan;
mod spectrum;
mod tokens;
mod volatility;
mod weights;

pub(crate) use decomposition::TIE;
pub use element_type::ElementType;
pub use float::Float;
pub use lag::{Lag, LagCurves};
pub use loss::{realised_variance, variance};
pub use network::{Architecture, Network, Stages};
pub use reconstruction::Reconstruction;
pub use recurrent::Direction;
pub use scaling::TRADING_DAYS;
pub use scan::Cell;
pub use tokens::Feature;
