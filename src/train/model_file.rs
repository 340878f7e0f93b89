//! A model file in experiments and on command lines: `{ model = "FILE", dtype = "f64" }`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::Result;
use crate::estimators::CovarianceEstimator;
use crate::nn::ElementType;
use crate::train::{Model, Neural};

/// The key of a choice with a model file.
pub const MODEL: &str = "model";

/// The parameters of a choice with a model file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The file; in an experiment, one per year where its name contains `{year}`.
    pub model: PathBuf,
    /// Type of the numbers in which it is applied.
    #[serde(default)]
    pub dtype: ElementType,
}

impl ModelFile {
    /// The network of the file as an estimator for windows of `n_days`, on the processor. Fails if the file cannot be
    /// read or the network takes another number of days.
    pub fn estimator(&self, n_days: usize) -> Result<Box<dyn CovarianceEstimator>> {
        let model = Model::open(&self.model)?;
        model.check_days(n_days, &self.model)?;
        Ok(match self.dtype {
            ElementType::F32 => Box::new(Neural(model.network::<f32>()?)),
            ElementType::F64 => Box::new(Neural(model.network::<f64>()?)),
        })
    }
}
