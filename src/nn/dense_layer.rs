//! A dense layer with its activation, as one operation.
//!
//! ```text
//! y = f(x K + b) on the last dimension;   K is [in, out], b is [out]
//! leaky f(v) = max(v, v/5),   softplus f(v) = max(v, 0) + ln(1 + e^(−|v|))
//! ```
//! Gradients, with g = dy ∘ f'(v): dx = g K', dK = x'g, db = Σ g. f' is computed from y: that of softplus is 1 − e^(−y).

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::linalg::dense::{Accumulate, View, product};
use crate::linalg::{Buffer, vectorised};
use crate::nn::float::{Float, Samples, entries, on_cpu};
use crate::nn::operation::{Input, Operation, apply_3};
use crate::nn::parameters::Parameters;

/// The function f of a layer.
#[derive(Clone, Copy)]
pub(super) enum Activation {
    /// A rectifier that lets a fifth through below zero.
    Leaky,
    /// A smooth rectifier.
    Softplus,
}

/// Slope of the leaky rectifier below zero.
const SLOPE: f64 = 0.2;

pub(super) struct Dense {
    kernel: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Dense {
    pub fn new(
        name: &str,
        inputs: usize,
        outputs: usize,
        activation: Activation,
        parameters: &mut Parameters,
    ) -> Result<Self> {
        let kernel = parameters.glorot(&format!("{name}.kernel"), inputs, outputs)?;
        let bias = parameters.given(&format!("{name}.bias"), vec![0.0; outputs], &[outputs])?;
        Ok(Self { kernel, bias, activation })
    }

    /// The layer's outputs `[batch, n, out]` from inputs `[batch, n, in]`.
    pub fn forward<F: Float>(&self, x: &Tensor) -> Result<Tensor> {
        apply_3(Layer(self.activation, std::marker::PhantomData::<F>), [&x.contiguous()?, &self.kernel, &self.bias])
    }
}

struct Layer<F>(Activation, std::marker::PhantomData<F>);

vectorised! {
    /// y ← f(y + b), row by row.
    fn activate<F: Float>(y: &mut [F], bias: &[F], f: Activation) {
        let (zero, one, slope) = (F::of(0.0), F::of(1.0), F::of(SLOPE));
        y.chunks_exact_mut(bias.len()).for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b));
        match f {
            Activation::Leaky => y.iter_mut().for_each(|y| *y = y.at_least(*y * slope)),
            Activation::Softplus => y.iter_mut().for_each(|y| {
                // A NaN stays one.
                let (_, e) = (zero - y.magnitude()).exponentials();
                *y = zero.at_least(*y) + (one + e).logarithm();
            }),
        }
    }
}

vectorised! {
    /// g ← g ∘ f'(v), from y = f(v).
    fn derivative<F: Float>(g: &mut [F], y: &[F], f: Activation) {
        let (zero, one, slope) = (F::of(0.0), F::of(1.0), F::of(SLOPE));
        let pairs = g.iter_mut().zip(y);
        match f {
            Activation::Leaky => pairs.for_each(|(g, y)| *g *= if *y > zero { one } else { slope }),
            Activation::Softplus => pairs.for_each(|(g, y)| *g *= zero - (zero - *y).exponentials().0),
        }
    }
}

impl<F: Float> Operation<F> for Layer<F> {
    const NAME: &'static str = "dense layer";

    fn forward(&self, inputs: &[Input<'_>]) -> Result<(Vec<F>, Shape)> {
        let [x, kernel, bias] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, width) = x.shape().dims3()?;
        let (x, kernel, bias) = (x.samples::<F>()?, kernel.entries::<F>()?, bias.entries::<F>()?);
        let mut all = vec![F::of(0.0); batch * n * bias.len()];
        all.par_chunks_mut(n * bias.len()).enumerate().for_each(|(b, y)| {
            product(
                y,
                Accumulate::Replace,
                View::rows(x.get(b), n, width),
                View::rows(kernel, width, bias.len()),
                F::of(1.0),
            );
            activate(y, bias, self.0);
        });
        Ok((all, (batch, n, bias.len()).into()))
    }

