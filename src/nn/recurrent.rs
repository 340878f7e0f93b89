//! The recurrent cleaner: layers of GRU or LSTM cells over the ascending eigenvalues.
//!
//! ```text
//! o = [forward scan | backward scan],  a = x K + b0 (GRU) or x K (LSTM)
//! ```
//! Each token sees all smaller eigenvalues from one side and all larger ones from the other. For tokens of width F, K
//! is F x (gates · units) and R is units x (gates · units). GRU biases have two rows: input and recurrent.
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.
//!
//! Initial values: K Glorot uniform, R orthogonal over its full width, biases 0, except 1 at the LSTM's forget gate
//! (Jozefowicz, Zaremba, Sutskever, 2015).

use candle_core::{Result, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::nn::float::Float;
use crate::nn::parameters::Parameters;
use crate::nn::scan::{Cell, FirstEigenvalue, scan};

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
        if self == Direction::Both { 2 } else { 1 }
    }
}

/// One direction of the scan of one layer.
struct Pass {
    start: FirstEigenvalue,
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
        let passes: &[(&str, FirstEigenvalue)] = match direction {
            Direction::Both => &[("forward", FirstEigenvalue::Smallest), ("backward", FirstEigenvalue::Largest)],
            Direction::Forward => &[("forward", FirstEigenvalue::Smallest)],
            Direction::Backward => &[("backward", FirstEigenvalue::Largest)],
        };
        let mut layers = Vec::new();
        let mut inputs = width;
        for (number, &units) in hidden.iter().enumerate() {
            let columns = cell.gates() * units;
            let pass = |(name, start): &(&str, FirstEigenvalue)| {
                let name = format!("recurrent.{number}.{name}");
                let bias = format!("{name}.bias");
                Ok(Pass {
                    start: *start,
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
            layers.push(passes.iter().map(pass).collect::<Result<Vec<_>>>()?);
            inputs = units * direction.count();
        }
        Ok(Self { cell, direction, layers })
    }

    /// Outputs `[batch, n, units · directions]` of every layer, from tokens `[batch, n, width]`.
    pub fn forward<F: Float>(&self, tokens: &Tensor) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::new();
        for passes in &self.layers {
            let input = outputs.last().unwrap_or(tokens);
            let states = passes.par_iter().map(|pass| self.pass::<F>(pass, input)).collect::<Result<Vec<_>>>()?;
            outputs.push(Tensor::cat(&states, 2)?);
        }
        Ok(outputs)
    }

    fn pass<F: Float>(&self, pass: &Pass, input: &Tensor) -> Result<Tensor> {
        let (batch, n, width) = input.dims3()?;
        let columns = pass.kernel.dim(1)?;
        let projected = input.reshape((batch * n, width))?.matmul(&pass.kernel)?;
        let (projected, bias) = match self.cell {
            Cell::Gru => (projected.broadcast_add(&pass.bias.get(0)?)?, pass.bias.get(1)?.contiguous()?),
            Cell::Lstm => (projected, pass.bias.clone()),
        };
        let projected = projected.reshape((batch, n, columns))?;
        let states = scan::<F>(self.cell, pass.start, &projected, &pass.recurrent, &bias)?;
        match self.direction {
            Direction::Backward => {
                let reversed: Vec<u32> = (0..n as u32).rev().collect();
                states.index_select(&Tensor::from_vec(reversed, n, states.device())?, 1)
            }
            _ => Ok(states),
        }
    }
}
