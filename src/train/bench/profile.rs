//! Profiles the first steps of a training, stage by stage, without writing files.

use std::time::Instant;

use serde::Serialize;

use crate::cuda::{Ceilings, Cost, Sizes, cost};
use crate::error::Result;
use crate::nn::ElementType;
use crate::nn::Network;
use crate::train::bench::measure::Stage;
use crate::train::engine::{Drawn, Engine, OnDevice, OnProcessor};
use crate::train::sampler::Sampler;
use crate::train::{Compute, Task};

/// The profile of the first steps of a training.
#[derive(Clone, Debug, Serialize)]
pub struct Profiled {
    /// Number of steps that were measured, after an unmeasured one.
    pub steps: usize,
    /// Samples per step.
    pub samples: usize,
    /// Seconds of all measured steps together.
    pub seconds: f64,
    /// Stages, summed over the steps. On a device each stage waits for the one before, unlike in a real training.
    pub stages: Vec<Stage>,
}

/// Measures the first `steps` steps of a task after one that is not measured, as if the universes of their days were known
/// already, and compares them with the device's limits.
pub fn profile(task: &Task<'_>, steps: usize, limits: Option<Ceilings>) -> Result<Profiled> {
    let schedule = &task.recipe.schedule;
    let sampler = Sampler::new(task.past, task.eligible, schedule, task.lookback, task.horizon, task.seed)?;
    let network = Network::<f32>::new(task.recipe.network.clone(), task.seed)?;
    let mut engine: Box<dyn Engine> = match task.compute {
        Compute::Processor => Box::new(OnProcessor::new(network, None)),
        Compute::Device { open, .. } => {
            let device = open(&task.recipe.network, ElementType::F32)?;
            let mut engine = OnDevice::new(device, &network, None)?;
            engine.prepare(task.past, schedule)?;
            Box::new(engine.measured())
        }
    };
    let weight = 1.0 / schedule.accumulation as f64;
    // The universe of a day is chosen when a training first meets the day: soon, most days are known.
    for number in 0..=steps * schedule.accumulation {
        sampler.draw(number as u64)?;
    }
    let (mut drawing, mut batches) = (0.0, Vec::new());
    let mut start = Instant::now();
    for step in 0..=steps {
        if step == 1 {
            engine.stages()?;
            (drawing, start) = (0.0, Instant::now());
            batches.clear();
        }
        for number in 0..schedule.accumulation {
            let since = Instant::now();
            let drawn = Drawn::new(&sampler, step * schedule.accumulation + number, false)?;
            drawing += since.elapsed().as_secs_f64();
            batches.push(Sizes { batch: schedule.batch, n_assets: drawn.draw.n_assets(), n_days: drawn.draw.n_days });
            engine.add(&sampler, &drawn, number, weight, &mut || ())?;
        }
        engine.outcome()?;
        engine.step(step + 1, schedule.learning_rate(step, false), schedule.clip_norm)?;
    }
    let measured = engine.stages()?;
    let seconds = start.elapsed().as_secs_f64();
    let stage = |(name, seconds): (&'static str, f64)| {
        let all = |sizes: &Sizes| cost(name, &task.recipe.network, *sizes, ElementType::F32);
        let costs: Option<Vec<Cost>> = batches.iter().map(all).collect();
        let over = |amount: &dyn Fn(&Cost, &Ceilings) -> f64| match (&costs, &limits) {
            (Some(costs), Some(limits)) => costs.iter().map(|cost| amount(cost, limits)).sum::<f64>() / seconds,
            _ => f64::NAN,
        };
        Stage {
            name,
            seconds,
            operations_per_second: over(&|cost, _| cost.operations),
            bytes_per_second: over(&|cost, _| cost.bytes),
            of_ceiling: over(&|cost, limits| cost.floor(limits)),
        }
    };
    let stages = std::iter::once(("drawing batches", drawing)).chain(measured).map(stage).collect();
    let samples = schedule.batch * schedule.accumulation;
    Ok(Profiled { steps, samples, seconds, stages })
}
