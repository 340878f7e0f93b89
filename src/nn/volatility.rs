//! Marginal volatility: a small network that maps each asset's volatility to its inverse volatility.
//!
//! ```text
//! x ← leaky(x K + b), slope 0.2, layer by layer from x = s_i;   e_i = softplus(x K + b)
//! ```
//! All assets share the same weights. The result is normalised afterwards ([`super::head`]).
//! Bongiorno, Manolakis, Mantegna (2025), arXiv:2507.01918.

use candle_core::{Result, Tensor};

use crate::nn::dense_layer::{Activation, Dense};
use crate::nn::float::Float;
use crate::nn::parameters::Parameters;

pub(super) struct MarginalVolatility {
    hidden: Vec<Dense>,
    out: Dense,
}

impl MarginalVolatility {
    pub fn new(hidden: &[usize], parameters: &mut Parameters) -> Result<Self> {
        let mut inputs = 1;
        let mut layers = Vec::new();
        for (number, &units) in hidden.iter().enumerate() {
            layers.push(Dense::new(&format!("volatility.{number}"), inputs, units, Activation::Leaky, parameters)?);
            inputs = units;
        }
        let out = Dense::new("volatility.out", inputs, 1, Activation::Softplus, parameters)?;
        Ok(Self { hidden: layers, out })
    }

    /// Hidden activations `[batch, n, units]` of every layer and e `[batch, n]`, from volatilities `[batch, n]`.
    pub fn forward<F: Float>(&self, volatilities: &Tensor) -> Result<(Vec<Tensor>, Tensor)> {
        let input = volatilities.contiguous()?.unsqueeze(2)?;
        let mut hidden: Vec<Tensor> = Vec::new();
        for layer in &self.hidden {
            hidden.push(layer.forward::<F>(hidden.last().unwrap_or(&input))?);
        }
        let e = self.out.forward::<F>(hidden.last().unwrap_or(&input))?.squeeze(2)?;
        Ok((hidden, e))
    }
}
