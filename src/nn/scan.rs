//! The recurrent scan: one operation for a whole sequence, forward and backward.
//!
//! ```text
//! GRU (reset after)   z = σ(a_z + c_z),  r = σ(a_r + c_r),  g = tanh(a_h + r ∘ c_h),   c = R'h + b
//!                     h ← z ∘ h + (1 − z) ∘ g
//! LSTM                i, f, o = σ(a + c),  g = tanh(a_g + c_g),                        c = R'h + b
//!                     s ← f ∘ s + i ∘ g,  h ← o ∘ tanh s
//! ```
//! a is the projected input `[batch, n, gates · units]` with gates in the order z, r, h or i, f, g, o; R is units x
//! (gates · units); states start at 0. Cho et al. (2014), arXiv:1406.1078, in the form used by cuDNN; Hochreiter,
//! Schmidhuber (1997) with the forget gate of Gers, Schmidhuber, Cummins (2000).
//!
//! Sequences are processed sixteen at a time, one per vector lane, so that a step is the product of a matrix with
//! sixteen states. The gates of the forward pass are kept; the gradient of R is one product over all steps at the end.
//! Groups of sixteen are summed in order, so the result does not depend on the number of threads.

use std::sync::{Arc, OnceLock};

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::linalg::dense::{View, product};
use crate::linalg::{Real, vectorised};
use crate::nn::float::{Float, entries, on_cpu, to_vec};
use crate::nn::operation::{Input, Operation, apply_3};

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

/// The states h `[batch, n, units]` in the order of the sequence, computed from the projected input, R and b.
pub(super) fn scan<F: Float>(
    cell: Cell,
    start: FirstEigenvalue,
    input: &Tensor,
    kernel: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    apply_3(Scan::<F> { cell, start, kept: Arc::new(OnceLock::new()) }, [&input.contiguous()?, kernel, bias])
}

/// Number of sequences in a group.
const LANES: usize = 16;
/// Number of rows of a product that are computed together: as many sums as fit in the registers.
const ROWS: usize = 8;

/// One value for each sequence of a group.
type Lanes<F> = [F; LANES];

struct Scan<F> {
    cell: Cell,
    start: FirstEigenvalue,
    kept: Arc<OnceLock<Vec<Kept<F>>>>,
}

