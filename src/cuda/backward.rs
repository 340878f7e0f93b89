//! Backward pass: from the gradient of the losses with respect to r to the gradients of all parameters.

use crate::cuda::device_network::{BLOCK, DeviceNetwork, Windows};
use crate::cuda::forward::{Constants, arguments};
use crate::cuda::memory::{Arrays, ROWS_OF_A_CHUNK};
use crate::cuda::source::scan_name;
use crate::cuda::{Address, Argument, Operand, Product, Sizes};
use crate::error::Result;

impl DeviceNetwork {
    /// Address of the first sample's gradient of a parameter. Gradients of consecutive samples are as many elements
    /// apart as there are parameters.
    fn gradient(&self, x: &Arrays, name: &str) -> Address {
        self.layout.of(x.gradients, name)
    }

    /// Computes the gradients of every parameter and overwrites the previous ones. The equations are in `nn`,
    /// operation by operation.
    pub(super) fn backward(&self, windows: &Windows<'_>, x: &Arrays) -> Result<()> {
        let c = self.constants();
        let (sizes, (rank, stride, v)) = (windows.sizes(), self.basis(windows, x));
        let (n, batch, rows) = (sizes.n_assets, sizes.batch, sizes.rows());
        let stride_argument = Argument::Long(stride as i64);
        self.each("fill_with", n, arguments![1.0, x.ones])?;

        self.stage("weights backward")?;
        self.each("scaled", rows, arguments![x.g, x.a, x.q])?;
        self.project(windows, x, x.q, x.t)?;
        self.combine(0, windows, x, [x.q, x.t, x.sq])?;
        let unit = self.architecture.unit_diagonal;
        self.each("scales_back", rows, arguments![unit, x.g, x.sa, x.sq, x.a, x.root, x.dd, x.d_diagonal])?;
        self.scaled_rows(0, windows, x, x.d_diagonal)?;
        let basis = Operand::rows(v, n).every(stride);
        let wide = |at| Operand::rows(at, n).every(stride);
        let square = |at| Operand::rows(at, rank).every(stride);
        let product = |a, b, out, [rows, columns, inner]: [usize; 3], factor, keep| {
            self.device.product(&Product { a, b, out, rows, columns, inner, factor, keep, batch })
        };
        product(wide(x.weighted), basis.transposed(), square(x.h), [rank, rank, n], 1.0, 0.0)?;
        let vectors = arguments![x.h, x.mu, x.t, x.y, x.q, x.a, x.d_diagonal, x.dmu];
        let more = [&[n.into(), rank.into(), stride_argument], &vectors[..]].concat();
        self.blocks("mu_gradient", [batch, 1], 0, &more)?;

        self.cleaner_back(windows, x, &c)?;
        self.volatilities_back(windows, x, &c)?;

        self.stage("eigenvalues backward")?;
        let threads = |count: usize| [count.div_ceil(BLOCK), batch];
        if rank < n {
            product(square(x.h), basis, wide(x.x), [rank, n, rank], -1.0, 0.0)?;
            self.combine(1, windows, x, [x.a, x.y, x.pa])?;
            self.combine(1, windows, x, [x.q, x.t, x.pq])?;
            let vectors = arguments![x.lambda, x.mu, x.t, x.y, x.pa, x.pq, x.weighted, x.x];
            let more = [&[n.into(), rank.into(), stride_argument], &vectors[..]].concat();
            self.blocks("null_rows", threads(rank * n), 0, &more)?;
        }
        let vectors = arguments![x.lambda, x.mu, x.first, x.end, x.t, x.y, x.d_lambda, x.h];
        let more = [&[n.into(), rank.into(), stride_argument], &vectors[..]].concat();
        self.blocks("half_h", threads(rank * rank), 0, &more)?;
        product(square(x.h), basis, wide(x.x), [rank, n, rank], 1.0, if rank < n { 1.0 } else { 0.0 })?;
        // M = V x is half of dC: by itself if C has full rank, otherwise after adding its transpose.
        product(basis.transposed(), wide(x.x), wide(x.m), [n, n, rank], 1.0, 0.0)?;

        self.stage("correlation backward")?;
        let t = sizes.n_days;
        let days = |at| Operand::rows(at, t).every(n * t);
        let by_days = 2.0 / t as f64;
        if rank == n {
            product(wide(x.m), days(x.z), days(x.dz), [n, t, n], 2.0 * by_days, 0.0)?;
        } else {
            product(wide(x.m), days(x.z), days(x.dz), [n, t, n], by_days, 0.0)?;
            product(wide(x.m).transposed(), days(x.z), days(x.dz), [n, t, n], by_days, 1.0)?;
        }

        self.stage("scores backward")?;
        let more = arguments![t, c.floor, x.z, x.dz, x.s, x.ds, x.mean, x.along];
        self.blocks("row_means", [rows, 1], 0, more)?;
        let chunks = rows.div_ceil(ROWS_OF_A_CHUNK);
        let fill = self.fill(windows, x);
        let sizes = arguments![fill, n, t, rows, ROWS_OF_A_CHUNK];
        let more = arguments![x.alpha, x.beta, x.z, x.dz, x.s, x.mean, x.along, x.partial];
        let all = [&self.returns(x)[..], sizes, more].concat();
        self.launch("lag_gradients", [t.div_ceil(128), chunks], 128, 0, &all)?;
        self.each("lag_sum", 2 * t, arguments![chunks, x.partial, x.curves])?;
        let (raw, to) = (self.parameter("lag.raw"), self.gradient(x, "lag.raw"));
        let all = self.layout.count();
        self.blocks("lag_raw", [1, 1], 0, arguments![c.lag, t, c.floor, c.factor, raw, x.curves, batch, all, to])
    }

