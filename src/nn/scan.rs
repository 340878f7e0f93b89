//! The scan of one group of sequences by a recurrent cell, forward and backward.
//!
//! ```text
//! a = K'x + b_a,  c = R'h + b_c                   b_c = 0 for the LSTM
//! GRU (reset after)   z = σ(a_z + c_z),  r = σ(a_r + c_r),  g = tanh(a_h + r ∘ c_h)
//!                     h ← z ∘ h + (1 − z) ∘ g
//! LSTM                i, f, o = σ(a + c),  g = tanh(a_g + c_g)
//!                     s ← f ∘ s + i ∘ g,  h ← o ∘ tanh s
//! ```
//! x are the inputs of a step; K is inputs x (gates · units), R is units x (gates · units), with gates in the order z, r, h or
//! i, f, g, o; states start at 0. Cho et al. (2014), arXiv:1406.1078, in the form used by cuDNN; Hochreiter, Schmidhuber (1997)
//! with the forget gate of Gers, Schmidhuber, Cummins (2000).
//!
//! A group has sixteen sequences, one per vector lane, so that a step is the product of a matrix with sixteen states. The
//! gates of the forward pass are kept; the gradients of K and R are products over all steps at the end.

use serde::{Deserialize, Serialize};

use crate::linalg::dense::{Accumulate, View, product};
use crate::linalg::lanes::{Lanes as Vectors, sixteen};
use crate::linalg::{Buffer, Real, sum_of, vectorised};
use crate::nn::float::Float;

/// The type of the recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Gated recurrent unit, with the reset gate applied after the recurrent product.
    #[default]
    Gru,
    /// Long short-term memory.
    Lstm,
}

impl Cell {
    /// Number of gates: columns of the kernels per unit.
    pub(crate) fn gates(self) -> usize {
        match self {
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }

    /// Rows of biases: the GRU has one of its own for the recurrent product.
    pub(super) fn biases(self) -> usize {
        match self {
            Cell::Gru => 2,
            Cell::Lstm => 1,
        }
    }

    /// Values per unit and step that the backward pass needs: z, r, g, c_h or i, f, g, o, s, tanh s.
    pub(crate) fn kept(self) -> usize {
        match self {
            Cell::Gru => 4,
            Cell::Lstm => 6,
        }
    }
}

/// The end of the sequence at which the scan starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstEigenvalue {
    Smallest,
    Largest,
}

/// Number of sequences in a group.
pub(super) const LANES: usize = 16;
/// Number of rows of a product that are computed together: as many sums as fit in the registers.
const ROWS: usize = 8;

/// One value for each sequence of a group.
type Lanes<F> = [F; LANES];

/// A matrix M (rows x inner), packed in the order in which `add_product` reads it.
struct Packed<F> {
    entries: Vec<[F; ROWS]>,
    inner: usize,
}

impl<F: Float> Packed<F> {
    fn new(rows: usize, inner: usize, entry: impl Fn(usize, usize) -> F) -> Self {
        let mut entries = Vec::with_capacity(rows.div_ceil(ROWS) * inner);
        for first in (0..rows).step_by(ROWS) {
            for k in 0..inner {
                let row = |r: usize| if first + r < rows { entry(first + r, k) } else { F::of(0.0) };
                entries.push(std::array::from_fn(row));
            }
        }
        Self { entries, inner }
    }
}

/// out += M x for every lane; N rows at a time, as many as stay in registers.
#[inline(always)]
fn add_product<F: Float, V: Vectors<F>, const N: usize>(m: &Packed<F>, x: &[Lanes<F>], out: &mut [Lanes<F>]) {
    const { assert!(V::COUNT == LANES && ROWS.is_multiple_of(N)) };
    for (block, out) in m.entries.chunks_exact(m.inner).zip(out.chunks_mut(ROWS)) {
        for first in (0..ROWS).step_by(N) {
            let mut sums = [V::all(F::of(0.0)); N];
            for (row, x) in block.iter().zip(x) {
                // SAFETY: there are sixteen.
                let x = unsafe { V::load(x.as_ptr()) };
                for r in 0..N {
                    sums[r] = V::all(row[first + r]).fma(x, sums[r]);
                }
            }
            for (out, sum) in out.iter_mut().skip(first).zip(sums) {
                // SAFETY: as above.
                unsafe { sum.fma(V::all(F::of(1.0)), V::load(out.as_ptr())).store(out.as_mut_ptr()) };
            }
        }
    }
}

