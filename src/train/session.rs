//! The state of one training: network, optimiser and record; a step on it, and its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use candle_core::{Device, Tensor};

use crate::data::Table;
use crate::error::{Error, Result};
use crate::nn::{Network, realised_variance};
use crate::train::adam::{Adam, Gradients};
use crate::train::events::{self, Events};
use crate::train::failed;
use crate::train::model::{Header, Model, Point};
use crate::train::sampler::{Batch, Sampler};
use crate::train::training::{Task, other_identity};

/// Validation batches; their mean loss is one point of the curve.
const VALIDATION_BATCHES: u64 = 8;
/// Training stops when the smoothed loss is this many times its lowest value.
const DIVERGED: f64 = 50.0;
/// Steps over which the logarithm of the loss is smoothed for that.
const SMOOTHING: f64 = 50.0;
/// Points of the record that a model file keeps.
const KEPT_POINTS: usize = 100;

/// One row of the record: n, T, loss, gradient norm, learning rate, validation (NaN where there is none).
#[derive(Clone, Copy)]
pub(super) struct Row {
    n_assets: f64,
    n_days: f64,
    pub loss: f64,
    gradient_norm: f64,
    learning_rate: f64,
    pub validation: f64,
}

const COLUMNS: usize = 6;

impl Row {
    fn to_array(self) -> [f64; COLUMNS] {
        [self.n_assets, self.n_days, self.loss, self.gradient_norm, self.learning_rate, self.validation]
    }

    fn from_array([n_assets, n_days, loss, gradient_norm, learning_rate, validation]: [f64; COLUMNS]) -> Self {
        Self { n_assets, n_days, loss, gradient_norm, learning_rate, validation }
    }
}

pub(super) struct Session<'a> {
    task: &'a Task<'a>,
    sampler: Sampler<'a>,
    header: Header,
    /// Steps in all.
    pub steps: usize,
    /// One row per step taken.
    pub record: Vec<Row>,
    network: Network<f32>,
    adam: Adam,
    events: Events,
    smoothed: Smoothed,
}

impl<'a> Session<'a> {
    /// From the checkpoint if there is one of this task.
    pub fn start(task: &'a Task<'a>, header: Header) -> Result<Self> {
        let schedule = &task.recipe.schedule;
        let sampler = Sampler::new(task.past, task.eligible, schedule, task.lookback, task.horizon, task.seed)?;
        let (steps, _) = schedule.length(task.warm.is_some());
        let file = beside(&task.file, "checkpoint.safetensors");
        let smoothed = Smoothed::default();
        if !file.exists() {
            let network = match task.warm {
                Some(model) => model.network()?,
                None => Network::new(task.recipe.network.clone(), task.seed)?,
            };
            let adam = Adam::new(network.parameters());
            events::truncate(&beside(&task.file, "events"), 0)?;
            let (events, record) = (Events::new(wall_time()), Vec::new());
            return Ok(Self { task, sampler, header, steps, record, network, adam, events, smoothed });
        }
        let checkpoint = Model::open(&file)?;
        if checkpoint.header.identity != header.identity || checkpoint.header.commit != header.commit {
            return Err(other_identity(&file));
        }
        let numbers = |prefix: &str| -> Result<BTreeMap<String, Vec<f64>>> {
            let flat = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f64>();
            let group = checkpoint.group(prefix).into_iter();
            group.map(|(name, tensor)| Ok((name, flat(tensor).map_err(failed)?))).collect()
        };
        let flat = numbers("record")?.remove("").unwrap_or_default();
        let record: Vec<Row> = flat.as_chunks().0.iter().map(|row| Row::from_array(*row)).collect();
        let network = checkpoint.network()?;
        let adam = Adam { steps: record.len(), first: numbers("adam.first.")?, second: numbers("adam.second.")? };
        let sizes = |all: &BTreeMap<String, Vec<f64>>| -> Vec<(String, usize)> {
            all.iter().map(|(name, values)| (name.clone(), values.len())).collect()
        };
        let expected: Vec<_> =
            network.parameters().iter().map(|(name, var)| (name.clone(), var.elem_count())).collect();
        if record.len() != checkpoint.header.steps || sizes(&adam.first) != expected || sizes(&adam.second) != expected
        {
            let rule = "the checkpoint lacks its record or its moments; discard it with 'minvar train --fresh'";
            return Err(Error::data(file.display().to_string(), rule));
        }
        events::truncate(&beside(&task.file, "events"), checkpoint.header.events_length.unwrap_or(0))?;
        let mut session =
            Self { task, sampler, header, steps, record, network, adam, events: Events::default(), smoothed };
        session.record.iter().for_each(|row| session.smoothed.push(row.loss));
        Ok(session)
    }

