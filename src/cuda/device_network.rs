//! A network on a device: its parameters, the panel of returns, and its working memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use crate::cuda::memory::{Arrays, Layout, Sizes};
use crate::cuda::{Address, Argument, Backend, Operand, Product, Shape, source};
use crate::error::{Error, Result};
use crate::nn::Architecture;
use crate::nn::ElementType;

/// Threads per block in kernels with one thread per element.
pub(super) const BLOCK: usize = 256;
/// Number of doubles that a step can return: the norm of the gradient and the losses of its batches.
const SCALARS: usize = 4096;

/// The windows of a batch, as positions in the panel.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'a> {
    /// Decision day of each sample; its window consists of the `n_days` days before.
    pub days: &'a [usize],
    /// Asset numbers, n for each sample.
    pub assets: &'a [usize],
    /// Number of days T of each window.
    pub n_days: usize,
    /// Whether a missing return becomes the mean of the other assets on that day; otherwise it becomes zero.
    pub market: bool,
}

impl Windows<'_> {
    /// The sizes of the batch.
    pub fn sizes(&self) -> Sizes {
        let batch = self.days.len();
        Sizes { batch, n_assets: self.assets.len() / batch, n_days: self.n_days }
    }
}

/// Seconds by stage, in the order in which the stages first ran.
#[derive(Clone, Debug, Default)]
pub struct StageSeconds {
    stages: Vec<(&'static str, f64)>,
    since: Option<(&'static str, Instant)>,
}

impl StageSeconds {
    /// Names of the stages, with their seconds.
    pub fn stages(&self) -> &[(&'static str, f64)] {
        &self.stages
    }

    fn enter(&mut self, stage: &'static str) {
        let now = Instant::now();
        if let Some((before, since)) = self.since.replace((stage, now)) {
            let seconds = now.duration_since(since).as_secs_f64();
            match self.stages.iter_mut().find(|(name, _)| *name == before) {
                Some((_, sum)) => *sum += seconds,
                None => self.stages.push((before, seconds)),
            }
        }
    }
}

/// Returns on the device, `[asset][day]`.
#[derive(Default)]
pub(super) struct Panel {
    pub at: Address,
    pub n_assets: usize,
    pub n_days: usize,
    /// Bytes allocated at this address.
    room: usize,
}

/// A network on a device.
pub struct DeviceNetwork {
    pub(super) device: Box<dyn Backend + Send>,
    pub(super) architecture: Architecture,
    pub(super) layout: Layout,
    pub(super) parameters: Address,
    sums: Address,
    moments: [Address; 2],
    pub(super) scalars: Address,
    /// An int, the number of matrices that were decomposed again.
    pub(super) again: Address,
    pub(super) panel: Panel,
    memory: (Address, usize),
    profile: RefCell<Option<StageSeconds>>,
}

impl DeviceNetwork {
    /// Loads a network with the given parameters onto a device whose kernels are those of [`sources`](super::sources()).
    pub fn new(
        device: Box<dyn Backend + Send>,
        architecture: &Architecture,
        parameters: &BTreeMap<String, Vec<f64>>,
    ) -> Result<Self> {
        source::check(architecture)?;
        let counts = parameters.iter().map(|(name, values)| (name, values.len()));
        let layout = Layout::new(counts, device.precision());
        let (reals, doubles) = (layout.count() * device.precision().bytes(), layout.count() * 8);
        let program = Self {
            parameters: device.allocate(reals)?,
            sums: device.allocate(doubles)?,
            moments: [device.allocate(doubles)?, device.allocate(doubles)?],
            scalars: device.allocate(8 * SCALARS)?,
            again: device.allocate(4)?,
            panel: Panel::default(),
            memory: (Address::default(), 0),
            profile: RefCell::default(),
            architecture: architecture.clone(),
            layout,
            device,
        };
        program.set_parameters(parameters)?;
        let zeros = vec![0; doubles];
        for at in [program.sums, program.moments[0], program.moments[1]] {
            program.device.write(at, &zeros)?;
        }
        program.device.write(program.again, &[0; 4])?;
        Ok(program)
    }

    fn precision(&self) -> ElementType {
        self.device.precision()
    }

    /// Uploads a panel of returns `[asset][day]`, which replaces the previous one; NaN is a missing return.
    pub fn set_panel(&mut self, returns: &[f64], n_days: usize) -> Result<()> {
        let bytes = self.precision().encode(returns.iter().copied());
        let Panel { mut at, mut room, .. } = std::mem::take(&mut self.panel);
        if bytes.len() > room {
            self.device.release(at)?;
            (at, room) = (self.device.allocate(bytes.len())?, bytes.len());
        }
        self.panel = Panel { at, n_assets: returns.len() / n_days.max(1), n_days, room };
        self.device.write(at, &bytes)
    }

    /// Allocates memory for batches of these sizes, so that no step has to. Fails if the device has too little.
    pub fn reserve(&mut self, sizes: Sizes, backward: bool) -> Result<()> {
        let widest = self.architecture.hidden.iter().chain(&self.architecture.volatility).copied().max().unwrap_or(1);
        if sizes.rows().saturating_mul(widest.max(sizes.n_assets)) > i32::MAX as usize {
            let why = format!("{sizes:?} has more elements than a kernel can count; use a smaller batch");
            return Err(Error::Device(why));
        }
        let by_kernels = !self.device.has_eigen(sizes.n_assets);
        let layout = |start| Arrays::new(&self.architecture, &self.layout, sizes, backward, by_kernels, start);
        let needed = layout(Address(0)).1.0 as usize;
        if needed <= self.memory.1 {
            return Ok(());
        }
        let too_little = |error: Error| {
            let Sizes { batch, n_assets, n_days } = sizes;
            Error::Device(format!(
                "{error}, for batches of {batch} samples of {n_assets} assets and {n_days} days; lower batch, n_assets \
                 or n_days of the schedule, or --parallel-models"
            ))
        };
        self.device.release(self.memory.0)?;
        self.memory = (Address::default(), 0);
        let at = self.device.allocate(needed).map_err(too_little)?;
        let (arrays, _) = layout(at);
        self.memory = (at, needed);
        match by_kernels {
            true => Ok(()),
            false => {
                self.device.prepare_eigen(sizes.n_assets, sizes.batch, arrays.v, arrays.lambda).map_err(too_little)
            }
        }
    }

    /// The working arrays of a batch.
    pub(super) fn arrays(&mut self, sizes: Sizes, backward: bool) -> Result<Arrays> {
        self.reserve(sizes, backward)?;
        let by_kernels = !self.device.has_eigen(sizes.n_assets);
        Ok(Arrays::new(&self.architecture, &self.layout, sizes, backward, by_kernels, self.memory.0).0)
    }

    /// Current values of the parameters, by name.
    pub fn parameters(&self) -> Result<BTreeMap<String, Vec<f64>>> {
        Ok(self.layout.cut(&self.reals(self.parameters, self.layout.count())?))
    }

    /// Replaces the values of the parameters.
    pub fn set_parameters(&self, parameters: &BTreeMap<String, Vec<f64>>) -> Result<()> {
        self.device.write(self.parameters, &self.precision().encode(self.layout.join(parameters)))
    }

    /// Adam's first and second moments, by name.
    pub fn moments(&self) -> Result<[BTreeMap<String, Vec<f64>>; 2]> {
        let read = |at| -> Result<_> { Ok(self.layout.cut(&self.doubles(at, self.layout.count())?)) };
        Ok([read(self.moments[0])?, read(self.moments[1])?])
    }

    /// Replaces Adam's first and second moments.
    pub fn set_moments(&self, moments: [&BTreeMap<String, Vec<f64>>; 2]) -> Result<()> {
        for (at, values) in self.moments.iter().zip(moments) {
            self.device.write(*at, &ElementType::F64.encode(self.layout.join(values)))?;
        }
        Ok(())
    }

    /// Gradients summed since the last step, by name of the parameter.
    pub fn gradients(&self) -> Result<BTreeMap<String, Vec<f64>>> {
        Ok(self.layout.cut(&self.doubles(self.sums, self.layout.count())?))
    }

    /// Adds `weight` times the gradient of a batch's mean loss. The loss is stored as that of batch `number` of the
    /// step.
    pub fn add_gradients(&mut self, windows: &Windows<'_>, horizon: usize, number: usize, weight: f64) -> Result<()> {
        let arrays = self.arrays(windows.sizes(), true)?;
        self.forward(windows, &arrays, horizon)?;
        self.mean_loss(windows, &arrays, number)?;
        self.backward(windows, &arrays)?;
        let (batch, weight) = (windows.days.len().into(), Argument::Double(weight));
        self.each("accumulate", self.layout.count(), &[batch, weight, arrays.gradients.into(), self.sums.into()])
    }

    /// Mean loss of a batch, without gradients.
    pub fn loss(&mut self, windows: &Windows<'_>, horizon: usize) -> Result<f64> {
        let arrays = self.arrays(windows.sizes(), false)?;
        self.forward(windows, &arrays, horizon)?;
        self.mean_loss(windows, &arrays, 0)?;
        Ok(self.doubles(self.scalars, 2)?[1])
    }

    fn mean_loss(&self, windows: &Windows<'_>, arrays: &Arrays, number: usize) -> Result<()> {
        if number + 1 >= SCALARS {
            let value = format!("{} or more", number + 1);
            let range = "at most 4,094 batches in a step on a CUDA device";
            return Err(Error::Parameter { name: "schedule.accumulation", range, value });
        }
        let to = self.scalars.plus(8 * (1 + number));
        self.blocks("mean_loss", [1, 1], 0, &[windows.days.len().into(), arrays.losses.into(), to.into()])
    }

    /// The norm of the summed gradients, and the losses of the step's `batches` batches. Waits for the device.
    pub fn outcome(&self, batches: usize) -> Result<(f64, Vec<f64>)> {
        self.stage("optimiser")?;
        let count = self.layout.count();
        self.launch("gradient_norm", [1, 1], 1024, 0, &[count.into(), self.sums.into(), self.scalars.into()])?;
        let mut scalars = self.doubles(self.scalars, 1 + batches)?;
        let losses = scalars.split_off(1);
        Ok((scalars[0], losses))
    }

    /// Takes step number `number` (from 1) of Adam after [`outcome`](Self::outcome), and resets the gradients to zero.
    pub fn step(&self, number: usize, learning_rate: f64, clip_norm: f64) -> Result<()> {
        let correction = |beta: f64| Argument::Double(1.0 - beta.powi(number as i32));
        let arguments = [
            Argument::Double(learning_rate),
            correction(0.9),
            correction(0.999),
            Argument::Double(clip_norm),
            self.scalars.into(),
            self.sums.into(),
            self.moments[0].into(),
            self.moments[1].into(),
            self.parameters.into(),
        ];
        self.each("adam", self.layout.count(), &arguments)
    }

    /// Number of matrices whose decomposition failed its check, and which were decomposed again by a slower method.
    /// Waits for the device.
    pub fn decomposed_again(&self) -> Result<usize> {
        let mut count = [0; 4];
        self.device.read(self.again, &mut count)?;
        Ok(u32::from_le_bytes(count) as usize)
    }

    /// Waits until all work is done.
    pub fn wait(&self) -> Result<()> {
        self.device.wait()
    }

    /// Starts to measure stages; each stage then waits for the one before.
    pub fn start_profile(&self) {
        *self.profile.borrow_mut() = Some(StageSeconds::default());
    }

    /// The measurements since [`start_profile`](Self::start_profile).
    pub fn end_profile(&self) -> Result<StageSeconds> {
        self.stage("")?;
        Ok(self.profile.borrow_mut().take().unwrap_or_default())
    }

    /// Marks the start of a stage.
    pub(super) fn stage(&self, name: &'static str) -> Result<()> {
        if let Some(profile) = self.profile.borrow_mut().as_mut() {
            self.device.wait()?;
            profile.enter(name);
        }
        Ok(())
    }

    pub(super) fn reals(&self, at: Address, count: usize) -> Result<Vec<f64>> {
        let mut bytes = vec![0; count * self.precision().bytes()];
        self.device.read(at, &mut bytes)?;
        Ok(self.precision().decode(&bytes))
    }

    pub(super) fn doubles(&self, at: Address, count: usize) -> Result<Vec<f64>> {
        let mut bytes = vec![0; count * 8];
        self.device.read(at, &mut bytes)?;
        Ok(ElementType::F64.decode(&bytes))
    }

    pub(super) fn launch(
        &self,
        kernel: &str,
        grid: [usize; 2],
        block: usize,
        shared: usize,
        arguments: &[Argument],
    ) -> Result<()> {
        self.device.launch(kernel, Shape { grid, block, shared }, arguments)
    }

    /// Launches a kernel with one thread per element; the kernel's first argument is their count.
    pub(super) fn each(&self, kernel: &str, count: usize, arguments: &[Argument]) -> Result<()> {
        let arguments = [&[count.into()], arguments].concat();
        self.launch(kernel, [count.div_ceil(BLOCK), 1], BLOCK, 0, &arguments)
    }

    /// Launches a grid of blocks of the usual size with shared memory for `shared` elements.
    pub(super) fn blocks(&self, kernel: &str, grid: [usize; 2], shared: usize, arguments: &[Argument]) -> Result<()> {
        self.launch(kernel, grid, BLOCK, shared * self.precision().bytes(), arguments)
    }

    /// Computes out ← A B, with the same B for all rows of the batch.
    pub(super) fn dense(
        &self,
        a: Operand,
        b: Operand,
        out: Address,
        [rows, columns, inner]: [usize; 3],
        keep: f64,
    ) -> Result<()> {
        let out = Operand::rows(out, columns);
        self.device.product(&Product { a, b, out, rows, columns, inner, factor: 1.0, keep, batch: 1 })
    }
}

impl Drop for DeviceNetwork {
    fn drop(&mut self) {
        let all = [self.parameters, self.sums, self.moments[0], self.moments[1], self.scalars, self.again];
        for at in all.into_iter().chain([self.panel.at, self.memory.0]) {
            // An error cannot be handled here; the memory is freed at the latest when the process ends.
            let _ = self.device.release(at);
        }
    }
}
