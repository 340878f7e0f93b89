//! `[evidence]`: what the tests of a run compare with.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// `[evidence]`: what portfolios are compared with, named before the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceKeys {
    /// Label of the estimator that every test compares with. Without it the analytic estimator with the lowest volatility on the tested
    /// days is taken, which favours it, and the page says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Label of a portfolio for tracking errors, betas and information ratios: an allocator that uses no covariance, such as `equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
}

impl EvidenceKeys {
    /// Whether nothing is named.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses labels that the experiment does not have.
    pub(super) fn check(&self, estimators: &[String], allocators: &[String]) -> Result<()> {
        let known = |label: &Option<String>, kind: &'static str, all: &[String]| match label {
            Some(label) if !all.contains(label) => Err(Error::unknown(kind, label, all.iter().map(String::as_str))),
            _ => Ok(()),
        };
        known(&self.reference, "label of an estimator in evidence.reference", estimators)?;
        known(&self.benchmark, "label of an allocator in evidence.benchmark", allocators)
    }
}
