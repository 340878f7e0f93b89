//! Forward pass: from windows to weights and losses.

use crate::cuda::device_network::{BLOCK, DeviceNetwork, Windows};
use crate::cuda::memory::Arrays;
use crate::cuda::source::FEATURES;
use crate::cuda::source::scan_name;
use crate::cuda::{Address, Argument, Eigenproblem, Operand, Product, Sizes};
use crate::error::{Error, Result};
use crate::nn::{Architecture, Direction, Lag, TIE, TRADING_DAYS};

/// Shared memory that every kernel may use without opting in to more, not counting what block sums use.
const SHARED: usize = 47 << 10;

/// The arguments of a kernel, each converted from its own type.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { &[$(Argument::from($argument)),*] };
}
pub(super) use arguments;

/// The constants of an architecture in the form that kernels take.
pub(super) struct Constants {
    pub floor: f64,
    pub lag: usize,
    pub factor: f64,
    /// Bit k is set if direction k starts at the largest eigenvalue.
    pub descending: usize,
    pub as_read: bool,
    pub names: &'static [&'static str],
    /// The power p with which d is normalised; 0 for no normalisation.
    pub power: usize,
}

impl DeviceNetwork {
    pub(super) fn constants(&self) -> Constants {
        let a: &Architecture = &self.architecture;
        let (descending, names): (usize, &'static [&'static str]) = match a.direction {
            Direction::Both => (0b10, &["forward", "backward"]),
            Direction::Forward => (0, &["forward"]),
            Direction::Backward => (1, &["backward"]),
        };
        Constants {
            floor: self.device.precision().floor(),
            lag: match a.lag {
                Lag::Compact => 0,
                Lag::PerLag => 1,
                Lag::PerLagPositive => 2,
            },
            factor: a.annualisation,
            descending,
            as_read: a.direction == Direction::Backward,
            names,
            power: if a.normalise_volatility { 2 } else { 0 },
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Address {
        self.layout.of(self.parameters, name)
    }

    /// The kernel arguments that describe the returns: panel, number of days, decision days, assets.
    pub(super) fn returns(&self, x: &Arrays) -> [Argument; 4] {
        [self.panel.at.into(), Argument::Long(self.panel.n_days as i64), x.days.into(), x.assets.into()]
    }

    pub(super) fn fill(&self, windows: &Windows<'_>, x: &Arrays) -> Address {
        if windows.market { x.fill } else { Address::default() }
    }

    fn upload(&self, windows: &Windows<'_>, x: &Arrays) -> Result<()> {
        let ints = |numbers: &[usize]| -> Vec<u8> {
            numbers.iter().flat_map(|k| i32::try_from(*k).expect("a panel has fewer rows").to_le_bytes()).collect()
        };
        self.device.write(x.days, &ints(windows.days))?;
        self.device.write(x.assets, &ints(windows.assets))
    }

    /// Refuses sizes that the kernels do not support, and windows that extend beyond the panel.
    fn check(&self, windows: &Windows<'_>, horizon: usize) -> Result<()> {
        let Sizes { n_assets: n, n_days: t, .. } = windows.sizes();
        let bytes = self.device.precision().bytes();
        if n == 0 || t < 2 || t * bytes > SHARED || 2 * n * bytes > SHARED {
            let why = format!("the kernels take 1 to 3,000 assets and 2 to 6,000 days, not {n} and {t}");
            return Err(Error::Device(why));
        }
        let after = if horizon > 0 { horizon + 1 } else { 0 };
        let day = windows.days.iter().find(|day| **day < t || **day + after > self.panel.n_days);
        let asset = windows.assets.iter().find(|asset| **asset >= self.panel.n_assets);
        if day.is_some() || asset.is_some() {
            let (n_assets, n_days) = (self.panel.n_assets, self.panel.n_days);
            let why = format!(
                "{t} days and {after} days after them reach beyond the panel, {n_assets} assets x {n_days} days"
            );
            return Err(Error::Device(why));
        }
        Ok(())
    }

    /// Computes everything up to the weights and, with a horizon, the losses and their gradient with respect to r.
    pub(super) fn forward(&self, windows: &Windows<'_>, x: &Arrays, horizon: usize) -> Result<()> {
        let sizes = windows.sizes();
        let (n, t) = (sizes.n_assets, sizes.n_days);
        self.check(windows, horizon)?;
        let c = self.constants();
        self.stage("scores")?;
        self.upload(windows, x)?;
        let lag = self.parameter("lag.raw");
        self.launch(
            "lag_curves",
            [t.div_ceil(BLOCK), 1],
            BLOCK,
            0,
            arguments![c.lag, t, c.floor, c.factor, lag, x.alpha, x.beta],
        )?;
        let returns = self.returns(x);
        if windows.market {
            let more = arguments![n, t, x.fill];
            self.blocks("market_fill", [t.div_ceil(BLOCK), sizes.batch], 0, &[&returns[..], more].concat())?;
        }
        let more = arguments![self.fill(windows, x), n, t, c.floor, x.alpha, x.beta, x.z, x.s];
        self.blocks("standardise", [sizes.rows(), 1], t, &[&returns[..], more].concat())?;

        self.stage("correlation")?;
        let by_kernels = !self.device.has_eigen(n);
        let z = Operand::rows(x.z, t).every(n * t);
        self.device.product(&Product {
            a: z,
            b: z.transposed(),
            out: Operand::rows(if by_kernels { x.c } else { x.v }, n).every(n * n),
            rows: n,
            columns: n,
            inner: t,
            factor: 1.0 / t as f64,
            keep: 0.0,
            batch: sizes.batch,
        })?;

        self.stage("eigenvalues")?;
        match by_kernels {
            true => self.eigenproblem(sizes, x).start(&*self.device)?,
            false => self.device.eigen(n, sizes.batch, x.v, x.lambda, x.info)?,
        }
        let tie = TIE * self.device.precision().unit();
        let more = arguments![n, n - sizes.rank(), tie, x.info, x.lambda, x.first, x.end];
        self.blocks("ties", [sizes.batch, 1], n, more)?;
        self.cleaner(windows, x, &c)?;
        self.volatilities(windows, x, &c)?;
        self.weights(windows, x, horizon)
    }

    /// C, and what is not in use yet as working memory.
    fn eigenproblem(&self, sizes: Sizes, x: &Arrays) -> Eigenproblem {
        Eigenproblem {
            n: sizes.n_assets,
            batch: sizes.batch,
            matrices: x.c,
            values: x.lambda,
            vectors: x.v,
            info: x.info,
            again: self.again,
            squares: [x.weighted, x.h],
            rest: x.eigen,
        }
    }

    /// From λ to μ.
    fn cleaner(&self, windows: &Windows<'_>, x: &Arrays, c: &Constants) -> Result<()> {
        self.stage("recurrent cleaner")?;
        let (sizes, a) = (windows.sizes(), &self.architecture);
        let rows = sizes.rows();
        let mut f = [0.0; FEATURES];
        let values = a.features.iter().map(|feature| feature.value(sizes.n_assets, sizes.n_days as f64));
        f.iter_mut().zip(values).for_each(|(f, value)| *f = value);
        let [f0, f1, f2, f3] = f; // the arguments of the kernel
        self.each("tokens", rows, arguments![a.features.len(), f0, f1, f2, f3, x.lambda, x.tokens])?;
        let (mut input, mut inputs) = (x.tokens, 1 + a.features.len());
        for (number, (&units, layer)) in a.hidden.iter().zip(&x.recurrent).enumerate() {
            let width = a.cell.gates() * units;
            let stride = rows * width;
            for (k, name) in c.names.iter().enumerate() {
                let kernel = Operand::rows(self.parameter(&format!("recurrent.{number}.{name}.kernel")), width);
                let to = layer.projected.plus(k * stride * self.device.precision().bytes());
                self.dense(Operand::rows(input, inputs), kernel, to, [rows, width, inputs], 0.0)?;
            }
            let (pass, columns) = (self.pass(number, layer.projected, stride, c), c.names.len() * units);
            let more = arguments![sizes.n_assets, columns, c.as_read, layer.kept, layer.before, layer.out];
            self.launch(
                &scan_name(false, a.cell, units),
                [sizes.batch, c.names.len()],
                width.next_multiple_of(32),
                0,
                &[&pass[..], more].concat(),
            )?;
            (input, inputs) = (layer.out, columns);
        }
        self.dense(
            Operand::rows(input, inputs),
            Operand::rows(self.parameter("head.kernel"), 1),
            x.head,
            [rows, 1, inputs],
            0.0,
        )?;
        let n = sizes.n_assets;
        let more = arguments![n, 1usize, c.floor, self.parameter("head.bias"), x.first, x.end, x.head, x.mu];
        self.blocks("inverses", [sizes.batch, 1], n, more)
    }

    /// The first arguments of a scan kernel.
    pub(super) fn pass(&self, layer: usize, projected: Address, stride: usize, c: &Constants) -> [Argument; 7] {
        let part = |k: usize, what: &str| -> Argument {
            let name = c.names.get(k).map(|name| format!("recurrent.{layer}.{name}.{what}"));
            name.map_or(Address::default(), |name| self.parameter(&name)).into()
        };
        [
            projected.into(),
            Argument::Long(stride as i64),
            part(0, "recurrent_kernel"),
            part(0, "bias"),
            part(1, "recurrent_kernel"),
            part(1, "bias"),
            c.descending.into(),
        ]
    }

    /// From s to d.
    fn volatilities(&self, windows: &Windows<'_>, x: &Arrays, c: &Constants) -> Result<()> {
        self.stage("marginal volatility")?;
        let rows = windows.sizes().rows();
        let (mut input, mut inputs) = (x.s, 1);
        for (number, (&units, layer)) in self.architecture.volatility.iter().zip(&x.hidden).enumerate() {
            let kernel = Operand::rows(self.parameter(&format!("volatility.{number}.kernel")), units);
            self.dense(Operand::rows(input, inputs), kernel, layer.x, [rows, units, inputs], 0.0)?;
            let bias = self.parameter(&format!("volatility.{number}.bias"));
            self.each("leaky", rows * units, arguments![units, bias, layer.x])?;
            (input, inputs) = (layer.x, units);
        }
        let kernel = Operand::rows(self.parameter("volatility.out.kernel"), 1);
        self.dense(Operand::rows(input, inputs), kernel, x.volatility, [rows, 1, inputs], 0.0)?;
        let (n, none) = (windows.sizes().n_assets, Address::default());
        let bias = self.parameter("volatility.out.bias");
        let more = arguments![n, c.power, c.floor, bias, none, none, x.volatility, x.d];
        self.blocks("inverses", [windows.days.len(), 1], n, more)
    }

    /// The basis in kernel arguments: its rank, the distance between samples, and the address of the first
    /// eigenvector.
    pub(super) fn basis(&self, windows: &Windows<'_>, x: &Arrays) -> (usize, usize, Address) {
        let sizes = windows.sizes();
        let (n, rank) = (sizes.n_assets, sizes.rank());
        (rank, n * n, x.v.plus((n - rank) * n * self.device.precision().bytes()))
    }

    /// Computes V'x of every sample.
    pub(super) fn project(&self, windows: &Windows<'_>, x: &Arrays, vector: Address, out: Address) -> Result<()> {
        let (sizes, (rank, stride, v)) = (windows.sizes(), self.basis(windows, x));
        let more =
            &[sizes.n_assets.into(), rank.into(), Argument::Long(stride as i64), v.into(), vector.into(), out.into()];
        self.blocks("project", [rank.div_ceil(8), sizes.batch], 0, more)
    }

    /// Applies a spectral function of C to a vector with the given coefficients; see the kernel `combine`.
    pub(super) fn combine(
        &self,
        what: usize,
        windows: &Windows<'_>,
        x: &Arrays,
        [vector, coefficients, out]: [Address; 3],
    ) -> Result<()> {
        let (sizes, (rank, stride, v)) = (windows.sizes(), self.basis(windows, x));
        let more = &[
            what.into(),
            sizes.n_assets.into(),
            rank.into(),
            Argument::Long(stride as i64),
            v.into(),
            x.mu.into(),
            vector.into(),
            coefficients.into(),
            out.into(),
        ];
        self.blocks("combine", [sizes.n_assets.div_ceil(32), sizes.batch], 0, more)
    }

    fn weights(&self, windows: &Windows<'_>, x: &Arrays, horizon: usize) -> Result<()> {
        self.stage("weights and loss")?;
        let sizes = windows.sizes();
        let unit = self.architecture.unit_diagonal;
        if unit {
            self.combine(2, windows, x, [x.diagonal; 3])?;
        }
        self.each("scales", sizes.rows(), arguments![unit, x.diagonal, x.d, x.root, x.a])?;
        self.project(windows, x, x.a, x.y)?;
        self.combine(0, windows, x, [x.a, x.y, x.sa])?;
        let share = 1.0 / sizes.batch as f64;
        let more = arguments![sizes.n_assets, horizon, TRADING_DAYS, share, x.a, x.sa, x.weights, x.losses, x.g];
        self.launch("portfolio", [sizes.batch, 1], BLOCK, 8 * horizon, &[&self.returns(x)[..], more].concat())
    }

    /// Minimum-variance weights of the windows, `[batch * n]`.
    pub fn portfolio_weights(&mut self, windows: &Windows<'_>) -> Result<Vec<f64>> {
        let x = self.arrays(windows.sizes(), false)?;
        self.forward(windows, &x, 0)?;
        self.reals(x.weights, windows.sizes().rows())
    }

    /// The values λ, s, μ, d and weights of the windows, each `[batch * n]`.
    pub fn stages(&mut self, windows: &Windows<'_>) -> Result<[Vec<f64>; 5]> {
        let x = self.arrays(windows.sizes(), false)?;
        self.forward(windows, &x, 0)?;
        let read = |at| self.reals(at, windows.sizes().rows());
        Ok([read(x.lambda)?, read(x.s)?, read(x.mu)?, read(x.d)?, read(x.weights)?])
    }

    /// Cleaned covariances of the windows, `[batch * n * n]`, with trace n as in `nn::Reconstruction`.
    pub fn covariances(&mut self, windows: &Windows<'_>) -> Result<Vec<f64>> {
        let x = self.arrays(windows.sizes(), false)?;
        self.forward(windows, &x, 0)?;
        self.stage("covariance")?;
        let (sizes, (rank, stride, v)) = (windows.sizes(), self.basis(windows, &x));
        let (n, batch) = (sizes.n_assets, sizes.batch);
        self.scaled_rows(1, windows, &x, x.mu)?;
        let rows = |at| Operand::rows(at, n).every(stride);
        self.device.product(&Product {
            a: rows(v).transposed(),
            b: rows(x.weighted),
            out: rows(x.h),
            rows: n,
            columns: n,
            inner: rank,
            factor: 1.0,
            keep: 0.0,
            batch,
        })?;
        let more = arguments![n, rank, x.mu, x.a, x.h];
        self.blocks("covariances", [(n * n).div_ceil(BLOCK), batch], 0, more)?;
        self.reals(x.h, batch * n * n)
    }

    /// Writes to `weighted` the rows of V scaled by a number per asset (`along` 0) or by 1/μ (`along` 1).
    pub(super) fn scaled_rows(&self, along: usize, windows: &Windows<'_>, x: &Arrays, by: Address) -> Result<()> {
        let (sizes, (rank, stride, v)) = (windows.sizes(), self.basis(windows, x));
        let n = sizes.n_assets;
        let more = &[
            along.into(),
            n.into(),
            rank.into(),
            Argument::Long(stride as i64),
            v.into(),
            by.into(),
            x.weighted.into(),
        ];
        self.blocks("scaled_rows", [(rank * n).div_ceil(BLOCK), sizes.batch], 0, more)
    }
}
