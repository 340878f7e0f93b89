//! Times the network on this machine: a whole training step, or a forward pass.

use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::nn::{Architecture, Network, variance};
use crate::registry::{check, check_repetitions};
use crate::train::schedule::check_batch;
use crate::train::{Adam, Gradients};

/// A computation to be timed.
pub struct Workload {
    /// The network.
    pub network: Architecture,
    /// Number of samples in the batch.
    pub batch: usize,
    /// Number of assets n.
    pub n_assets: usize,
    /// Number of days T.
    pub n_days: usize,
    /// Whether to stop after the weights are computed.
    pub forward_only: bool,
    /// Number of timed repetitions, after one that is not timed.
    pub repetitions: usize,
}

impl Workload {
    /// Refuses sizes that do not fit in memory, are too small, or would take forever.
    pub(super) fn check(&self) -> Result<()> {
        self.network.check()?;
        check_repetitions(self.repetitions, 1, "--repeat")?;
        for (name, least, count) in
            [("--assets", 2, self.n_assets), ("--days", 2, self.n_days), ("--batch", 1, self.batch)]
        {
            check(count >= least, name, if least == 1 { "at least 1" } else { "at least 2" }, count)?;
        }
        check_batch(self.batch, self.n_assets, self.n_days)
    }
}

/// Seconds of each repetition, by stage.
#[derive(Debug, Serialize)]
pub struct Timings {
    /// Lag transform, correlation, eigenvalues, cleaner and weights.
    pub forward: Vec<f64>,
    /// Gradients of all parameters.
    pub backward: Vec<f64>,
    /// Clipping and Adam.
    pub optimiser: Vec<f64>,
    /// The whole step.
    pub total: Vec<f64>,
    /// The loss of the first step, to compare with other programs on the same arrays.
    pub loss: f64,
}

/// Times the workload on the arrays `inputs` `[batch, n, T]` and `sigma` `[batch, n, n]` of a safetensors file, or on
/// random ones.
pub fn time(work: &Workload, arrays: Option<&Path>) -> Result<Timings> {
    work.check()?;
    let (inputs, sigma) = match arrays {
        Some(path) => read(path)?,
        None => random(work)?,
    };
    let network = Network::<f32>::new(work.network.clone(), 1)?;
    let mut adam = Adam::new(network.parameters());
    let mut timings = Timings { forward: vec![], backward: vec![], optimiser: vec![], total: vec![], loss: f64::NAN };
    for repetition in 0..=work.repetitions {
        let start = Instant::now();
        let weights = network.weights(&inputs)?;
        let forward = start.elapsed().as_secs_f64();
        let (mut backward, mut optimiser) = (0.0, 0.0);
        let loss = variance(&weights, &sigma).and_then(|loss| loss.mean_all())?;
        if !work.forward_only {
            let store = loss.backward()?;
            backward = start.elapsed().as_secs_f64() - forward;
            let mut gradients = Gradients::zeros(network.parameters());
            gradients.add::<f32>(network.parameters(), &store, 1.0)?;
            gradients.clip(1.0);
            adam.step::<f32>(network.parameters(), &gradients, 1e-3)?;
            optimiser = start.elapsed().as_secs_f64() - forward - backward;
        }
        let total = start.elapsed().as_secs_f64();
        if repetition == 0 {
            timings.loss = loss.to_scalar::<f32>().map(f64::from)?;
            continue;
        }
        timings.forward.push(forward);
        timings.backward.push(backward);
        timings.optimiser.push(optimiser);
        timings.total.push(total);
    }
    Ok(timings)
}

/// X `[batch, n, T]` of a workload, from a file or random.
pub(super) fn inputs(work: &Workload, arrays: Option<&Path>) -> Result<Tensor> {
    work.check()?;
    match arrays {
        Some(path) => read(path).map(|(inputs, _)| inputs),
        None => random(work).map(|(inputs, _)| inputs).map_err(Error::from),
    }
}

fn read(path: &Path) -> Result<(Tensor, Tensor)> {
    let place = path.display().to_string();
    let all = candle_core::safetensors::load(path, &Device::Cpu).map_err(|e| Error::data(&place, e.to_string()))?;
    let get = |name: &str| -> Result<Tensor> {
        let tensor = all.get(name).ok_or_else(|| Error::data(&place, format!("there is no tensor '{name}'")))?;
        tensor.to_dtype(DType::F32).map_err(Error::from)
    };
    Ok((get("inputs")?, get("sigma")?))
}

/// Returns of a one-factor market with daily volatilities near 2 %, and unit matrices for the loss.
fn random(work: &Workload) -> candle_core::Result<(Tensor, Tensor)> {
    let (batch, n, t) = (work.batch, work.n_assets, work.n_days);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let factor: Vec<f32> = (0..t).map(|_| random.sample(StandardNormal)).collect();
    let mut normal = |k: usize| 0.01 * factor[k % t] + 0.017 * random.sample::<f32, _>(StandardNormal);
    let inputs: Vec<f32> = (0..batch * n * t).map(&mut normal).collect();
    let sigma = Tensor::eye(n, DType::F32, &Device::Cpu)?.unsqueeze(0)?.repeat((batch, 1, 1))?;
    Ok((Tensor::from_vec(inputs, (batch, n, t), &Device::Cpu)?, sigma))
}
