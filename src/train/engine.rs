//! Engines that compute losses, gradients and steps: on the processor, or on a device.

use std::collections::BTreeMap;
use std::time::Instant;

use candle_core::{Device, Tensor};

use crate::cuda::{Backend, DeviceNetwork, Sizes, Windows};
use crate::error::Result;
use crate::nn::ElementType;
use crate::nn::{Architecture, Network, realised_variance};
use crate::panel::Past;
use crate::train::adam::{Adam, Gradients};
use crate::train::numbers;
use crate::train::sampler::{Batch, Draw, Sampler};
use crate::train::schedule::Schedule;

/// A function that opens a device for an architecture and a precision.
pub type Opener<'a> = &'a (dyn Fn(&Architecture, ElementType) -> Result<Box<dyn Backend + Send>> + Sync);

/// The place where networks are trained and applied.
#[derive(Clone, Copy)]
pub enum Compute<'a> {
    /// The processor.
    Processor,
    /// A device.
    Device {
        /// Name of the device in results.
        name: &'a str,
        /// The function that opens the device.
        open: Opener<'a>,
    },
}

impl Compute<'_> {
    /// Name of the device in results; `cpu` for the processor.
    pub fn name(&self) -> &str {
        match self {
            Compute::Processor => "cpu",
            Compute::Device { name, .. } => name,
        }
    }
}

/// The result of the batches of a step.
pub(super) struct Outcome {
    /// Norm ‖g‖ of the gradient over all parameters, before clipping.
    pub norm: f64,
    /// Mean loss of each batch.
    pub losses: Vec<f64>,
    /// The reason why the last batch has no loss, if it has none.
    pub problem: Option<String>,
}

/// Values by the name of their parameter.
pub(super) type Named = BTreeMap<String, Vec<f64>>;

/// A batch whose dates and assets are drawn, and, if it was read ahead, its returns.
pub(super) struct Drawn {
    pub draw: Draw,
    pub batch: Option<Batch>,
}

impl Drawn {
    /// Training batch number `number`.
    pub fn new(sampler: &Sampler<'_>, number: usize, with_returns: bool) -> Result<Self> {
        let draw = sampler.draw(number as u64)?;
        let batch = with_returns.then(|| sampler.batch(&draw)).transpose()?;
        Ok(Self { draw, batch })
    }
}

