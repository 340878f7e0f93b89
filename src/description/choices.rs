//! Choices among the estimators of an experiment that no registry holds.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::nn::ElementType;
use crate::train::Recipe;

/// The name of the true covariance.
pub const ORACLE: &str = "oracle";
/// The name of a choice with a recipe.
pub const TRAIN: &str = "train";

/// A network to be trained: `{ train = "RECIPE", seed = 0, precision = "f64" }`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromRecipe {
    /// The name of the recipe.
    pub train: String,
    /// Seed of parameters and batches.
    #[serde(default)]
    pub seed: u64,
    /// How it is applied.
    #[serde(default)]
    pub precision: ElementType,
}

impl FromRecipe {
    /// The recipe that it names.
    pub fn recipe<'a>(&self, recipes: &'a BTreeMap<String, Recipe>) -> Result<&'a Recipe> {
        let known = recipes.keys().map(String::as_str);
        recipes.get(&self.train).ok_or_else(|| Error::unknown("recipe of [train]", &self.train, known))
    }
}
