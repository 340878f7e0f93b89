//! Where a result comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::program::Program;

/// Where a result comes from; written to `run.toml`. A run, a sweep and a simulation each leave out what they do not have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version and commit.
    #[serde(flatten)]
    pub program: Program,
    /// Content hash of the panel.
    pub data_hash: String,
    /// Hash of the file of weights that were traded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_hash: Option<String>,
    /// Hash of the cost schedules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedules_hash: Option<String>,
    /// A sentence on the rates that interest follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// Where it was computed.
    pub device: String,
    /// Threads of the last session.
    pub threads: usize,
    /// Seconds of work over all sessions.
    pub duration_seconds: f64,
    /// Decision dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_decisions: Option<usize>,
    /// Returns that were missing inside accepted windows, over all windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_filled: Option<usize>,
    /// Accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_accounts: Option<usize>,
    /// What assets were ranked by, where the panel lacks what the rules ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked_by: Option<String>,
    /// What was guessed when weights and rates were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Days in a year, if not 252.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods_per_year: Option<f64>,
    /// What had to be assumed where the panel does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stand_ins: Vec<String>,
    /// Repairs and fallbacks of each estimator, by its label: how many eigenvalues, assets or steps, over all windows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repairs: BTreeMap<String, BTreeMap<String, usize>>,
    /// What `exclude` in `[data]` left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<ExclusionCount>,
    /// Hash of the parameters of every network that came from a file, by its label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// Seconds of work by the size of the universe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub duration_seconds_by_size: BTreeMap<String, f64>,
}

/// What a run left out of its panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExclusionCount {
    /// Returns.
    pub returns: usize,
    /// Assets that were left out on all days, which is knowledge of the future.
    pub whole_assets: usize,
}
