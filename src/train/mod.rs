//! Training: batches drawn from the past, the training loop, checkpoints, and the trained network as an estimator.
//!
//! # Two engines
//!
//! In an experiment, `{ train = "NAME" }` is trained for each calendar year on all days before it
//! (`experiment/networks.rs`). Models of a finished run are recognised by a hash of data, rules, recipe, seed and
//! computation. `{ model = "FILE" }` reads one file, or one per year if FILE contains `{year}`. Code above `train`
//! cannot tell a network from any other estimator.
//!
//! In `train`, an `Engine` computes losses, gradients and steps; `session.rs` draws batches and keeps records in the
//! same way for both engines. While a device works on one step, the batches of the next are drawn.

mod adam;
mod bench;
mod engine;
mod estimator;
mod events;
mod model;
mod model_file;
mod recipe;
mod rival;
mod sampler;
mod schedule;
mod session;
mod task;
mod training;

pub use adam::{Adam, Gradients};
pub use bench::{Measured, Parity, Profiled, Stage, Timings, Workload, ceilings, measure, parity, profile, time};
pub use engine::{Compute, Opener};
pub use estimator::{Neural, NeuralOnDevice};
pub use model::{Curves, Header, Model, Point};
pub use model_file::{MODEL, ModelFile, estimator_of};
pub use recipe::Recipe;
pub use sampler::{Batch, Draw, Eligible, Sampler, days_needed};
pub use schedule::{Decay, Schedule};
pub use task::Task;
pub use training::{TrainingProgress, train};

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use crate::error::Result;
use crate::nn::Float;

/// The parameters of a network as vectors of f64, by name.
fn numbers<F: Float>(parameters: &BTreeMap<String, Var>) -> Result<BTreeMap<String, Vec<f64>>> {
    let each = |(name, var): (&String, &Var)| Ok((name.clone(), values::<F>(var.as_tensor())?));
    parameters.iter().map(each).collect()
}

/// The entries of a tensor in row-major order.
fn values<F: Float>(tensor: &Tensor) -> Result<Vec<f64>> {
    let flat = tensor.flatten_all().and_then(|flat| flat.to_vec1::<F>())?;
    Ok(flat.into_iter().map(|x| x.value()).collect())
}