    fn backward(&self, inputs: &[&Tensor], result: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [x, kernel, bias] = inputs else { unreachable!("the operation has three inputs") };
        let (batch, n, width) = x.dims3()?;
        let outputs = bias.elem_count();
        let kernel_entries = kernel.flatten_all()?.to_vec1::<F>()?;
        let kernel_rows = View::rows(&kernel_entries, width, outputs);
        let mut dx = vec![F::of(0.0); batch * n * width];
        // dK, then db, of every sample.
        let parts: Vec<Vec<F>> = on_cpu(x, |storage, layout| {
            let x = Samples::<F>::new(storage, layout)?;
            on_cpu(result, |storage, layout| {
                let y = entries::<F>(storage, layout)?;
                on_cpu(gradient, |storage, layout| {
                    let dy = entries::<F>(storage, layout)?;
                    let sample = |(b, dx): (usize, &mut [F])| {
                        let of_sample = b * n * outputs..(b + 1) * n * outputs;
                        let mut g = Buffer::new(n * outputs);
                        g.copy_from_slice(&dy[of_sample.clone()]);
                        derivative(&mut g, &y[of_sample], self.0);
                        let g_rows = View::rows(&g, n, outputs);
                        product(dx, Accumulate::Replace, g_rows, kernel_rows.transposed(), F::of(1.0));
                        let mut part = vec![F::of(0.0); (width + 1) * outputs];
                        let (dk, db) = part.split_at_mut(width * outputs);
                        product(
                            dk,
                            Accumulate::Replace,
                            View::rows(x.get(b), n, width).transposed(),
                            g_rows,
                            F::of(1.0),
                        );
                        g.chunks_exact(outputs).for_each(|g| db.iter_mut().zip(g).for_each(|(sum, g)| *sum += *g));
                        part
                    };
                    Ok(dx.par_chunks_mut(n * width).enumerate().map(sample).collect())
                })
            })
        })?;
        // In the order of the samples, so that the result does not depend on the threads.
        let mut sums = vec![F::of(0.0); (width + 1) * outputs];
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, g)| *sum += *g));
        let db = sums.split_off(width * outputs);
        let device = x.device();
        Ok(vec![
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(sums, kernel.shape(), device)?),
            Some(Tensor::from_vec(db, bias.shape(), device)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{check_gradient, noise};

    fn layer(activation: Activation, inputs: &[Tensor]) -> Result<Tensor> {
        apply_3(Layer(activation, std::marker::PhantomData::<f64>), [&inputs[0], &inputs[1], &inputs[2]])
    }

    #[test]
    fn gradients_are_those_of_the_function() {
        for activation in [Activation::Leaky, Activation::Softplus] {
            for (inputs, outputs) in [(1, 4), (3, 1), (3, 2)] {
                let x = (noise(1, &[2, 5, inputs]) * 3.0).unwrap();
                check_gradient(|all| layer(activation, all), &[x, noise(2, &[inputs, outputs]), noise(3, &[outputs])]);
            }
        }
    }

    #[test]
    fn activations_are_those_of_the_standard_library() {
        let values = [-700.0, -30.0, -1.0, -1e-9, 0.0, 0.5, 40.0, 700.0];
        let one = |x: f64| Tensor::new(&[x], &candle_core::Device::Cpu).unwrap();
        let x = Tensor::new(&values, &candle_core::Device::Cpu).unwrap().reshape((1, values.len(), 1)).unwrap();
        let all = [x, one(1.0).reshape((1, 1)).unwrap(), one(0.0)];
        let of = |activation| layer(activation, &all).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (k, x) in values.into_iter().enumerate() {
            assert_eq!(of(Activation::Leaky)[k], if x > 0.0 { x } else { 0.2 * x });
            let exact = x.max(0.0) + (-x.abs()).exp().ln_1p();
            assert!((of(Activation::Softplus)[k] - exact).abs() <= 1e-15 * exact.max(1.0), "at {x}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for f in [Activation::Leaky, Activation::Softplus] {
            let mut y = [f64::NAN, 1.0, f64::NAN];
            activate(&mut y, &[0.0], f);
            assert!(y[0].is_nan() && y[1].is_finite() && y[2].is_nan());
        }
    }
}