/// The values that the forward pass of a group stores for the backward pass.
struct Kept<F> {
    /// Gates and other kept values, `[step][kept · units]`.
    gates: Vec<Lanes<F>>,
    /// States h, `[unit][step]`.
    states: Vec<Lanes<F>>,
}

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

    /// Adds M x to `out` for every lane.
    #[inline(always)]
    fn add_product(&self, x: &[Lanes<F>], out: &mut [Lanes<F>]) {
        for (block, out) in self.entries.chunks_exact(self.inner).zip(out.chunks_mut(ROWS)) {
            let mut sums = [[F::of(0.0); LANES]; ROWS];
            for (row, x) in block.iter().zip(x) {
                for (sum, m) in sums.iter_mut().zip(row) {
                    for (sum, x) in sum.iter_mut().zip(x) {
                        *sum = m.fma(*x, *sum);
                    }
                }
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                for (out, sum) in out.iter_mut().zip(sum) {
                    *out += *sum;
                }
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

impl<F: Float> Scan<F> {
    /// Position in the sequence that step `step` processes.
    #[inline(always)]
    fn position(&self, step: usize, n: usize) -> usize {
        match self.start {
            FirstEigenvalue::Smallest => step,
            FirstEigenvalue::Largest => n - 1 - step,
        }
    }
}

vectorised! {
    /// Forward pass of one group; `input` and `output` hold its sequences one after the other.
    fn forward_group<F: Float>(scan: &Scan<F>, input: &[F], n: usize, recurrent: &Packed<F>, bias: &[F], output: &mut [F]) -> Kept<F> {
        let units = recurrent.inner;
        let width = scan.cell.gates() * units;
        let n_sequences = input.len() / (n * width);
        let zero = [F::of(0.0); LANES];
        let kept = scan.cell.kept() * units;
        let mut gates = vec![zero; n * kept];
        let mut states = vec![zero; units * n];
        let (mut h, mut s) = (vec![zero; units], vec![zero; units]);
        let (mut a, mut c) = (vec![zero; width], vec![zero; width]);
        for step in 0..n {
            let k = scan.position(step, n);
            for sequence in 0..n_sequences {
                let from = &input[(sequence * n + k) * width..][..width];
                a.iter_mut().zip(from).for_each(|(a, x)| a[sequence] = *x);
            }
            c.iter_mut().zip(bias).for_each(|(c, b)| *c = [*b; LANES]);
            recurrent.add_product(&h, &mut c);
            let keep = &mut gates[step * kept..(step + 1) * kept];
            for u in 0..units {
                match scan.cell {
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
            for sequence in 0..n_sequences {
                let to = &mut output[(sequence * n + k) * units..][..units];
                to.iter_mut().zip(&h).for_each(|(to, h)| *to = h[sequence]);
            }
        }
        Kept { gates, states }
    }
}

vectorised! {
    /// Backward pass of one group: the gradient of the input, and the gradients of c, `[gate][step]`.
    fn backward_group<F: Float>(scan: &Scan<F>, kept: &Kept<F>, n: usize, transposed: &Packed<F>, dh_out: &[F], da_out: &mut [F]) -> Vec<Lanes<F>> {
        let one = F::of(1.0);
        let units = kept.states.len() / n;
        let width = scan.cell.gates() * units;
        let n_sequences = dh_out.len() / (n * units);
        let zero = [F::of(0.0); LANES];
        let mut all = vec![zero; width * n];
        let (mut dh, mut ds) = (vec![zero; units], vec![zero; units]);
        let (mut da, mut dc) = (vec![zero; width], vec![zero; width]);
        let n_kept = scan.cell.kept() * units;
        for step in (0..n).rev() {
            let k = scan.position(step, n);
            for sequence in 0..n_sequences {
                let from = &dh_out[(sequence * n + k) * units..][..units];
                dh.iter_mut().zip(from).for_each(|(dh, g)| dh[sequence] += *g);
            }
            let keep = |gate: usize, u: usize| &kept.gates[step * n_kept + gate * units + u];
            for u in 0..units {
                match scan.cell {
                    Cell::Gru => {
                        let (z, r, g, c) = (keep(0, u), keep(1, u), keep(2, u), keep(3, u));
                        let before = if step > 0 { kept.states[u * n + step - 1] } else { zero };
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
                        let before = if step > 0 { kept.gates[(step - 1) * n_kept + 4 * units + u] } else { zero };
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
            let da = if scan.cell == Cell::Gru { &da } else { &dc };
            for sequence in 0..n_sequences {
                let to = &mut da_out[(sequence * n + k) * width..][..width];
                to.iter_mut().zip(da).for_each(|(to, da)| *to = da[sequence]);
            }
            for (gate, dc) in dc.iter().enumerate() {
                all[gate * n + step] = *dc;
            }
            transposed.add_product(&dc, &mut dh);
        }
        all
    }
}

/// The gradients dR (units x width) and db (width) of a group: products over all its steps and sequences.
fn kernel_gradients<F: Float>(states: &[Lanes<F>], dc: &[Lanes<F>], n: usize) -> (Vec<F>, Vec<F>) {
    let (units, width) = (states.len() / n, dc.len() / n);
    let db = dc.chunks_exact(n).map(|steps| steps.as_flattened().iter().copied().sum()).collect();
    let mut dr = vec![F::of(0.0); units * width];
    if n > 1 {
        // The state before step k is the state after step k − 1, so the rows are offset by one step.
        let (inner, stride) = ((n - 1) * LANES, n * LANES);
        let before = View::rows_of(states.as_flattened(), units, inner, stride);
        let after = View::rows_of(&dc.as_flattened()[LANES..], width, inner, stride);
        product(&mut dr, false, before, after.transposed(), F::of(1.0));
    }
    (dr, db)
}

impl<F: Float> Operation<F> for Scan<F> {
    const NAME: &'static str = "recurrent scan";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [input, kernel, bias] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, width) = input.shape().dims3()?;
        let (units, _) = kernel.shape().dims2()?;
        let (input, kernel, bias) = (input.entries::<F>()?, kernel.entries::<F>()?, bias.entries::<F>()?);
        let recurrent = Packed::new(width, units, |gate, u| kernel[u * width + gate]);
        let mut output = vec![F::of(0.0); batch * n * units];
        let groups = output.par_chunks_mut(LANES * n * units).zip(input.par_chunks(LANES * n * width));
        let forward = |(output, input): (&mut [F], &[F])| forward_group(self, input, n, &recurrent, bias, output);
        let _ = self.kept.set(groups.map(forward).collect());
        Ok((output, (batch, n, units).into()))
    }

    fn backward(&self, inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [input, kernel, bias] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, width) = input.dims3()?;
        let (units, _) = kernel.dims2()?;
        let r = to_vec::<F>(kernel)?;
        let transposed = Packed::new(units, width, |u, gate| r[u * width + gate]);
        let kept = self.kept.get().expect("the forward pass has set it");
        let mut da = vec![F::of(0.0); batch * n * width];
        let parts: Vec<(Vec<F>, Vec<F>)> = on_cpu(gradient, |storage, layout| {
            let dh = entries::<F>(storage, layout)?;
            let groups = da.par_chunks_mut(LANES * n * width).zip(dh.par_chunks(LANES * n * units)).zip(kept);
            let backward = |((da, dh), kept): ((&mut [F], &[F]), &Kept<F>)| {
                let dc = backward_group(self, kept, n, &transposed, dh, da);
                kernel_gradients(&kept.states, &dc, n)
            };
            Ok(groups.map(backward).collect())
        })?;
        let (mut dr, mut db) = (vec![F::of(0.0); units * width], vec![F::of(0.0); width]);
        for (part_r, part_b) in &parts {
            dr.iter_mut().zip(part_r).for_each(|(sum, g)| *sum += *g);
            db.iter_mut().zip(part_b).for_each(|(sum, g)| *sum += *g);
        }
        let device = input.device();
        Ok(vec![
            Some(Tensor::from_vec(da, (batch, n, width), device)?),
            Some(Tensor::from_vec(dr, (units, width), device)?),
            Some(Tensor::from_vec(db, bias.shape(), device)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    #[test]
    fn gradients_are_those_of_the_function() {
        for cell in [Cell::Gru, Cell::Lstm] {
            for start in [FirstEigenvalue::Smallest, FirstEigenvalue::Largest] {
                let width = 3 * cell.gates();
                let f = |inputs: &[Tensor]| scan::<f64>(cell, start, &inputs[0], &inputs[1], &inputs[2]);
                check_gradient(f, &[noise(1, &[2, 4, width]), noise(2, &[3, width]), noise(3, &[width])]);
            }
        }
    }

    #[test]
    fn a_sequence_does_not_depend_on_its_group() {
        // 19 sequences are one group of sixteen and one of three.
        let (input, kernel, bias) = (noise(1, &[19, 5, 6]), noise(2, &[2, 6]), noise(3, &[6]));
        let run = |input: &Tensor| scan::<f64>(Cell::Gru, FirstEigenvalue::Largest, input, &kernel, &bias).unwrap();
        let all = run(&input).to_vec3::<f64>().unwrap();
        for k in [0, 15, 16, 18] {
            assert_eq!(run(&input.narrow(0, k, 1).unwrap()).to_vec3::<f64>().unwrap()[0], all[k]);
        }
    }
}
