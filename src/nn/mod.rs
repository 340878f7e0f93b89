//! The dimension-agnostic network: layers, differentiable eigendecomposition, loss. The tensor crate is named only
//! here and in [`train`](crate::train).
//!
//! Returns are `[batch, n, T]`, oldest day first. One file per layer, each with its equations; [`Network`] puts them
//! together. Everything is generic in the element: f32 for training, f64 for checking, from the same code.

#[cfg(test)]
mod check;
mod correlation;
mod dense_layer;
mod float;
mod head;
mod lag;
mod loss;
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

pub use float::Float;
pub use lag::{Lag, LagCurves};
pub use loss::{realised_variance, variance};
pub use network::{Architecture, Network, Stages};
pub use reconstruction::Reconstruction;
pub use recurrent::Direction;
pub use scaling::TRADING_DAYS;
pub use scan::Cell;
pub(crate) use spectrum::TIE;
pub use tokens::Feature;