    /// The gradient x'y of a parameter, for every sample separately, because a single sum over all rows of a batch
    /// would leave most of a device idle. `accumulate` adds the samples up.
    fn by_sample(
        &self,
        windows: &Windows<'_>,
        arrays: &Arrays,
        to: Address,
        [(x, rows), (y, columns)]: [(Address, usize); 2],
    ) -> Result<()> {
        let Sizes { batch, n_assets: n, .. } = windows.sizes();
        self.device.product(&Product {
            // The ones that multiply a bias are the same for every sample.
            a: Operand::rows(x, rows).every(if x == arrays.ones { 0 } else { n * rows }).transposed(),
            b: Operand::rows(y, columns).every(n * columns),
            out: Operand::rows(to, columns).every(self.layout.count()),
            rows,
            columns,
            inner: n,
            factor: 1.0,
            keep: 0.0,
            batch,
        })
    }

    /// The gradients of a dense layer y = x K + b: with respect to K, b and x.
    fn dense_back(
        &self,
        windows: &Windows<'_>,
        x: &Arrays,
        name: &str,
        input: (Address, usize),
        output: (Address, usize),
        d_input: Address,
    ) -> Result<()> {
        let kernel = format!("{name}.kernel");
        self.by_sample(windows, x, self.gradient(x, &kernel), [input, output])?;
        self.by_sample(windows, x, self.gradient(x, &format!("{name}.bias")), [(x.ones, 1), output])?;
        let ((_, inputs), (dy, outputs)) = (input, output);
        let kernel = Operand::rows(self.parameter(&kernel), outputs).transposed();
        self.dense(Operand::rows(dy, outputs), kernel, d_input, [windows.sizes().rows(), inputs, outputs], 0.0)
    }

