//! A training task: one model to be trained.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::panel::Past;
use crate::train::{Compute, Eligible, Model, Recipe};

/// One model to train.
pub struct Task<'a> {
    /// Network and schedule.
    pub recipe: &'a Recipe,
    /// Seed of the initial parameters and of the batches.
    pub seed: u64,
    /// All data that training may see.
    pub past: Past<'a>,
    /// The members of the universe, by day.
    pub eligible: &'a Eligible,
    /// Days of the universe's look-back, at least the longest window.
    pub lookback: usize,
    /// Days of a target.
    pub horizon: usize,
    /// Content hash of the panel.
    pub data_hash: &'a str,
    /// Data and rules outside the recipe that the model depends on, as text; part of its identity.
    pub rules: &'a str,
    /// The model to continue from, if any.
    pub warm: Option<&'a Model>,
    /// The path of the model file.
    pub file: PathBuf,
    /// The processor or device that trains it.
    pub compute: Compute<'a>,
}

pub(super) fn other_identity(file: &Path) -> Error {
    let rule = "this model comes from other data, rules, recipe, seed or computation; choose another \
                --out, or discard the experiment's models with 'minvar train --fresh'";
    Error::data(file.display().to_string(), rule)
}