#[inline(always)]
fn lanes<F: Real>(f: impl Fn(usize) -> F) -> Lanes<F> {
    let mut all = [F::of(0.0); LANES];
    for (lane, value) in all.iter_mut().enumerate() {
        *value = f(lane);
    }
    all
}

/// The parameters of one direction, as rows of gates · units numbers: those of K, those of R, the biases.
#[derive(Clone, Copy)]
pub(super) struct Kernels<'a, F> {
    pub cell: Cell,
    pub start: FirstEigenvalue,
    /// Whether states stand in the order of the steps, and not of the sequence.
    pub by_step: bool,
    pub inputs: usize,
    pub units: usize,
    pub rows: &'a [F],
}

/// Which numbers of the rows of a gradient belong to the states of one direction.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Numbers in a row.
    pub of: usize,
    /// The first that belongs to it.
    pub first: usize,
}

impl<'a, F: Float> Kernels<'a, F> {
    /// Numbers in a row.
    fn columns(&self) -> usize {
        self.cell.gates() * self.units
    }

    /// Position in the sequence that a step processes.
    #[inline(always)]
    fn position(&self, step: usize, n: usize) -> usize {
        match self.start {
            FirstEigenvalue::Smallest => step,
            FirstEigenvalue::Largest => n - 1 - step,
        }
    }

    /// Row of the states of a step.
    #[inline(always)]
    fn row(&self, step: usize, n: usize) -> usize {
        if self.by_step { step } else { self.position(step, n) }
    }

    /// K and R.
    fn kernels(&self) -> (&'a [F], &'a [F]) {
        let (k, rest) = self.rows.split_at(self.inputs * self.columns());
        (k, &rest[..self.units * self.columns()])
    }

    /// b_a and b_c.
    fn biases(&self) -> (Vec<F>, Vec<F>) {
        let columns = self.columns();
        let biases = &self.rows[(self.inputs + self.units) * columns..];
        let second = if self.cell == Cell::Gru { biases[columns..].to_vec() } else { vec![F::of(0.0); columns] };
        (biases[..columns].to_vec(), second)
    }
}

/// The values that the forward pass of a group stores for the backward pass.
pub(super) struct Kept<F> {
    /// Inputs x, `[input][step]`.
    inputs: Buffer<F>,
    /// Gates and other kept values, `[step][kept · units]`.
    gates: Buffer<F>,
    /// States h, `[unit][step]`.
    states: Buffer<F>,
}

/// What the backward pass of a group returns.
pub(super) struct Gradients<F> {
    /// Of the inputs, `[position][input]`, sixteen sequences each.
    pub inputs: Buffer<F>,
    /// Of the parameters.
    pub rows: Vec<F>,
}

/// Numbers as lanes.
fn as_lanes<F>(numbers: &[F]) -> &[Lanes<F>] {
    numbers.as_chunks().0
}

