//! Training: batches from the past, the loop, checkpoints, and the trained network as an estimator.
//!
//! # Two engines
//!
//! In an experiment, `{ train = "NAME" }` is trained for each calendar year on everything before it (`experiment/networks.rs`);
//! the models of a finished run are found again by a hash of data, rules, recipe, seed and computation; `{ model = "FILE" }` reads
//! one file, or one per year where FILE contains `{year}`. Nothing above `train` can
//! tell a network from another estimator.
//!
//! In `train`, an `Engine` computes losses, gradients and steps; `session.rs` draws batches and keeps records the same way for
//! both. Batches of the next step are drawn while a device works on this one.

mod adam;
mod bench;
mod engine;
mod estimator;
mod events;
mod model;
mod model_file;
mod recipe;
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
pub use model_file::{MODEL, ModelFile};
pub use recipe::Recipe;
pub use sampler::{Batch, Draw, Eligible, Sampler, days_needed};
pub use schedule::{Decay, Schedule};
pub use task::Task;
pub use training::{TrainingProgress, train};

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use crate::error::Result;
use crate::nn::Float;

/// The parameters of a network as numbers.
fn numbers<F: Float>(parameters: &BTreeMap<String, Var>) -> Result<BTreeMap<String, Vec<f64>>> {
    let each = |(name, var): (&String, &Var)| Ok((name.clone(), values::<F>(var.as_tensor())?));
    parameters.iter().map(each).collect()
}

/// The entries of a tensor in their order.
fn values<F: Float>(tensor: &Tensor) -> Result<Vec<f64>> {
    let flat = tensor.flatten_all().and_then(|flat| flat.to_vec1::<F>())?;
    Ok(flat.into_iter().map(|x| x.value()).collect())
}
