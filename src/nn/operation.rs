//! Adapter to the tensor crate's custom operations: the result of one of our operations, and its gradient.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use crate::nn::Float;
use crate::nn::float::{Samples, entries};

/// An operation on tensors of the processor with its own gradient.
pub(super) trait Operation<F: Float>: Send + Sync {
    /// Its name in errors.
    const NAME: &'static str;

    /// Entries and shape of the result.
    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)>;

    /// The gradient with respect to each input, from the contiguous gradient of the result; `None` for an input that
    /// needs none.
    fn backward(&self, inputs: &[&Tensor], result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// An input of a forward pass.
pub(super) struct Input<'a> {
    storage: &'a CpuStorage,
    layout: &'a Layout,
}

impl<'a> Input<'a> {
    /// The shape of the input.
    pub fn shape(&self) -> &'a Shape {
        self.layout.shape()
    }

    /// The samples of the input, along its first dimension.
    pub fn samples<F: Float>(&self) -> Result<Samples<'a, F>> {
        Samples::new(self.storage, self.layout)
    }

    /// All entries of the input. Fails if it is not contiguous.
    pub fn entries<F: Float>(&self) -> Result<&'a [F]> {
        entries(self.storage, self.layout)
    }
}

/// An operation in the form that the tensor crate takes.
struct Adapted<F, O>(O, std::marker::PhantomData<F>);

/// Applies an operation to one tensor.
pub(super) fn apply_1<F: Float>(operation: impl Operation<F> + 'static, input: &Tensor) -> Result<Tensor> {
    input.apply_op1(Adapted(operation, std::marker::PhantomData::<F>))
}

/// Applies an operation to two tensors.
pub(super) fn apply_2<F: Float>(operation: impl Operation<F> + 'static, [a, b]: [&Tensor; 2]) -> Result<Tensor> {
    a.apply_op2(b, Adapted(operation, std::marker::PhantomData::<F>))
}

/// Applies an operation to three tensors.
pub(super) fn apply_3<F: Float>(operation: impl Operation<F> + 'static, inputs: [&Tensor; 3]) -> Result<Tensor> {
    let [a, b, c] = inputs;
    a.apply_op3(b, c, Adapted(operation, std::marker::PhantomData::<F>))
}

impl<F: Float, O: Operation<F>> Adapted<F, O> {
    fn forward(&self, inputs: &[Input<'_>]) -> Result<(CpuStorage, Shape)> {
        let (entries, shape) = self.0.forward(inputs)?;
        Ok((F::to_cpu_storage_owned(entries), shape))
    }

    fn backward<const N: usize>(
        &self,
        inputs: [&Tensor; N],
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; N]> {
        match self.0.backward(&inputs, result, &gradient.contiguous()?)?.try_into() {
            Ok(gradients) => Ok(gradients),
            Err(_) => bail!("'{}' must return a gradient for each of its {N} inputs", O::NAME),
        }
    }
}

impl<F: Float, O: Operation<F>> CustomOp1 for Adapted<F, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(&[Input { storage, layout }])
    }

    fn bwd(&self, input: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [gradient] = self.backward([input], result, gradient)?;
        Ok(gradient)
    }
}

/// Gradients with respect to two inputs.
type Two = (Option<Tensor>, Option<Tensor>);

impl<F: Float, O: Operation<F>> CustomOp2 for Adapted<F, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2)].map(|(storage, layout)| Input { storage, layout }))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Two> {
        let [a, b] = self.backward([a, b], result, gradient)?;
        Ok((a, b))
    }
}

/// Gradients with respect to three inputs.
type Three = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

impl<F: Float, O: Operation<F>> CustomOp3 for Adapted<F, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    #[rustfmt::skip]
    fn cpu_fwd(
        &self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout, s3: &CpuStorage, l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2), (s3, l3)].map(|(storage, layout)| Input { storage, layout }))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, c: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Three> {
        let [a, b, c] = self.backward([a, b, c], result, gradient)?;
        Ok((a, b, c))
    }
}