vectorised! {
    /// Forward pass of one group, whose sequences lie in `input` one after the other; the states `[sequence][n][units]` go to
    /// `output`.
    pub(super) fn forward_group<F: Float>(kernels: Kernels<'_, F>, n: usize, input: &[F], output: &mut [F]) -> Kept<F> {
        let Kernels { cell, inputs, units, .. } = kernels;
        let columns = kernels.columns();
        let (k, r) = kernels.kernels();
        let of_input = Packed::new(columns, inputs, |gate, i| k[i * columns + gate]);
        let recurrent = Packed::new(columns, units, |gate, u| r[u * columns + gate]);
        let (bias_a, bias_c) = kernels.biases();
        let n_sequences = input.len() / (n * inputs);
        let zero = [F::of(0.0); LANES];
        let kept = cell.kept() * units;
        let mut all = Kept {
            inputs: Buffer::new(inputs * n * LANES),
            gates: Buffer::new(n * kept * LANES),
            states: Buffer::new(units * n * LANES),
        };
        let xs: &mut [Lanes<F>] = all.inputs.as_chunks_mut().0;
        let gates: &mut [Lanes<F>] = all.gates.as_chunks_mut().0;
        let states: &mut [Lanes<F>] = all.states.as_chunks_mut().0;
        let (mut x, mut h, mut s) = (vec![zero; inputs], vec![zero; units], vec![zero; units]);
        let (mut a, mut c) = (vec![zero; columns], vec![zero; columns]);
        for step in 0..n {
            let position = kernels.position(step, n);
            for sequence in 0..n_sequences {
                let from = &input[(sequence * n + position) * inputs..][..inputs];
                x.iter_mut().zip(from).for_each(|(x, from)| x[sequence] = *from);
            }
            x.iter().enumerate().for_each(|(i, x)| xs[i * n + step] = *x);
            a.iter_mut().zip(&bias_a).for_each(|(a, b)| *a = [*b; LANES]);
            sixteen!(add_product::<F>(&of_input, &x, &mut a));
            c.iter_mut().zip(&bias_c).for_each(|(c, b)| *c = [*b; LANES]);
            sixteen!(add_product::<F>(&recurrent, &h, &mut c));
            let keep = &mut gates[step * kept..(step + 1) * kept];
            for u in 0..units {
                match cell {
                    Cell::Gru => {
                        let (at, ct) = (|g: usize| &a[g * units + u], |g: usize| &c[g * units + u]);
                        let z: Lanes<F> = lanes(|l| (at(0)[l] + ct(0)[l]).sigmoid());
                        let r: Lanes<F> = lanes(|l| (at(1)[l] + ct(1)[l]).sigmoid());
                        let g: Lanes<F> = lanes(|l| Real::tanh(r[l].fma(ct(2)[l], at(2)[l])));
                        h[u] = lanes(|l| z[l].fma(h[u][l] - g[l], g[l]));
                        keep[u] = z;
                        keep[units + u] = r;
                        keep[2 * units + u] = g;
                        keep[3 * units + u] = *ct(2);
                    }
                    Cell::Lstm => {
                        let sum = |g: usize, l: usize| a[g * units + u][l] + c[g * units + u][l];
                        let i: Lanes<F> = lanes(|l| sum(0, l).sigmoid());
                        let f: Lanes<F> = lanes(|l| sum(1, l).sigmoid());
                        let g: Lanes<F> = lanes(|l| Real::tanh(sum(2, l)));
                        let o: Lanes<F> = lanes(|l| sum(3, l).sigmoid());
                        s[u] = lanes(|l| f[l].fma(s[u][l], i[l] * g[l]));
                        let tanh: Lanes<F> = lanes(|l| Real::tanh(s[u][l]));
                        h[u] = lanes(|l| o[l] * tanh[l]);
                        for (place, value) in [i, f, g, o, s[u], tanh].into_iter().enumerate() {
                            keep[place * units + u] = value;
                        }
                    }
                }
                states[u * n + step] = h[u];
            }
            let row = kernels.row(step, n);
            for sequence in 0..n_sequences {
                let to = &mut output[(sequence * n + row) * units..][..units];
                to.iter_mut().zip(&h).for_each(|(to, h)| *to = h[sequence]);
            }
        }
        all
    }
}