    /// From dμ to dλ.
    fn cleaner_back(&self, windows: &Windows<'_>, x: &Arrays, c: &Constants) -> Result<()> {
        self.stage("recurrent cleaner backward")?;
        let (sizes, a) = (windows.sizes(), &self.architecture);
        let (n, rows) = (sizes.n_assets, sizes.rows());
        let more = arguments![n, 1usize, c.floor, x.first, x.end, x.head, x.dmu, x.d_head];
        self.blocks("inverses_back", [sizes.batch, 1], 2 * n, more)?;
        let last = x.recurrent.last().expect("an architecture has a recurrent layer");
        let columns = c.names.len() * a.hidden[a.hidden.len() - 1];
        self.dense_back(windows, x, "head", (last.out, columns), (x.d_head, 1), last.d_out)?;
        for (number, (&units, layer)) in a.hidden.iter().zip(&x.recurrent).enumerate().rev() {
            let width = a.cell.gates() * units;
            let stride = rows * width;
            let pass = self.pass(number, layer.projected, stride, c);
            let columns = c.names.len() * units;
            let arrays = arguments![layer.kept, layer.before, layer.d_out, layer.da, layer.dc];
            self.launch(
                &scan_name(true, a.cell, units),
                [sizes.batch, c.names.len()],
                width.next_multiple_of(32),
                0,
                &[&pass[..], arguments![n, columns, c.as_read], arrays].concat(),
            )?;
            let (input, inputs) = match number {
                0 => (x.tokens, 1 + a.features.len()),
                _ => (x.recurrent[number - 1].out, c.names.len() * a.hidden[number - 1]),
            };
            // The other features of a token are constants: only the first column, the eigenvalue, needs a gradient.
            let (d_input, used) = if number == 0 { (x.d_lambda, 1) } else { (x.recurrent[number - 1].d_out, inputs) };
            for (k, name) in c.names.iter().enumerate() {
                let bytes = self.device.precision().bytes();
                let of_pass = |all: Address| all.plus(k * stride * bytes);
                let gru = a.cell.gates() == 3;
                let (da, dc) = (of_pass(if gru { layer.da } else { layer.dc }), of_pass(layer.dc));
                let before = layer.before.plus(k * rows * units * bytes);
                let to = |what: &str| self.gradient(x, &format!("recurrent.{number}.{name}.{what}"));
                self.by_sample(windows, x, to("kernel"), [(input, inputs), (da, width)])?;
                self.by_sample(windows, x, to("recurrent_kernel"), [(before, units), (dc, width)])?;
                if gru {
                    self.by_sample(windows, x, to("bias"), [(x.ones, 1), (da, width)])?;
                }
                let bias = to("bias").plus(if gru { width * bytes } else { 0 });
                self.by_sample(windows, x, bias, [(x.ones, 1), (dc, width)])?;
                let kernel = Operand::rows(self.parameter(&format!("recurrent.{number}.{name}.kernel")), width);
                let keep = if k == 0 { 0.0 } else { 1.0 };
                self.dense(Operand::rows(da, width), kernel.transposed(), d_input, [rows, used, width], keep)?;
            }
        }
        Ok(())
    }

    /// From dd to ds.
    fn volatilities_back(&self, windows: &Windows<'_>, x: &Arrays, c: &Constants) -> Result<()> {
        self.stage("marginal volatility backward")?;
        let (n, rows, none) = (windows.sizes().n_assets, windows.sizes().rows(), Address::default());
        let more = arguments![n, c.power, c.floor, none, none, x.volatility, x.dd, x.d_volatility];
        self.blocks("inverses_back", [windows.days.len(), 1], 2 * n, more)?;
        let sizes = &self.architecture.volatility;
        // The input of a layer, and the address for the gradient with respect to it; layer 0 has the input s.
        let below = |number: usize| match number {
            0 => ((x.s, 1), x.ds),
            _ => ((x.hidden[number - 1].x, sizes[number - 1]), x.hidden[number - 1].dx),
        };
        let (input, d_input) = below(sizes.len());
        self.dense_back(windows, x, "volatility.out", input, (x.d_volatility, 1), d_input)?;
        for (number, (&units, layer)) in sizes.iter().zip(&x.hidden).enumerate().rev() {
            self.each("leaky_back", rows * units, arguments![layer.x, layer.dx])?;
            let (input, d_input) = below(number);
            let name = format!("volatility.{number}");
            self.dense_back(windows, x, &name, input, (layer.dx, units), d_input)?;
        }
        Ok(())
    }
}
