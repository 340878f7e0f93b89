//! The provenance of a result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::program::Program;

/// The provenance of a result, written to `run.toml`. Fields that do not apply to a run, a sweep or a simulation are
/// left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version and commit of the program.
    #[serde(flatten)]
    pub program: Program,
    /// Content hash of the panel.
    pub data_hash: String,
    /// Hash of the file of target weights, for a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_hash: Option<String>,
    /// Hash of the cost schedules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedules_hash: Option<String>,
    /// A sentence on the source of the interest rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// Device that computed the result.
    pub device: String,
    /// Number of threads in the last session.
    pub threads: usize,
    /// Seconds of work over all sessions.
    pub duration_seconds: f64,
    /// Number of decision dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_decisions: Option<usize>,
    /// Number of returns that were missing inside accepted windows, over all windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_filled: Option<usize>,
    /// Number of accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_accounts: Option<usize>,
    /// The quantity that assets were ranked by, if the panel lacks the one that the rules ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked_by: Option<String>,
    /// What was guessed when weights and rates were read, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Days in a year, if not 252.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods_per_year: Option<f64>,
    /// Assumptions made where the panel has no data, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stand_ins: Vec<String>,
    /// Repairs and fallbacks of each estimator, by its label and their kind: number of eigenvalues, assets or steps,
    /// over all windows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repairs: BTreeMap<String, BTreeMap<String, usize>>,
    /// The reference of the tests that the experiment named when it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What `exclude` in `[data]` removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<ExclusionCount>,
    /// Hash of the parameters of every network that was read from a file, by its label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// In a sweep, seconds of work by run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", alias = "duration_seconds_by_size")]
    pub duration_seconds_by_run: BTreeMap<String, f64>,
}

/// What a run excluded from its panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExclusionCount {
    /// Number of returns.
    pub returns: usize,
    /// Number of assets that were excluded on all days, which uses knowledge of the future.
    pub whole_assets: usize,
}
