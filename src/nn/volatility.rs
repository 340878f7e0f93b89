//! Marginal volatility: a small network that maps each asset's volatility to its inverse volatility.
//!
//! ```text
//! x ← leaky(x K + b), slope 0.2, layer by layer from x = s_i;   e_i = softplus(x K + b)
//! ```
//! All assets share the same weights. The result is normalised afterwards ([`super::head`]).
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.

use candle_core::{Result, Tensor};
use candle_nn::ops::leaky_relu;

use crate::nn::dense_layer::Dense;
use crate::nn::float::softplus;
use crate::nn::parameters::Parameters;

/// Slope of the leaky rectifier below zero.
const SLOPE: f64 = 0.2;

pub(super) struct MarginalVolatility {
    hidden: Vec<Dense>,
    out: Dense,
}

impl MarginalVolatility {
    pub fn new(hidden: &[usize], parameters: &mut Parameters) -> Result<Self> {
        let mut inputs = 1;
        let mut layers = Vec::new();
        for (number, &units) in hidden.iter().enumerate() {
            layers.push(Dense::new(&format!("volatility.{number}"), inputs, units, parameters)?);
            inputs = units;
        }
        Ok(Self { hidden: layers, out: Dense::new("volatility.out", inputs, 1, parameters)? })
    }

    /// Hidden activations `[batch, n, units]` of every layer and e `[batch, n]`, from volatilities `[batch, n]`.
    pub fn forward(&self, volatilities: &Tensor) -> Result<(Vec<Tensor>, Tensor)> {
        let input = volatilities.contiguous()?.unsqueeze(2)?;
        let mut hidden: Vec<Tensor> = Vec::new();
        for layer in &self.hidden {
            hidden.push(leaky_relu(&layer.forward(hidden.last().unwrap_or(&input))?, SLOPE)?);
        }
        let e = softplus(&self.out.forward(hidden.last().unwrap_or(&input))?.squeeze(2)?)?;
        Ok((hidden, e))
    }
}