/// A network in training. Each step calls `add` for every batch, then `outcome`, then `step`.
pub(super) trait Engine {
    /// Adds `weight` times the gradient of the mean loss of the step's batch number `number`, and does `meanwhile` beside it. May
    /// return before the gradient is there.
    fn add(
        &mut self,
        sampler: &Sampler<'_>,
        batch: &Drawn,
        number: usize,
        weight: f64,
        meanwhile: &mut (dyn FnMut() + Send),
    ) -> Result<()>;
    /// Whether batches are to be read before they are added.
    fn reads_ahead(&self) -> bool;
    /// Waits for the batches added since the last step, and returns their norm and losses.
    fn outcome(&mut self) -> Result<Outcome>;
    /// Takes step number `number` (from 1) of Adam, with the gradient clipped to the norm `clip_norm`.
    fn step(&mut self, number: usize, learning_rate: f64, clip_norm: f64) -> Result<()>;
    /// Mean loss of a batch, without gradients.
    fn loss(&mut self, sampler: &Sampler<'_>, draw: &Draw) -> Result<f64>;
    /// Current values of the parameters.
    fn parameters(&self) -> Result<BTreeMap<String, Tensor>>;
    /// Adam's first and second moments.
    fn moments(&self) -> Result<[Named; 2]>;
    /// Seconds by stage since the last call.
    fn stages(&mut self) -> Result<Vec<(&'static str, f64)>>;
}

/// Training on the processor.
pub(super) struct OnProcessor {
    network: Network<f32>,
    adam: Adam,
    gradients: Gradients,
    losses: Vec<f64>,
    problem: Option<String>,
    seconds: [f64; 4],
}

impl OnProcessor {
    pub fn new(network: Network<f32>, moments: Option<[Named; 2]>) -> Self {
        let mut adam = Adam::new(network.parameters());
        if let Some(moments) = moments {
            [adam.first, adam.second] = moments;
        }
        let gradients = Gradients::zeros(network.parameters());
        Self { network, adam, gradients, losses: Vec::new(), problem: None, seconds: [0.0; 4] }
    }

    fn mean_loss(&self, batch: &Batch) -> Result<Tensor> {
        let weights = self.network.weights(&batch.returns)?;
        Ok(realised_variance(&weights, &batch.future)?.mean_all()?)
    }

    fn add_now(&mut self, sampler: &Sampler<'_>, drawn: &Drawn, weight: f64) -> Result<f64> {
        let start = Instant::now();
        let read;
        let batch = match &drawn.batch {
            Some(batch) => batch,
            None => {
                read = sampler.batch(&drawn.draw)?;
                &read
            }
        };
        self.seconds[0] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let loss = self.mean_loss(batch)?;
        self.seconds[1] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let store = loss.backward()?;
        self.gradients.add::<f32>(self.network.parameters(), &store, weight)?;
        self.seconds[2] += start.elapsed().as_secs_f64();
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }
}

impl Engine for OnProcessor {
    fn add(
        &mut self,
        sampler: &Sampler<'_>,
        batch: &Drawn,
        _number: usize,
        weight: f64,
        meanwhile: &mut (dyn FnMut() + Send),
    ) -> Result<()> {
        let (added, ()) = match self.problem {
            None => rayon::join(|| Some(self.add_now(sampler, batch, weight)), meanwhile),
            Some(_) => (None, ()),
        };
        match added {
            Some(Ok(loss)) => self.losses.push(loss),
            Some(Err(error)) => self.problem = Some(error.to_string()),
            None => {}
        }
        Ok(())
    }

    fn reads_ahead(&self) -> bool {
        true
    }

    fn outcome(&mut self) -> Result<Outcome> {
        let losses = std::mem::take(&mut self.losses);
        Ok(Outcome { norm: self.gradients.norm(), losses, problem: self.problem.take() })
    }

    fn step(&mut self, number: usize, learning_rate: f64, clip_norm: f64) -> Result<()> {
        let start = Instant::now();
        self.gradients.clip(clip_norm);
        self.adam.steps = number - 1;
        self.adam.step::<f32>(self.network.parameters(), &self.gradients, learning_rate)?;
        self.gradients = Gradients::zeros(self.network.parameters());
        self.seconds[3] += start.elapsed().as_secs_f64();
        Ok(())
    }

    fn loss(&mut self, sampler: &Sampler<'_>, draw: &Draw) -> Result<f64> {
        Ok(f64::from(self.mean_loss(&sampler.batch(draw)?)?.to_scalar::<f32>()?))
    }

    fn parameters(&self) -> Result<BTreeMap<String, Tensor>> {
        let parameters = self.network.parameters().iter();
        Ok(parameters.map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect())
    }

    fn moments(&self) -> Result<[Named; 2]> {
        Ok([self.adam.first.clone(), self.adam.second.clone()])
    }

    fn stages(&mut self) -> Result<Vec<(&'static str, f64)>> {
        let seconds = std::mem::take(&mut self.seconds);
        Ok(["reading windows", "forward", "backward", "optimiser"].into_iter().zip(seconds).collect())
    }
}

/// Training on a device. The past returns are stored there, so a batch is uploaded only as its days and asset numbers.
pub(super) struct OnDevice {
    program: DeviceNetwork,
    shapes: BTreeMap<String, Vec<usize>>,
    batches: usize,
}

impl OnDevice {
    /// Loads a network onto the device, with the moments of a checkpoint if there are any.
    pub fn new(device: Box<dyn Backend + Send>, network: &Network<f32>, moments: Option<[Named; 2]>) -> Result<Self> {
        let parameters = numbers::<f32>(network.parameters())?;
        let program = DeviceNetwork::new(device, network.architecture(), &parameters)?;
        if let Some([first, second]) = moments {
            program.set_moments([&first, &second])?;
        }
        let shapes = network.parameters().iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
        Ok(Self { program, shapes, batches: 0 })
    }

    /// Uploads all returns that training may use, and allocates memory for the largest batch.
    pub fn prepare(&mut self, past: Past<'_>, schedule: &Schedule) -> Result<()> {
        let n_days = past.n_days();
        let known = |asset| past.returns(asset, n_days).expect("a past knows its own days").iter().copied();
        let returns: Vec<f64> = (0..past.n_assets()).flat_map(known).collect();
        self.program.set_panel(&returns, n_days)?;
        let [(_, n_assets), (_, n_days)] = [schedule.n_assets, schedule.n_days].map(|[from, to]| (from, to));
        self.program.reserve(Sizes { batch: schedule.batch, n_assets, n_days }, true)
    }

    /// This engine, measuring stages from now on.
    pub fn measured(self) -> Self {
        self.program.start_profile();
        self
    }
}

/// A draw in the form that a device takes.
fn windows<'a>(sampler: &Sampler<'_>, draw: &'a Draw) -> Windows<'a> {
    Windows { days: &draw.days, assets: &draw.assets, n_days: draw.n_days, market: sampler.fills_with_market() }
}

impl Engine for OnDevice {
    fn add(
        &mut self,
        sampler: &Sampler<'_>,
        batch: &Drawn,
        number: usize,
        weight: f64,
        meanwhile: &mut (dyn FnMut() + Send),
    ) -> Result<()> {
        self.batches += 1;
        self.program.add_gradients(&windows(sampler, &batch.draw), sampler.horizon(), number, weight)?;
        meanwhile(); // while the device is working
        Ok(())
    }

    fn reads_ahead(&self) -> bool {
        false // the returns are on the device
    }

    fn outcome(&mut self) -> Result<Outcome> {
        let (norm, losses) = self.program.outcome(std::mem::take(&mut self.batches))?;
        Ok(Outcome { norm, losses, problem: None })
    }

    fn step(&mut self, number: usize, learning_rate: f64, clip_norm: f64) -> Result<()> {
        self.program.step(number, learning_rate, clip_norm)
    }

    fn loss(&mut self, sampler: &Sampler<'_>, draw: &Draw) -> Result<f64> {
        self.program.loss(&windows(sampler, draw), sampler.horizon())
    }

    fn parameters(&self) -> Result<BTreeMap<String, Tensor>> {
        let parameters = self.program.parameters()?.into_iter().map(|(name, values)| {
            let values: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
            let tensor = Tensor::from_vec(values, self.shapes[&name].as_slice(), &Device::Cpu)?;
            Ok((name, tensor))
        });
        parameters.collect()
    }

    fn moments(&self) -> Result<[Named; 2]> {
        self.program.moments()
    }

    fn stages(&mut self) -> Result<Vec<(&'static str, f64)>> {
        let stages = self.program.end_profile()?.stages().to_vec();
        self.program.start_profile();
        Ok(stages)
    }
}
