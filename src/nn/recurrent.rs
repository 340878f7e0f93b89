//! The recurrent cleaner: layers of GRU or LSTM cells over the ascending eigenvalues.
//!
//! ```text
//! o = [forward scan | backward scan]
//! ```
//! Each token sees all smaller eigenvalues from one side and all larger ones from the other. For tokens of width F, K
//! is F x (gates · units) and R is units x (gates · units). GRU biases have two rows: input and recurrent ([`super::scan`]).
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.
//!
//! A layer is one operation. Sequences are processed sixteen at a time; the gradients of the groups are summed in order, so the
//! result does not depend on the number of threads.
//!
//! Initial values: K Glorot uniform, R orthogonal over its full width, biases 0, except 1 at the LSTM's forget gate
//! (Jozefowicz, Zaremba, Sutskever, 2015).

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::linalg::Buffer;
use crate::nn::float::{Float, entries, on_cpu};
use crate::nn::operation::{Input, Operation, apply_2};
use crate::nn::parameters::Parameters;
use crate::nn::scan::{Cell, FirstEigenvalue, Gradients, Kept, Kernels, LANES, Part, backward_group, forward_group};

/// The order in which eigenvalues are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways, with the outputs side by side.
    #[default]
    Both,
    /// From the smallest eigenvalue up.
    Forward,
    /// From the largest eigenvalue down. As in the authors' package, outputs stay in the order in which they are read:
    /// the first output belongs to the largest eigenvalue but is in the position of the smallest.
    Backward,
}

impl Direction {
    /// Number of scan directions, and so of outputs per unit.
    pub(crate) fn count(self) -> usize {
        self.scans().len()
    }

    /// The name of every scan, and where it starts.
    fn scans(self) -> &'static [(&'static str, FirstEigenvalue)] {
        const BOTH: [(&str, FirstEigenvalue); 2] =
            [("forward", FirstEigenvalue::Smallest), ("backward", FirstEigenvalue::Largest)];
        match self {
            Direction::Both => &BOTH,
            Direction::Forward => &BOTH[..1],
            Direction::Backward => &BOTH[1..],
        }
    }
}

/// One direction of the scan of one layer.
struct Pass {
    kernel: Tensor,
    recurrent: Tensor,
    bias: Tensor,
}

pub(super) struct RecurrentCleaner {
    cell: Cell,
    direction: Direction,
    layers: Vec<Vec<Pass>>,
}

impl RecurrentCleaner {
    pub fn new(
        cell: Cell,
        direction: Direction,
        width: usize,
        hidden: &[usize],
        parameters: &mut Parameters,
    ) -> Result<Self> {
        let mut layers = Vec::new();
        let mut inputs = width;
        for (number, &units) in hidden.iter().enumerate() {
            let columns = cell.gates() * units;
            let pass = |(name, _): &(&str, FirstEigenvalue)| {
                let name = format!("recurrent.{number}.{name}");
                let bias = format!("{name}.bias");
                Ok(Pass {
                    kernel: parameters.glorot(&format!("{name}.kernel"), inputs, columns)?,
                    recurrent: parameters.orthogonal(&format!("{name}.recurrent_kernel"), units, columns)?,
                    bias: match cell {
                        Cell::Gru => parameters.given(&bias, vec![0.0; 2 * columns], &[2, columns])?,
                        Cell::Lstm => {
                            let forget = |column: usize| if column / units == 1 { 1.0 } else { 0.0 };
                            parameters.given(&bias, (0..columns).map(forget).collect(), &[columns])?
                        }
                    },
                })
            };
            layers.push(direction.scans().iter().map(pass).collect::<Result<Vec<_>>>()?);
            inputs = units * direction.count();
        }
        Ok(Self { cell, direction, layers })
    }

    /// Outputs `[batch, n, units · directions]` of every layer, from tokens `[batch, n, width]`.
    pub fn forward<F: Float>(&self, tokens: &Tensor) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::new();
        for passes in &self.layers {
            let input = outputs.last().unwrap_or(tokens).contiguous()?;
            let rows = passes.iter().map(|pass| pass.rows(self.cell)).collect::<Result<Vec<_>>>()?;
            let units = passes[0].recurrent.dim(0)?;
            let layer = Layer::<F> { cell: self.cell, direction: self.direction, units, kept: OnceLock::new() };
            outputs.push(apply_2(layer, [&input, &Tensor::stack(&rows, 0)?])?);
        }
        Ok(outputs)
    }
}

