//! The state of one training (network, optimiser, record), a step that advances it, and its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use candle_core::{Device, Tensor};

use crate::data::Table;
use crate::error::{Error, Result};
use crate::nn::ElementType;
use crate::nn::Network;
use crate::train::engine::{Compute, Drawn, Engine, Named, OnDevice, OnProcessor, Outcome};
use crate::train::events::{self, Events};
use crate::train::model::{Header, Model, Point};
use crate::train::rival::qis_loss;
use crate::train::sampler::{Draw, Sampler};
use crate::train::task::{Task, other_identity};

/// Number of validation batches; their mean loss is one point of the curve.
const VALIDATION_BATCHES: u64 = 8;
/// Training stops when the smoothed loss is this many times its lowest value.
const DIVERGED: f64 = 50.0;
/// Number of steps over which the logarithm of the loss is smoothed for this purpose.
const SMOOTHING: f64 = 50.0;
/// Number of points of the record that a model file keeps.
const KEPT_POINTS: usize = 100;

/// One row of the record: n, T, loss, gradient norm, learning rate, validation loss (NaN if there is none).
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
    /// Total number of steps.
    pub steps: usize,
    /// One row per step taken.
    pub record: Vec<Row>,
    engine: Box<dyn Engine + 'a>,
    /// The next batch and its number.
    ahead: Option<(usize, Drawn)>,
    events: Events,
    smoothed: Smoothed,
}

