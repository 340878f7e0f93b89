//! Choices among an experiment's estimators that are in no registry: the oracle and networks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::nn::ElementType;
use crate::train::Recipe;

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
