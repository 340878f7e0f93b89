//! The learnable parameters of a network, by name; they are created once, from initial values or from a file.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

/// Parameters by name. Every sum over parameters follows the order of the names.
pub struct Parameters {
    all: BTreeMap<String, Var>,
    start: Origin,
    dtype: DType,
    floor: f64,
}

/// The source of the value when a layer asks for a parameter.
enum Origin {
    Seed(Box<Xoshiro256PlusPlus>),
    Values(BTreeMap<String, Tensor>),
}

impl Parameters {
    /// Parameters at the start of training: layers draw their initial values from this seed.
    pub(super) fn from_seed(seed: u64, dtype: DType, floor: f64) -> Self {
        let start = Origin::Seed(Box::new(Xoshiro256PlusPlus::seed_from_u64(seed)));
        Self { all: BTreeMap::new(), start, dtype, floor }
    }

    /// Parameters with given values. Each must be requested by a layer in its own shape.
    pub(super) fn from_values(values: BTreeMap<String, Tensor>, dtype: DType, floor: f64) -> Self {
        Self { all: BTreeMap::new(), start: Origin::Values(values), dtype, floor }
    }

    /// All parameters. Fails if there is a value that no layer requested.
    pub(super) fn finished(self) -> Result<BTreeMap<String, Var>> {
        if let Origin::Values(left) = &self.start
            && let Some(name) = left.keys().next()
        {
            bail!("the network has no parameter '{name}'");
        }
        Ok(self.all)
    }

    /// The lower bound ε for quantities that must be positive.
    pub(super) fn floor(&self) -> f64 {
        self.floor
    }

    /// A parameter with the given initial values.
    pub(super) fn given(&mut self, name: &str, start: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
        self.with(name, shape, |_| start)
    }

    /// A parameter with Glorot's uniform initial values: |x| ≤ √(6 / (fan_in + fan_out)).
    ///
    /// Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    pub(super) fn glorot(&mut self, name: &str, fan_in: usize, fan_out: usize) -> Result<Tensor> {
        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
        self.with(name, &[fan_in, fan_out], |random| {
            (0..fan_in * fan_out).map(|_| random.random_range(-limit..limit)).collect()
        })
    }

    /// A parameter whose initial rows are orthonormal, `rows` ≤ `columns`, by Gram-Schmidt on normal variates.
    ///
    /// Saxe, McClelland, Ganguli (2014), "Exact solutions to the nonlinear dynamics of learning".
    pub(super) fn orthogonal(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor> {
        self.with(name, &[rows, columns], |random| {
            let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rows);
            for _ in 0..rows {
                let mut row: Vec<f64> = (0..columns).map(|_| random.sample(StandardNormal)).collect();
                // Orthogonalising twice suffices (Giraud, Langou, Rozloznik, 2005).
                for _ in 0..2 {
                    for other in &basis {
                        let dot: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
                        row.iter_mut().zip(other).for_each(|(x, y)| *x -= dot * y);
                    }
                }
                let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x /= norm);
                basis.push(row);
            }
            basis.concat()
        })
    }

    fn with(
        &mut self,
        name: &str,
        shape: &[usize],
        draw: impl FnOnce(&mut Xoshiro256PlusPlus) -> Vec<f64>,
    ) -> Result<Tensor> {
        let value = match &mut self.start {
            Origin::Seed(random) => Tensor::from_vec(draw(random), shape, &Device::Cpu)?,
            Origin::Values(values) => {
                let Some(value) = values.remove(name) else { bail!("parameter '{name}' is missing") };
                if value.dims() != shape {
                    bail!("parameter '{name}' must have shape {shape:?}, but has {:?}", value.dims());
                }
                let finite = value.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?.iter().all(|x| x.is_finite());
                if !finite {
                    bail!("parameter '{name}' is not finite");
                }
                value
            }
        };
        let var = Var::from_tensor(&value.to_dtype(self.dtype)?)?;
        let tensor = var.as_tensor().clone();
        self.all.insert(name.to_string(), var);
        Ok(tensor)
    }
}
