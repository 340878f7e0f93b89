//! Training: batches from the past, the loop, checkpoints, and the trained network as an estimator.

mod adam;
mod engine;
mod estimator;
mod events;
mod measure;
mod model;
mod model_file;
mod parity;
mod profile;
mod recipe;
mod sampler;
mod schedule;
mod session;
mod timing;
mod training;

pub use adam::{Adam, Gradients};
pub use engine::{Compute, Opener};
pub use estimator::{Neural, NeuralOnDevice};
pub use measure::{Measured, Stage, ceilings, measure};
pub use model::{Curves, Header, Model, Point};
pub use model_file::{MODEL, ModelFile, Precision};
pub use parity::{Parity, parity};
pub use profile::{Profiled, profile};
pub use recipe::Recipe;
pub use sampler::{Batch, Draw, Eligible, Sampler, days_needed};
pub use schedule::{Decay, Schedule};
pub use timing::{Timings, Workload, time};
pub use training::{Task, TrainingProgress, train};

use crate::nn::failed;