    /// One optimiser step.
    pub fn step(&mut self) -> Result<()> {
        let schedule = &self.task.recipe.schedule;
        let step = self.record.len();
        let mut gradients = Gradients::zeros(self.network.parameters());
        let (mut loss, mut shape) = (0.0, (0, 0));
        let weight = 1.0 / schedule.accumulation as f64;
        for micro in 0..schedule.accumulation {
            let batch = self.sampler.batch((step * schedule.accumulation + micro) as u64)?;
            shape = (batch.n_assets(), batch.n_days());
            let outcome = self.add_gradients(&batch, weight, &mut gradients);
            let problem = match outcome {
                Ok(batch_loss) if batch_loss.is_finite() && gradients.norm().is_finite() => {
                    loss += weight * batch_loss;
                    self.smoothed.push(batch_loss);
                    self.smoothed.runaway()
                }
                Ok(batch_loss) => Some(format!("the loss is {batch_loss}, the gradient norm {}", gradients.norm())),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = problem {
                return Err(self.diverged(&batch, &why));
            }
        }
        let gradient_norm = gradients.clip(schedule.clip_norm);
        let learning_rate = schedule.learning_rate(step, self.task.warm.is_some());
        self.adam.step::<f32>(self.network.parameters(), &gradients, learning_rate).map_err(failed)?;
        let due = (step + 1).is_multiple_of(schedule.validate_every) || step + 1 == self.steps;
        let validation = if due { self.validation()? } else { f64::NAN };
        let scalars = [
            ("loss", loss),
            ("gradient_norm", gradient_norm),
            ("learning_rate", learning_rate),
            ("validation", validation),
        ];
        let known = if validation.is_nan() { &scalars[..3] } else { &scalars[..] };
        self.events.scalars(wall_time(), step as u64 + 1, known);
        let (n_assets, n_days) = (shape.0 as f64, shape.1 as f64);
        self.record.push(Row { n_assets, n_days, loss, gradient_norm, learning_rate, validation });
        Ok(())
    }

    /// Adds the gradients of a batch's mean loss, times `weight`, and returns that loss.
    fn add_gradients(&self, batch: &Batch, weight: f64, gradients: &mut Gradients) -> Result<f64> {
        let loss = self.loss(batch)?;
        let store = loss.backward().map_err(failed)?;
        gradients.add::<f32>(self.network.parameters(), &store, weight).map_err(failed)?;
        loss.to_scalar::<f32>().map(f64::from).map_err(failed)
    }

    fn loss(&self, batch: &Batch) -> Result<Tensor> {
        let weights = self.network.weights(&batch.returns)?;
        realised_variance(&weights, &batch.future).and_then(|losses| losses.mean_all()).map_err(failed)
    }

    /// Mean loss over the validation batches; NaN where nothing is held back.
    fn validation(&self) -> Result<f64> {
        let mut sum = 0.0;
        for number in 0..VALIDATION_BATCHES {
            let Some(batch) = self.sampler.validation(number) else { return Ok(f64::NAN) };
            sum += self.loss(&batch?)?.to_scalar::<f32>().map(f64::from).map_err(failed)?;
        }
        Ok(sum / VALIDATION_BATCHES as f64)
    }

    /// Saves the batch that broke the training, with the parameters, and says where.
    fn diverged(&self, batch: &Batch, why: &str) -> Error {
        let mut tensors = self.parameters();
        tensors.insert("batch.returns".to_string(), batch.returns.clone());
        tensors.insert("batch.future".to_string(), batch.future.clone());
        let file = beside(&self.task.file, "diverged.safetensors");
        let header = Header { steps: self.record.len(), ..self.header.clone() };
        let saved = match Model::new(header, tensors).save(&file) {
            Ok(()) => format!("batch and parameters are in {}", file.display()),
            Err(error) => format!("the batch could not be saved: {error}"),
        };
        let step = self.record.len() + 1;
        let why = format!("at step {step} {why}; {saved}; try a lower learning rate");
        Error::Undefined { what: "the rest of the training", why }
    }

    fn parameters(&self) -> BTreeMap<String, Tensor> {
        let detached =
            |(name, var): (&String, &candle_core::Var)| (format!("parameter.{name}"), var.as_detached_tensor());
        self.network.parameters().iter().map(detached).collect()
    }

    /// Everything needed to go on from here.
    pub fn save_checkpoint(&mut self) -> Result<()> {
        let vector = |values: &Vec<f64>| Tensor::from_slice(values, values.len(), &Device::Cpu).map_err(failed);
        let mut tensors = self.parameters();
        for (kind, moments) in [("first", &self.adam.first), ("second", &self.adam.second)] {
            for (name, values) in moments {
                tensors.insert(format!("adam.{kind}.{name}"), vector(values)?);
            }
        }
        tensors.insert("record".to_string(), vector(&self.record.iter().flat_map(|row| row.to_array()).collect())?);
        let events_length = Some(self.events.append_to(&beside(&self.task.file, "events"))?);
        let header = Header { steps: self.record.len(), events_length, ..self.header.clone() };
        Model::new(header, tensors).save(&beside(&self.task.file, "checkpoint.safetensors"))
    }

    /// The model file and the record as a table; the checkpoint is no longer needed.
    pub fn finish(mut self) -> Result<Model> {
        self.events.append_to(&beside(&self.task.file, "events"))?;
        let column = |value: fn(&Row) -> f64| self.record.iter().map(value);
        Table::default()
            .with_counts("step", 1..=self.record.len())
            .with_counts("n_assets", self.record.iter().map(|row| row.n_assets as usize))
            .with_counts("n_days", self.record.iter().map(|row| row.n_days as usize))
            .with_numbers("loss", column(|row| row.loss))
            .with_numbers("gradient_norm", column(|row| row.gradient_norm))
            .with_numbers("learning_rate", column(|row| row.learning_rate))
            .with_numbers("validation", column(|row| row.validation))
            .write_csv(&beside(&self.task.file, "csv"))?;
        let header = Header { steps: self.record.len(), record: thinned(&self.record), ..self.header.clone() };
        let model = Model::new(header, self.parameters());
        model.save(&self.task.file)?;
        let checkpoint = beside(&self.task.file, "checkpoint.safetensors");
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint).map_err(Error::io(&checkpoint))?;
        }
        Ok(model)
    }
}