vectorised! {
    /// Backward pass of one group, from the gradients of its states in `dh_out`.
    pub(super) fn backward_group<F: Float>(kernels: Kernels<'_, F>, n: usize, kept: &Kept<F>, dh_out: &[F], part: Part) -> Gradients<F> {
        let Kernels { cell, inputs, units, .. } = kernels;
        let columns = kernels.columns();
        let (k, r) = kernels.kernels();
        let to_input = Packed::new(inputs, columns, |i, gate| k[i * columns + gate]);
        let to_state = Packed::new(units, columns, |u, gate| r[u * columns + gate]);
        let n_sequences = dh_out.len() / (n * part.of);
        let (zero, one) = ([F::of(0.0); LANES], F::of(1.0));
        let mut dx_all = Buffer::new(n * inputs * LANES);
        let dxs: &mut [Lanes<F>] = dx_all.as_chunks_mut().0;
        // LSTM: dc. GRU: dc of the candidate, then da; the other gates have the same dc as da.
        let mut d_all = Buffer::new(4 * units * n * LANES);
        let all: &mut [Lanes<F>] = d_all.as_chunks_mut().0;
        let (gates, states) = (as_lanes(&kept.gates), as_lanes(&kept.states));
        let (mut dh, mut ds) = (vec![zero; units], vec![zero; units]);
        let (mut da, mut dc) = (vec![zero; columns], vec![zero; columns]);
        let n_kept = cell.kept() * units;
        for step in (0..n).rev() {
            let position = kernels.position(step, n);
            let row = kernels.row(step, n);
            for sequence in 0..n_sequences {
                let from = &dh_out[(sequence * n + row) * part.of + part.first..][..units];
                dh.iter_mut().zip(from).for_each(|(dh, g)| dh[sequence] += *g);
            }
            let keep = |gate: usize, u: usize| &gates[step * n_kept + gate * units + u];
            for u in 0..units {
                match cell {
                    Cell::Gru => {
                        let (z, r, g, c) = (keep(0, u), keep(1, u), keep(2, u), keep(3, u));
                        let before = if step > 0 { states[u * n + step - 1] } else { zero };
                        let dz: Lanes<F> = lanes(|l| dh[u][l] * (before[l] - g[l]) * z[l] * (one - z[l]));
                        let dg: Lanes<F> = lanes(|l| dh[u][l] * (one - z[l]) * (one - g[l] * g[l]));
                        let dr: Lanes<F> = lanes(|l| dg[l] * c[l] * r[l] * (one - r[l]));
                        da[u] = dz;
                        da[units + u] = dr;
                        da[2 * units + u] = dg;
                        dc[u] = dz;
                        dc[units + u] = dr;
                        dc[2 * units + u] = lanes(|l| dg[l] * r[l]);
                        dh[u] = lanes(|l| dh[u][l] * z[l]);
                    }
                    Cell::Lstm => {
                        let (i, f, g, o, tanh) = (keep(0, u), keep(1, u), keep(2, u), keep(3, u), keep(5, u));
                        let before = if step > 0 { gates[(step - 1) * n_kept + 4 * units + u] } else { zero };
                        let d: Lanes<F> = lanes(|l| ds[u][l] + dh[u][l] * o[l] * (one - tanh[l] * tanh[l]));
                        dc[u] = lanes(|l| d[l] * g[l] * i[l] * (one - i[l]));
                        dc[units + u] = lanes(|l| d[l] * before[l] * f[l] * (one - f[l]));
                        dc[2 * units + u] = lanes(|l| d[l] * i[l] * (one - g[l] * g[l]));
                        dc[3 * units + u] = lanes(|l| dh[u][l] * tanh[l] * o[l] * (one - o[l]));
                        ds[u] = lanes(|l| d[l] * f[l]);
                        dh[u] = zero;
                    }
                }
            }
            let from = if cell == Cell::Gru { &da } else { &dc };
            let dx = &mut dxs[position * inputs..(position + 1) * inputs];
            dx.fill(zero);
            sixteen!(add_product::<F>(&to_input, from, dx));
            match cell {
                Cell::Gru => {
                    let rows = dc[2 * units..].iter().chain(&da);
                    rows.enumerate().for_each(|(row, d)| all[row * n + step] = *d);
                }
                Cell::Lstm => dc.iter().enumerate().for_each(|(row, d)| all[row * n + step] = *d),
            }
            sixteen!(add_product::<F>(&to_state, &dc, &mut dh));
        }
        Gradients { inputs: dx_all, rows: parameter_gradients(kernels, kept, n, &d_all) }
    }
}

/// The gradients of the parameters from all steps and sequences of a group, in the order of the parameters.
fn parameter_gradients<F: Float>(kernels: Kernels<'_, F>, kept: &Kept<F>, n: usize, d: &[F]) -> Vec<F> {
    let Kernels { cell, inputs, units, .. } = kernels;
    let (columns, stride) = (kernels.columns(), n * LANES);
    // Rows of d that belong to a and to c; the latter begin with the candidate.
    let (da, dc, first) = match cell {
        Cell::Gru => (&d[units * stride..], &d[..3 * units * stride], units),
        Cell::Lstm => (d, d, 0),
    };
    let mut all = vec![F::of(0.0); kernels.rows.len()];
    let (dk, rest) = all.split_at_mut(inputs * columns);
    let (dr, biases) = rest.split_at_mut(units * columns);
    let x = View::rows(&kept.inputs, inputs, stride);
    product(dk, Accumulate::Replace, x, View::rows(da, columns, stride).transposed(), F::of(1.0));
    if n > 1 {
        // The state before step k is the state after step k − 1, so the rows are offset by one step.
        let inner = stride - LANES;
        let before = View::rows_of(&kept.states, units, inner, stride);
        let after = View::rows_of(&dc[LANES..], columns, inner, stride);
        product(dr, Accumulate::Replace, before, after.transposed(), F::of(1.0));
    }
    for (bias, d) in biases.chunks_exact_mut(columns).zip([da, dc]) {
        bias.iter_mut().zip(d.chunks_exact(stride)).for_each(|(sum, d)| *sum = sum_of(d, |d| d));
    }
    let of_c = dr.chunks_exact_mut(columns).chain(biases.chunks_exact_mut(columns).skip(1));
    of_c.for_each(|row| row.rotate_left(first));
    all
}
