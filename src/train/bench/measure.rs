//! Speed of a device: its ceilings, and the stages of a training step compared with them.

use std::path::Path;
use std::time::Instant;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde::Serialize;

use crate::cuda::{Argument, Backend, Ceilings, DeviceNetwork, Operand, Product, Shape, Sizes, Windows, cost};
use crate::error::Result;
use crate::nn::ElementType;
use crate::nn::{Architecture, Network};
use crate::train::bench::timing::inputs;
use crate::train::numbers;
use crate::train::{Opener, Workload};

/// Days of a target in the measurements.
const HORIZON: usize = 5;

/// One stage of a step.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// Median over the repetitions of the stage's seconds per step.
    pub seconds: f64,
    /// Arithmetic operations per second; NaN where they are not counted.
    pub operations_per_second: f64,
    /// Bytes moved per second; NaN where they are not counted.
    pub bytes_per_second: f64,
    /// Shortest possible time at the device's ceilings over the actual time; NaN where nothing is counted.
    pub of_ceiling: f64,
}

/// The times of a workload on a device.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Seconds of each whole step, from the upload of its indices to the end of its computations.
    pub total: Vec<f64>,
    /// The stages. The program waits for each of them, so their sum exceeds the time of a step. Empty for forward
    /// passes.
    pub stages: Vec<Stage>,
    /// The loss of the first step.
    pub loss: f64,
}

/// Measures the ceilings of a device with a large matrix product and a large copy.
pub fn ceilings(device: &dyn Backend) -> Result<Ceilings> {
    const N: usize = 4096;
    const REPETITIONS: usize = 10;
    let bytes = device.precision().bytes();
    let size = 4 * N * N * bytes; // 256 MiB in single precision, beyond any cache
    let (from, to) = (device.allocate(size)?, device.allocate(size)?);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let noise: Vec<f64> = (0..N * N).map(|_| random.sample(StandardNormal)).collect();
    let noise = device.precision().encode(noise);
    (0..4).try_for_each(|k| device.write(from.plus(k * N * N * bytes), &noise))?;
    let best = |work: &dyn Fn() -> Result<()>| -> Result<f64> {
        let mut best = f64::INFINITY;
        for _ in 0..REPETITIONS {
            device.wait()?;
            let start = Instant::now();
            work()?;
            device.wait()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    let copy = Shape { grid: [132 * 16, 1], block: 256, shared: 0 };
    let quads = Argument::Long((size / 16) as i64);
    let copied = best(&|| device.launch("copied", copy, &[quads, from.into(), to.into()]))?;
    let matrix = |k: usize| Operand::rows(from.plus(k * N * N * bytes), N);
    let (a, b, out) = (matrix(0), matrix(1), Operand::rows(to, N));
    let product = Product { a, b, out, rows: N, columns: N, inner: N, factor: 1.0, keep: 0.0, batch: 1 };
    let multiplied = best(&|| device.product(&product))?;
    device.release(from)?;
    device.release(to)?;
    Ok(Ceilings { operations: 2.0 * (N as f64).powi(3) / multiplied, bytes: 2.0 * size as f64 / copied })
}

/// The windows of a workload as rows of a panel, and their sizes. In each row the first days are repeated after the
/// window, to serve as the target.
fn market(work: &Workload, arrays: Option<&Path>) -> Result<(Vec<f64>, Sizes)> {
    let inputs = inputs(work, arrays)?;
    let (batch, n_assets, n_days) = inputs.dims3()?;
    let returns = inputs.flatten_all().and_then(|flat| flat.to_vec1::<f32>())?;
    let row = |row: &[f32]| row.iter().chain(&row[..HORIZON + 1]).map(|r| f64::from(*r)).collect::<Vec<_>>();
    Ok((returns.chunks_exact(n_days).flat_map(row).collect(), Sizes { batch, n_assets, n_days }))
}

/// Times a workload on a device, using the `inputs` of a file or random ones. With `ceilings` it also times the
/// stages.
pub fn measure(
    work: &Workload,
    arrays: Option<&Path>,
    open: Opener<'_>,
    ceilings: Option<&Ceilings>,
) -> Result<Measured> {
    let precision = ElementType::F32;
    let network = Network::<f32>::new(work.network.clone(), 1)?;
    let device = open(&work.network, precision)?;
    let mut program = DeviceNetwork::new(device, &work.network, &numbers::<f32>(network.parameters())?)?;
    let (panel, sizes) = market(work, arrays)?;
    program.set_panel(&panel, sizes.n_days + HORIZON + 1)?;
    let (decisions, assets) = (vec![sizes.n_days; sizes.batch], (0..sizes.rows()).collect::<Vec<_>>());
    let windows = Windows { days: &decisions, assets: &assets, n_days: sizes.n_days, market: false };
    program.reserve(sizes, !work.forward_only)?;
    let mut first_loss = f64::NAN;
    let mut step = |program: &mut DeviceNetwork, number: usize| -> Result<()> {
        if work.forward_only {
            return program.portfolio_weights(&windows).map(|_| ());
        }
        program.add_gradients(&windows, HORIZON, 0, 1.0)?;
        let (_, losses) = program.outcome(1)?;
        if number == 0 {
            first_loss = losses[0];
        }
        program.step(number + 1, 1e-3, 1.0)
    };
    step(&mut program, 0)?; // untimed
    let mut total = Vec::new();
    for number in 0..work.repetitions {
        program.wait()?;
        let start = Instant::now();
        step(&mut program, 1 + number)?;
        program.wait()?;
        total.push(start.elapsed().as_secs_f64());
    }
    let mut stages = Vec::new();
    if let Some(ceilings) = ceilings.filter(|_| !work.forward_only) {
        let mut profiles = Vec::new();
        for number in 0..work.repetitions {
            program.start_profile();
            step(&mut program, 1 + work.repetitions + number)?;
            profiles.push(program.end_profile()?);
        }
        for (k, (name, _)) in profiles[0].stages().iter().enumerate() {
            let mut seconds: Vec<f64> = profiles.iter().map(|profile| profile.stages()[k].1).collect();
            seconds.sort_by(f64::total_cmp);
            stages.push(stage(name, seconds[seconds.len() / 2], &work.network, sizes, ceilings));
        }
    }
    Ok(Measured { total, stages, loss: first_loss })
}

/// Computes a stage's rates and compares them with the ceilings.
pub(super) fn stage(
    name: &'static str,
    seconds: f64,
    network: &Architecture,
    sizes: Sizes,
    ceilings: &Ceilings,
) -> Stage {
    let cost = cost(name, network, sizes, ElementType::F32);
    let over = |amount: Option<f64>| amount.map_or(f64::NAN, |amount| amount / seconds);
    Stage {
        name,
        seconds,
        operations_per_second: over(cost.map(|cost| cost.operations)),
        bytes_per_second: over(cost.map(|cost| cost.bytes)),
        of_ceiling: over(cost.map(|cost| cost.floor(ceilings))),
    }
}
