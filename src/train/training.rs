//! The training loop: batches, gradients, steps, and checkpoints from which it continues with bit-identical results.
//!
//! ```text
//! FILE.safetensors             the model, when done
//! FILE.checkpoint.safetensors  model, optimiser, step and record, until then
//! FILE.csv                     step, n_assets, n_days, loss, gradient_norm, learning_rate, validation
//! FILE.events/                 these values for TensorBoard
//! .FILE.lock                   lock of the process that trains it, until then
//! FILE.diverged.safetensors    batch and parameters, if the loss stopped being a number or ran away
//! ```
//! The batch of a step is a function of seed and step, so a checkpoint needs no generator state. Losses and gradient
//! norms are recorded before any clipping.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::data::Lock;
use crate::error::{Error, Result};
use crate::program::{Program, computation, computations};
use crate::train::model::{Header, Model};
use crate::train::session::Session;
use crate::train::task::{Task, other_identity};

/// Number of steps over which the displayed loss is averaged.
const SHOWN: usize = 50;

/// Progress of a training.
#[derive(Clone, Copy, Debug)]
pub struct TrainingProgress {
    /// Steps taken.
    pub step: usize,
    /// Total number of steps.
    pub steps: usize,
    /// Mean loss over the last steps; NaN if there is none.
    pub loss: f64,
    /// The newest validation loss.
    pub validation: Option<f64>,
    /// Samples per second since the program was started.
    pub samples_per_second: f64,
}

impl TrainingProgress {
    /// Progress of a computation that has no loss.
    pub fn counted(step: usize, steps: usize) -> Self {
        Self { step, steps, loss: f64::NAN, validation: None, samples_per_second: f64::NAN }
    }
}

/// Trains a model or continues its training; a finished model is read from its file. `stop` is asked before every step
/// and interrupts the training if it returns true.
pub fn train(task: &Task<'_>, stop: &dyn Fn() -> bool, progress: &mut dyn FnMut(TrainingProgress)) -> Result<Model> {
    let header = header(task)?;
    if let Some(model) = finished(task, &header)? {
        return Ok(model);
    }
    let _lock = Lock::take(&lock_of(&task.file))?;
    // Another process may have finished it in the meantime.
    if let Some(model) = finished(task, &header)? {
        return Ok(model);
    }
    let mut session = Session::start(task, header)?;
    let first = session.record.len();
    let start = Instant::now();
    let steps = session.steps;
    while session.record.len() < steps {
        let step = session.record.len();
        if stop() {
            session.save_checkpoint()?;
            return Err(Error::Interrupted { what: "training steps", done: step, total: steps });
        }
        session.step()?;
        let step = step + 1;
        if step % task.recipe.schedule.checkpoint_every == 0 && step < steps {
            session.save_checkpoint()?;
        }
        let recent = &session.record[step.saturating_sub(SHOWN)..];
        let samples = (step - first) * task.recipe.schedule.batch * task.recipe.schedule.accumulation;
        progress(TrainingProgress {
            step,
            steps,
            loss: recent.iter().map(|row| row.loss).sum::<f64>() / recent.len() as f64,
            validation: session.record.iter().rev().map(|row| row.validation).find(|v| !v.is_nan()),
            samples_per_second: samples as f64 / start.elapsed().as_secs_f64(),
        });
    }
    session.finish()
}

/// The finished model; `None` if its file does not exist.
fn finished(task: &Task<'_>, header: &Header) -> Result<Option<Model>> {
    if !task.file.exists() {
        return Ok(None);
    }
    let model = Model::open(&task.file)?;
    // A finished model is what its program made of the task; only an unfinished one needs the same program to go on.
    let is_of_the_task = |computation: String| {
        identity(task, &header.trained_before, header.continued_from.as_deref(), &computation) == model.header.identity
    };
    if computations().any(is_of_the_task) { Ok(Some(model)) } else { Err(other_identity(&task.file)) }
}

/// Path of the lock of a model: `.YEAR.lock` beside it.
fn lock_of(file: &Path) -> PathBuf {
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    file.with_file_name(format!(".{name}.lock"))
}

/// Hash of all that a model depends on.
fn identity(task: &Task<'_>, trained_before: &str, continued_from: Option<&str>, computation: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let recipe = toml::to_string(task.recipe).expect("a recipe is plain data");
    let numbers = format!("{} {} {}", task.seed, task.lookback, task.horizon);
    let warm = continued_from.unwrap_or_default();
    for part in [&recipe, &numbers, task.data_hash, task.rules, trained_before, warm, computation] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex()[..32].to_string()
}

/// The header of the model to be trained.
fn header(task: &Task<'_>) -> Result<Header> {
    let trained_before = task.past.decision_date().to_string();
    let continued_from = task.warm.map(Model::hash).transpose()?;
    let identity = identity(task, &trained_before, continued_from.as_deref(), &computation());
    let program = Program::this();
    Ok(Header {
        format: 0,
        version: program.version.to_string(),
        commit: program.commit.to_string(),
        device: task.compute.name().to_string(),
        data_hash: task.data_hash.to_string(),
        identity,
        trained_before,
        lookback: task.lookback,
        horizon: task.horizon,
        seed: task.seed,
        continued_from,
        network: task.recipe.network.clone(),
        schedule: task.recipe.schedule.clone(),
        steps: 0,
        record: Vec::new(),
        validation_qis: None,
        events_length: None,
    })
}