/// A file or folder that belongs to a model file.
pub(super) fn beside(file: &Path, extension: &str) -> PathBuf {
    file.with_extension(extension)
}

/// Seconds since 1970, for TensorBoard; nothing else depends on it.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn thinned(record: &[Row]) -> Vec<Point> {
    let stretch = record.len().div_ceil(KEPT_POINTS).max(1);
    let point = |(k, rows): (usize, &[Row])| {
        let mean = |value: fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
        Point {
            step: k * stretch + rows.len(),
            loss: mean(|row| row.loss),
            gradient_norm: mean(|row| row.gradient_norm),
            validation: rows.iter().rev().map(|row| row.validation).find(|v| !v.is_nan()),
        }
    };
    record.chunks(stretch).enumerate().map(point).collect()
}

/// The running mean of ln loss and its lowest value.
#[derive(Default)]
struct Smoothed {
    mean: Option<f64>,
    lowest: f64,
}

impl Smoothed {
    fn push(&mut self, loss: f64) {
        let log = loss.max(f64::MIN_POSITIVE).ln();
        let mean = self.mean.map_or(log, |mean| mean + (log - mean) / SMOOTHING);
        self.lowest = if self.mean.is_none() { mean } else { self.lowest.min(mean) };
        self.mean = Some(mean);
    }

    fn runaway(&self) -> Option<String> {
        let ratio = (self.mean? - self.lowest).exp();
        (ratio > DIVERGED).then(|| format!("the smoothed loss is {ratio:.0} times its lowest value"))
    }
}
