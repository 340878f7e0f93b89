//! Conversions between tensors and slices.

use std::ops::Deref;

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, WithDType, bail};

use crate::linalg::Real;

/// Element type of a tensor: f32 for training, f64 for checks.
///
/// ```
/// use minvar::nn::{Architecture, Float, Network};
///
/// fn parameters<F: Float>() -> minvar::error::Result<usize> {
///     Ok(Network::<F>::new(Architecture::compact(), 1)?.n_parameters())
/// }
/// assert_eq!(parameters::<f32>()?, parameters::<f64>()?);
/// # Ok::<(), minvar::error::Error>(())
/// ```
pub trait Float: Real + WithDType {
    /// The lower bound ε that the network applies to quantities that must be positive: 10⁻⁷ in f64, the machine
    /// epsilon in f32.
    const FLOOR: f64;
}

impl Float for f32 {
    const FLOOR: f64 = f32::EPSILON as f64;
}

impl Float for f64 {
    const FLOOR: f64 = 1e-7;
}

/// A batch of matrices or vectors, each contiguous; the batch itself may be strided.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a, F> {
    entries: &'a [F],
    stride: usize,
    size: usize,
}

impl<'a, F: Float> Samples<'a, F> {
    /// The samples of a tensor whose first dimension is the batch.
    pub fn new(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let (shape, stride) = (layout.dims(), layout.stride());
        let mut expected = 1;
        for k in (1..shape.len()).rev() {
            if stride[k] != expected && shape[k] > 1 {
                bail!("a sample must be contiguous, the layout is {layout:?}");
            }
            expected *= shape[k];
        }
        let entries = &storage.as_slice::<F>()?[layout.start_offset()..];
        Ok(Self { entries, stride: stride[0], size: expected })
    }

    /// Sample number `b`.
    pub fn get(self, b: usize) -> &'a [F] {
        &self.entries[b * self.stride..b * self.stride + self.size]
    }
}

/// All entries of a contiguous tensor.
pub(super) fn entries<'a, F: Float>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [F]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<F>()?[start..end]),
        None => bail!("a contiguous tensor is needed, the layout is {layout:?}"),
    }
}

/// Calls `read` with the storage and layout of a tensor on the CPU.
pub(super) fn on_cpu<R>(tensor: &Tensor, read: impl FnOnce(&CpuStorage, &Layout) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match storage.deref() {
        Storage::Cpu(storage) => read(storage, layout),
        _ => bail!("the backward pass of this operation runs on the CPU only"),
    }
}

/// A copy of all entries in row-major order.
pub(super) fn to_vec<F: Float>(tensor: &Tensor) -> Result<Vec<F>> {
    tensor.flatten_all()?.to_vec1()
}

/// softplus(x) = ln(1 + eˣ), without overflow.
pub(super) fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

/// softplus(x) + ε, which keeps a parameter positive.
pub(super) fn positive<F: Float>(x: &Tensor) -> Result<Tensor> {
    softplus(x)? + F::FLOOR
}
