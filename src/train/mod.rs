//! Training: batches from the past, the loop, checkpoints, and the trained network as an estimator.

mod adam;
mod estimator;
mod events;
mod model;
mod parity;
mod recipe;
mod sampler;
mod schedule;
mod session;
mod timing;
mod training;

pub use adam::{Adam, Gradients};
pub use estimator::Neural;
pub use model::{Curves, Header, Model, Point};
pub use parity::{Opener, Parity, parity};
pub use recipe::Recipe;
pub use sampler::{Batch, Eligible, Sampler};
pub use schedule::{Decay, Schedule};
pub use timing::{Timings, Workload, time};
pub use training::{Task, TrainingProgress, train};

use crate::nn::failed;