impl Pass {
    /// The parameters as rows: K, R, the biases.
    fn rows(&self, cell: Cell) -> Result<Tensor> {
        let bias = self.bias.reshape((cell.biases(), self.kernel.dim(1)?))?;
        Tensor::cat(&[&self.kernel, &self.recurrent, &bias], 0)
    }
}

/// The operation from inputs `[batch, n, inputs]` and the parameters of all scans `[scans, rows, gates · units]` to states
/// `[batch, n, scans · units]`.
struct Layer<F> {
    cell: Cell,
    direction: Direction,
    units: usize,
    /// One for every group of every scan.
    kept: OnceLock<Vec<Kept<F>>>,
}

impl<F: Float> Layer<F> {
    /// The parameters of a scan.
    fn kernels<'a>(&self, scan: usize, inputs: usize, parameters: &'a [F]) -> Kernels<'a, F> {
        let (_, start) = self.direction.scans()[scan];
        let size = parameters.len() / self.direction.count();
        Kernels {
            cell: self.cell,
            start,
            by_step: self.direction == Direction::Backward,
            inputs,
            units: self.units,
            rows: &parameters[scan * size..(scan + 1) * size],
        }
    }
}

impl<F: Float> Operation<F> for Layer<F> {
    const NAME: &'static str = "recurrent layer";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [input, parameters] = inputs else { unreachable!("the operation has two inputs") };
        let (batch, n, width) = input.shape().dims3()?;
        let (x, parameters) = (input.entries::<F>()?, parameters.entries::<F>()?);
        let (units, n_scans, n_groups) = (self.units, self.direction.count(), batch.div_ceil(LANES));
        let forward = |work: usize| {
            let (scan, group) = (work / n_groups, work % n_groups);
            let x = x.chunks(LANES * n * width).nth(group).expect("a group of sequences");
            let mut states = Buffer::new(x.len() / width * units);
            let kept = forward_group(self.kernels(scan, width, parameters), n, x, &mut states);
            (kept, states)
        };
        let all: Vec<_> = (0..n_scans * n_groups).into_par_iter().map(forward).collect();
        let (kept, states): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let _ = self.kept.set(kept);
        let mut output = Vec::with_capacity(batch * n * n_scans * units);
        for group in 0..n_groups {
            for row in 0..states[group].len() / units {
                for scan in states[group..].iter().step_by(n_groups) {
                    output.extend_from_slice(&scan[row * units..(row + 1) * units]);
                }
            }
        }
        Ok((output, (batch, n, n_scans * units).into()))
    }

    fn backward(&self, inputs: &[&Tensor], _result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [input, parameters] = inputs else { unreachable!("the operation has two inputs") };
        let (batch, n, width) = input.dims3()?;
        let (units, n_scans, n_groups) = (self.units, self.direction.count(), batch.div_ceil(LANES));
        let kept = self.kept.get().expect("the forward pass has set it");
        let all: Vec<Gradients<F>> = on_cpu(parameters, |storage, layout| {
            let parameters = entries::<F>(storage, layout)?;
            on_cpu(gradient, |storage, layout| {
                let dh = entries::<F>(storage, layout)?;
                let backward = |work: usize| {
                    let (scan, group) = (work / n_groups, work % n_groups);
                    let dh = dh.chunks(LANES * n * n_scans * units).nth(group).expect("a group of sequences");
                    let part = Part { of: n_scans * units, first: scan * units };
                    backward_group(self.kernels(scan, width, parameters), n, &kept[work], dh, part)
                };
                Ok((0..n_scans * n_groups).into_par_iter().map(backward).collect())
            })
        })?;
        let mut d_input = Vec::with_capacity(batch * n * width);
        for sequence in 0..batch {
            let (group, lane) = (sequence / LANES, sequence % LANES);
            let scans = || all[group..].iter().step_by(n_groups);
            d_input
                .extend((0..n * width).map(|place| scans().map(|scan| scan.inputs[place * LANES + lane]).sum::<F>()));
        }
        let mut d_parameters = Vec::with_capacity(parameters.elem_count());
        for groups in all.chunks(n_groups) {
            let mut sums = groups[0].rows.clone();
            for group in &groups[1..] {
                sums.iter_mut().zip(&group.rows).for_each(|(sum, d)| *sum += *d);
            }
            d_parameters.extend(sums);
        }
        let device = input.device();
        Ok(vec![
            Some(Tensor::from_vec(d_input, input.shape(), device)?),
            Some(Tensor::from_vec(d_parameters, parameters.shape(), device)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    fn layer(cell: Cell, direction: Direction, input: &Tensor, parameters: &Tensor) -> Result<Tensor> {
        let units = parameters.dim(2)? / cell.gates();
        let operation = Layer::<f64> { cell, direction, units, kept: OnceLock::new() };
        apply_2(operation, [input, parameters])
    }

    #[test]
    fn gradients_are_those_of_the_function() {
        for cell in [Cell::Gru, Cell::Lstm] {
            for direction in [Direction::Both, Direction::Forward, Direction::Backward] {
                // Two inputs, three units.
                let shape = [direction.count(), 2 + 3 + cell.biases(), 3 * cell.gates()];
                let f = |inputs: &[Tensor]| layer(cell, direction, &inputs[0], &inputs[1]);
                check_gradient(f, &[noise(1, &[2, 4, 2]), noise(2, &shape)]);
            }
        }
    }

    #[test]
    fn cells_are_those_of_the_tensor_crate() {
        use candle_nn::rnn::{GRUConfig, LSTMConfig, RNN, gru, lstm};
        let (inputs, units) = (2, 3);
        for cell in [Cell::Gru, Cell::Lstm] {
            let (x, parameters) =
                (noise(1, &[2, 5, inputs]), noise(2, &[1, inputs + units + cell.biases(), 3 * cell.gates()]));
            let ours = layer(cell, Direction::Forward, &x, &parameters).unwrap().to_vec3::<f64>().unwrap();
            // Theirs has gates as rows, the reset gate first, and two biases in either cell.
            let gates: &[u32] =
                if cell == Cell::Gru { &[3, 4, 5, 0, 1, 2, 6, 7, 8] } else { &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] };
            let order = Tensor::new(gates, x.device()).unwrap();
            let rows = parameters.squeeze(0).unwrap().index_select(&order, 1).unwrap();
            let part =
                |first: usize, count: usize| rows.narrow(0, first, count).unwrap().t().unwrap().contiguous().unwrap();
            let bias = |k: usize| {
                if k < cell.biases() { part(inputs + units + k, 1) } else { part(0, 1).zeros_like().unwrap() }
            };
            let named = [
                ("weight_ih_l0", part(0, inputs)),
                ("weight_hh_l0", part(inputs, units)),
                ("bias_ih_l0", bias(0)),
                ("bias_hh_l0", bias(1)),
            ];
            let named = named.map(|(name, tensor)| {
                (name.to_string(), if name.starts_with('b') { tensor.flatten_all().unwrap() } else { tensor })
            });
            let builder = candle_nn::VarBuilder::from_tensors(named.into(), x.dtype(), x.device());
            let theirs: Vec<Tensor> = match cell {
                Cell::Gru => gru(inputs, units, GRUConfig::default(), builder)
                    .unwrap()
                    .seq(&x)
                    .unwrap()
                    .into_iter()
                    .map(|state| state.h)
                    .collect(),
                Cell::Lstm => lstm(inputs, units, LSTMConfig::default(), builder)
                    .unwrap()
                    .seq(&x)
                    .unwrap()
                    .into_iter()
                    .map(|state| state.h)
                    .collect(),
            };
            for (k, theirs) in theirs.iter().enumerate() {
                for (ours, theirs) in ours.iter().zip(theirs.to_vec2::<f64>().unwrap()) {
                    assert!(
                        ours[k].iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-14),
                        "{cell:?}, step {k}: {:?} {theirs:?}",
                        ours[k]
                    );
                }
            }
        }
    }

    #[test]
    fn a_sequence_does_not_depend_on_its_group() {
        // 19 sequences are one group of sixteen and one of three.
        let (input, parameters) = (noise(1, &[19, 5, 3]), noise(2, &[2, 7, 6]));
        let run = |input: &Tensor| layer(Cell::Gru, Direction::Both, input, &parameters).unwrap();
        let all = run(&input).to_vec3::<f64>().unwrap();
        for k in [0, 15, 16, 18] {
            assert_eq!(run(&input.narrow(0, k, 1).unwrap().contiguous().unwrap()).to_vec3::<f64>().unwrap()[0], all[k]);
        }
    }

    #[test]
    fn a_single_backward_scan_is_the_second_half_of_both_in_its_own_order() {
        let (input, parameters) = (noise(1, &[2, 5, 3]), noise(2, &[2, 7, 6]));
        let both = layer(Cell::Gru, Direction::Both, &input, &parameters).unwrap().to_vec3::<f64>().unwrap();
        let second = parameters.narrow(0, 1, 1).unwrap().contiguous().unwrap();
        let alone = layer(Cell::Gru, Direction::Backward, &input, &second).unwrap().to_vec3::<f64>().unwrap();
        for (both, alone) in both.iter().zip(&alone) {
            assert!((0..5).all(|k| both[k][2..] == alone[4 - k]));
        }
    }
}
