//! A dense layer y = x K + b on the last dimension; K is `[in, out]`, b is `[out]`.

use candle_core::{Result, Tensor};

use crate::nn::parameters::Parameters;

pub(super) struct Dense {
    kernel: Tensor,
    bias: Tensor,
}

impl Dense {
    pub fn new(name: &str, inputs: usize, outputs: usize, parameters: &mut Parameters) -> Result<Self> {
        let kernel = parameters.glorot(&format!("{name}.kernel"), inputs, outputs)?;
        let bias = parameters.given(&format!("{name}.bias"), vec![0.0; outputs], &[outputs])?;
        Ok(Self { kernel, bias })
    }

    /// The layer's outputs `[batch, n, out]` from inputs `[batch, n, in]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, n, inputs) = x.dims3()?;
        let y = x.reshape((batch * n, inputs))?.matmul(&self.kernel)?.broadcast_add(&self.bias)?;
        y.reshape((batch, n, self.kernel.dim(1)?))
    }
}
