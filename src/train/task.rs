//! A model to be trained.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::panel::Past;
use crate::train::{Compute, Eligible, Model, Recipe};

/// One model to train.
pub struct Task<'a> {
    /// Network and schedule.
    pub recipe: &'a Recipe,
    /// Seed of parameters and batches.
    pub seed: u64,
    /// Everything that training may see.
    pub past: Past<'a>,
    /// The universe.
    pub eligible: &'a Eligible,
    /// Days of the universe's look-back, at least as many as the longest window.
    pub lookback: usize,
    /// Days of a target.
    pub horizon: usize,
    /// Content hash of the panel.
    pub data_hash: &'a str,
    /// Data and rules outside the recipe that the model depends on, as text.
    pub rules: &'a str,
    /// The model to continue from.
    pub warm: Option<&'a Model>,
    /// The model file.
    pub file: PathBuf,
    /// Where it is trained.
    pub compute: Compute<'a>,
}

pub(super) fn other_identity(file: &Path) -> Error {
    let rule = "this model comes from other data, rules, recipe, seed or computation; choose another \
                --out, or discard the experiment's models with 'minvar train --fresh'";
    Error::data(file.display().to_string(), rule)
}
