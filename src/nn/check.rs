//! Compares gradients of an operation with central differences, in f64.

use candle_core::{Device, Result, Tensor, Var};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// Reproducible random numbers in (−1, 1).
pub fn noise(seed: u64, shape: &[usize]) -> Tensor {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Asserts that the gradient of Σ noise ∘ f agrees with central differences for every entry of every input.
#[track_caller]
pub fn check_gradient(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) {
    let vars: Vec<Var> = inputs.iter().map(|input| Var::from_tensor(input).unwrap()).collect();
    let value = || {
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let out = f(&tensors).unwrap();
        (&out * noise(99, out.dims())).unwrap().sum_all().unwrap()
    };
    let gradients = value().backward().unwrap();
    let numbers = |tensor: &Tensor| -> Vec<f64> { tensor.flatten_all().unwrap().to_vec1().unwrap() };
    for (number, var) in vars.iter().enumerate() {
        let analytic = numbers(gradients.get(var).expect("every input has a gradient"));
        let start = var.as_tensor().copy().unwrap();
        let largest = analytic.iter().fold(1e-9, |max: f64, g| max.max(g.abs()));
        for k in 0..analytic.len() {
            let at = |offset: f64| {
                let mut moved = numbers(&start);
                moved[k] += offset;
                var.set(&Tensor::from_vec(moved, start.shape(), &Device::Cpu).unwrap()).unwrap();
                value().to_scalar::<f64>().unwrap()
            };
            const H: f64 = 1e-4;
            let difference = (8.0 * (at(H) - at(-H)) - (at(2.0 * H) - at(-2.0 * H))) / (12.0 * H);
            let error = (difference - analytic[k]).abs();
            assert!(error <= 1e-7 * largest, "input {number}, entry {k}: {} against {difference}", analytic[k]);
        }
        var.set(&start).unwrap();
    }
}
