//! Adam with bias correction, applied after clipping the global norm of the gradient.
//!
//! ```text
//! g ← g · min(1, c / ‖g‖)
//! m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
//! θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
//! ```
//! β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸. Kingma, Ba (2015), arXiv:1412.6980, algorithm 1; the clipping: Pascanu, Mikolov,
//! Bengio (2013), arXiv:1211.5063, algorithm 1. ‖g‖ is taken over all parameters, in doubles.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::nn::Float;

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Gradients by parameter, summed over batches.
pub struct Gradients(BTreeMap<String, Vec<f64>>);

impl Gradients {
    /// Zero gradients for every parameter.
    pub fn zeros(parameters: &BTreeMap<String, Var>) -> Self {
        Self(parameters.iter().map(|(name, var)| (name.clone(), vec![0.0; var.elem_count()])).collect())
    }

    /// Adds `weight` times the gradients of a batch.
    pub fn add<F: Float>(&mut self, parameters: &BTreeMap<String, Var>, store: &GradStore, weight: f64) -> Result<()> {
        for (name, sums) in &mut self.0 {
            if let Some(gradient) = store.get(&parameters[name]) {
                let gradient = gradient.flatten_all()?.to_vec1::<F>()?;
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += weight * g.value());
            }
        }
        Ok(())
    }

    /// The norm ‖g‖ over all parameters.
    pub fn norm(&self) -> f64 {
        self.0.values().flatten().map(|g| g * g).sum::<f64>().sqrt()
    }

    /// Scales the gradients so that their norm is at most `most`. Returns the norm before scaling.
    pub fn clip(&mut self, most: f64) -> f64 {
        let norm = self.norm();
        if norm > most {
            self.0.values_mut().flatten().for_each(|g| *g *= most / norm);
        }
        norm
    }
}

/// Adam's state: the moments of every parameter.
pub struct Adam {
    /// Steps taken.
    pub steps: usize,
    /// m by parameter.
    pub first: BTreeMap<String, Vec<f64>>,
    /// v by parameter.
    pub second: BTreeMap<String, Vec<f64>>,
}

impl Adam {
    /// Zero moments, before the first step.
    pub fn new(parameters: &BTreeMap<String, Var>) -> Self {
        let zeros = || Gradients::zeros(parameters).0;
        Self { steps: 0, first: zeros(), second: zeros() }
    }

    /// Takes one step on all parameters.
    pub fn step<F: Float>(
        &mut self,
        parameters: &BTreeMap<String, Var>,
        gradients: &Gradients,
        learning_rate: f64,
    ) -> Result<()> {
        self.steps += 1;
        let correction = BETA.map(|beta| 1.0 - beta.powi(self.steps as i32));
        for (name, var) in parameters {
            let moments = |all: &mut BTreeMap<String, Vec<f64>>| all.remove(name).expect("a parameter has moments");
            let (mut m, mut v) = (moments(&mut self.first), moments(&mut self.second));
            let mut values = var.flatten_all()?.to_vec1::<F>()?;
            for ((value, g), (m, v)) in values.iter_mut().zip(&gradients.0[name]).zip(m.iter_mut().zip(&mut v)) {
                *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
                *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
                let change = learning_rate * (*m / correction[0]) / ((*v / correction[1]).sqrt() + EPSILON);
                *value = F::of(value.value() - change);
            }
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
            self.first.insert(name.clone(), m);
            self.second.insert(name.clone(), v);
        }
        Ok(())
    }
}
