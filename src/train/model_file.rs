//! A model file in experiments and on command lines: `{ model = "FILE", dtype = "f64" }`, and as a part `model(FILE)`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::estimators::combination::{Combination, MeanCovariance, Of};
use crate::estimators::modules::{Modules, Networks, key_of, networks_of};
use crate::estimators::{Calibration, CovarianceEstimator, composition};
use crate::nn::ElementType;
use crate::registry::{Choice, Part};
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
        let model = self.open(n_days)?;
        Ok(match self.dtype {
            ElementType::F32 => Box::new(Neural(model.network::<f32>()?)),
            ElementType::F64 => Box::new(Neural(model.network::<f64>()?)),
        })
    }

    fn open(&self, n_days: usize) -> Result<Model> {
        let model = Model::open(&self.model)?;
        model.check_days(n_days, &self.model)?;
        Ok(model)
    }
}

impl Model {
    /// The modules of its network, on the processor.
    pub fn modules(&self, dtype: ElementType) -> Result<Arc<dyn Modules>> {
        Ok(match dtype {
            ElementType::F32 => Arc::new(Neural(self.network::<f32>()?)),
            ElementType::F64 => Arc::new(Neural(self.network::<f64>()?)),
        })
    }
}

const FITTED: &str = "experiments choose a fitted value on the past of each year; give a number here";

/// An estimator of any choice that trains no network, for windows of `n_days`: its model files are read.
pub fn estimator_of(
    choice: &Choice,
    calibration: &Calibration<'_>,
    n_days: usize,
) -> Result<Box<dyn CovarianceEstimator>> {
    if let Some(Combination { members, of, shares }) = Combination::of(choice)? {
        let refused =
            |message: &str| Error::Config { file: format!("'{}'", choice.label), message: message.to_string() };
        if of == Of::Weights {
            return Err(refused(
                "a mean of weights has no covariance; experiments average weights, here use of = \"covariances\"",
            ));
        }
        let [shares] = shares.as_slice() else { return Err(refused(FITTED)) };
        let members = members.iter().map(|member| estimator_of(member, calibration, n_days));
        let members = shares.iter().copied().zip(members).map(|(share, member)| Ok((share, member?)));
        return Ok(Box::new(MeanCovariance(members.collect::<Result<_>>()?)));
    }
    if choice.candidates()?.is_some() {
        return Err(Error::Config { file: format!("'{}'", choice.label), message: FITTED.to_string() });
    }
    if choice.name == MODEL {
        return choice.parameters::<ModelFile>()?.estimator(n_days);
    }
    let read = |part: Part| {
        if part.name != MODEL {
            let message = format!("a network is trained by experiments only; name a file: {MODEL}(FILE)");
            return Err(Error::Config { file: format!("'{}'", key_of(&part)), message });
        }
        let file: ModelFile = part.parameters(MODEL)?;
        Ok((key_of(&part), file.open(n_days)?.modules(file.dtype)?))
    };
    let networks: Networks = networks_of(choice)?.into_iter().map(read).collect::<Result<_>>()?;
    composition::build(choice, &Calibration { networks: Some(&networks), ..*calibration })
}