impl<'a> Session<'a> {
    /// Starts from the checkpoint of this task, or else from the beginning. Fails if the checkpoint belongs to another
    /// task.
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
            let engine = engine(task, network, None)?;
            events::truncate(&beside(&task.file, "events"), 0)?;
            let (events, record) = (Events::new(wall_time()), Vec::new());
            return Ok(Self { task, sampler, header, steps, record, engine, ahead: None, events, smoothed });
        }
        let checkpoint = Model::open(&file)?;
        if checkpoint.header.identity != header.identity {
            return Err(other_identity(&file));
        }
        let numbers = |prefix: &str| -> Result<BTreeMap<String, Vec<f64>>> {
            let flat = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f64>();
            let group = checkpoint.group(prefix).into_iter();
            group.map(|(name, tensor)| Ok((name, flat(tensor)?))).collect()
        };
        let flat = numbers("record")?.remove("").unwrap_or_default();
        let record: Vec<Row> = flat.as_chunks().0.iter().map(|row| Row::from_array(*row)).collect();
        let network = checkpoint.network()?;
        let moments = [numbers("adam.first.")?, numbers("adam.second.")?];
        let sizes = |all: &BTreeMap<String, Vec<f64>>| -> Vec<(String, usize)> {
            all.iter().map(|(name, values)| (name.clone(), values.len())).collect()
        };
        let expected: Vec<_> =
            network.parameters().iter().map(|(name, var)| (name.clone(), var.elem_count())).collect();
        if record.len() != checkpoint.header.steps || moments.iter().any(|all| sizes(all) != expected) {
            let rule = "the checkpoint lacks its record or its moments; discard it with 'minvar train --fresh'";
            return Err(Error::data(file.display().to_string(), rule));
        }
        events::truncate(&beside(&task.file, "events"), checkpoint.header.events_length.unwrap_or(0))?;
        let (engine, events) = (engine(task, network, Some(moments))?, Events::default());
        let mut session = Self { task, sampler, header, steps, record, engine, ahead: None, events, smoothed };
        session.record.iter().for_each(|row| session.smoothed.push(row.loss));
        Ok(session)
    }

    /// Takes one optimiser step. Fails if the loss is not a number or has diverged.
    pub fn step(&mut self) -> Result<()> {
        let schedule = &self.task.recipe.schedule;
        let step = self.record.len();
        let weight = 1.0 / schedule.accumulation as f64;
        let mut draws = Vec::with_capacity(schedule.accumulation);
        for number in 0..schedule.accumulation {
            let batch = self.batch(step * schedule.accumulation + number)?;
            self.add(&batch, number, weight)?;
            draws.push(batch.draw);
        }
        let Outcome { norm, losses, problem } = self.engine.outcome()?;
        let mut problem = problem.map(|why| (losses.len(), why));
        for (number, loss) in losses.iter().enumerate() {
            if problem.is_none() {
                let why = if loss.is_finite() && norm.is_finite() {
                    self.smoothed.push(*loss);
                    self.smoothed.runaway()
                } else {
                    Some(format!("the loss is {loss}, the gradient norm {norm}"))
                };
                problem = why.map(|why| (number, why));
            }
        }
        if let Some((number, why)) = problem {
            return Err(self.diverged(&draws[number], &why));
        }
        let loss = losses.iter().map(|loss| weight * loss).sum();
        let learning_rate = schedule.learning_rate(step, self.task.warm.is_some());
        self.engine.step(step + 1, learning_rate, schedule.clip_norm)?;
        let due = (step + 1).is_multiple_of(schedule.validate_every) || step + 1 == self.steps;
        let validation = if due { self.validation()? } else { f64::NAN };
        let scalars =
            [("loss", loss), ("gradient_norm", norm), ("learning_rate", learning_rate), ("validation", validation)];
        let known = if validation.is_nan() { &scalars[..3] } else { &scalars[..] };
        self.events.scalars(wall_time(), step as u64 + 1, known);
        let (n_assets, n_days) = draws.last().map_or((0.0, 0.0), |d| (d.n_assets() as f64, d.n_days as f64));
        self.record.push(Row { n_assets, n_days, loss, gradient_norm: norm, learning_rate, validation });
        Ok(())
    }

    /// Batch number `number`, which may have been drawn ahead.
    fn batch(&mut self, number: usize) -> Result<Drawn> {
        match self.ahead.take() {
            Some((ahead, batch)) if ahead == number => Ok(batch),
            _ => Drawn::new(&self.sampler, number, false),
        }
    }

    /// Adds the gradient of the step's batch number `number`; meanwhile the next one is drawn.
    fn add(&mut self, batch: &Drawn, number: usize, weight: f64) -> Result<()> {
        let accumulation = self.task.recipe.schedule.accumulation;
        let next = self.record.len() * accumulation + number + 1;
        let (sampler, with_returns) = (&self.sampler, self.engine.reads_ahead());
        let mut ahead = None;
        let mut draw = || {
            if next < self.steps * accumulation {
                ahead = Some(Drawn::new(sampler, next, with_returns));
            }
        };
        self.engine.add(sampler, batch, number, weight, &mut draw)?;
        self.ahead = ahead.transpose()?.map(|batch| (next, batch));
        Ok(())
    }

    /// Mean loss over the validation batches; NaN if no dates are held back.
    fn validation(&mut self) -> Result<f64> {
        let mut sum = 0.0;
        for number in 0..VALIDATION_BATCHES {
            let Some(draw) = self.sampler.validation(number) else { return Ok(f64::NAN) };
            sum += self.engine.loss(&self.sampler, &draw?)?;
        }
        Ok(sum / VALIDATION_BATCHES as f64)
    }

    /// Saves the batch at which the training broke down, with the parameters, and returns an error that names the
    /// file.
    fn diverged(&self, draw: &Draw, why: &str) -> Error {
        let file = beside(&self.task.file, "diverged.safetensors");
        let save = || -> Result<()> {
            let (mut tensors, batch) = (self.parameters()?, self.sampler.batch(draw)?);
            tensors.insert("batch.returns".to_string(), batch.returns);
            tensors.insert("batch.future".to_string(), batch.future);
            let header = Header { steps: self.record.len(), ..self.header.clone() };
            Model::new(header, tensors).save(&file)
        };
        let saved = match save() {
            Ok(()) => format!("batch and parameters are in {}", file.display()),
            Err(error) => format!("the batch could not be saved: {error}"),
        };
        Error::Diverged { step: self.record.len() + 1, why: why.to_string(), saved }
    }

    fn parameters(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(self.engine.parameters()?.into_iter().map(|(name, tensor)| (format!("parameter.{name}"), tensor)).collect())
    }

    /// Writes the checkpoint from which the training can continue.
    pub fn save_checkpoint(&mut self) -> Result<()> {
        let vector = |values: &Vec<f64>| Tensor::from_slice(values, values.len(), &Device::Cpu).map_err(Error::from);
        let mut tensors = self.parameters()?;
        for (kind, moments) in ["first", "second"].into_iter().zip(&self.engine.moments()?) {
            for (name, values) in moments {
                tensors.insert(format!("adam.{kind}.{name}"), vector(values)?);
            }
        }
        tensors.insert("record".to_string(), vector(&self.record.iter().flat_map(|row| row.to_array()).collect())?);
        let events_length = Some(self.events.append_to(&beside(&self.task.file, "events"))?);
        let header = Header { steps: self.record.len(), events_length, ..self.header.clone() };
        Model::new(header, tensors).save(&beside(&self.task.file, "checkpoint.safetensors"))
    }

    /// Writes the model file and the record as a table, and removes the checkpoint.
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
        let validation_qis = qis_loss(&self.sampler, VALIDATION_BATCHES)?;
        let record = thinned(&self.record);
        let header = Header { steps: self.record.len(), record, validation_qis, ..self.header.clone() };
        let model = Model::new(header, self.parameters()?);
        model.save(&self.task.file)?;
        let checkpoint = beside(&self.task.file, "checkpoint.safetensors");
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint).map_err(Error::io(&checkpoint))?;
        }
        Ok(model)
    }
}

/// The engine for the network, on the task's processor or device.
fn engine<'a>(task: &Task<'_>, network: Network<f32>, moments: Option<[Named; 2]>) -> Result<Box<dyn Engine + 'a>> {
    match task.compute {
        Compute::Processor => Ok(Box::new(OnProcessor::new(network, moments))),
        Compute::Device { open, .. } => {
            let device = open(network.architecture(), ElementType::F32)?;
            let mut engine = OnDevice::new(device, &network, moments)?;
            engine.prepare(task.past, &task.recipe.schedule)?;
            Ok(Box::new(engine))
        }
    }
}

/// Path of a companion file or folder of a model file.
pub(super) fn beside(file: &Path, extension: &str) -> PathBuf {
    file.with_extension(extension)
}

/// Seconds since 1970, for TensorBoard; no result depends on it.
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

/// The smoothed logarithm of the loss, and its lowest value.
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
