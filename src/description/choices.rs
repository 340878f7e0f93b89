//! Choices among an experiment's estimators that are in no registry: the oracle and networks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::estimators::modules::networks_of;
use crate::nn::ElementType;
use crate::registry::{Choice, Part};
use crate::train::{MODEL, ModelFile, Recipe};

/// The name of the true covariance as an estimator.
pub const ORACLE: &str = "oracle";
/// The key of a network to be trained by a recipe.
pub const TRAIN: &str = "train";

/// A network to be trained: `{ train = "RECIPE", seed = 0, dtype = "f64" }`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromRecipe {
    /// Name of the recipe.
    pub train: String,
    /// Seed of the network's initial parameters and training batches.
    #[serde(default)]
    pub seed: u64,
    /// Type of the numbers in which the network is applied.
    #[serde(default)]
    pub dtype: ElementType,
}

impl FromRecipe {
    /// The recipe of this name. Fails if `recipes` has none.
    pub fn recipe<'a>(&self, recipes: &'a BTreeMap<String, Recipe>) -> Result<&'a Recipe> {
        let known = recipes.keys().map(String::as_str);
        recipes.get(&self.train).ok_or_else(|| Error::unknown("recipe of [train]", &self.train, known))
    }
}

/// A network that a choice of an experiment uses, whole or in part.
pub enum UsedNetwork {
    /// Read from a file.
    File(ModelFile),
    /// Trained by a recipe.
    Recipe(FromRecipe),
}

impl UsedNetwork {
    /// The network that a part names.
    pub fn of(part: &Part) -> Result<Self> {
        Ok(match part.name.as_str() {
            MODEL => Self::File(part.parameters(MODEL)?),
            _ => Self::Recipe(part.parameters(TRAIN)?),
        })
    }

    /// The networks that a choice uses.
    pub fn all_of(choice: &Choice) -> Result<Vec<Self>> {
        networks_of(choice)?.iter().map(Self::of).collect()
    }
}
