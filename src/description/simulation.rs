//! `[simulation]` of an experiment file: profiles, capital, leverage and rates of the accounts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::{MissingCodes, Options};
use crate::error::{Error, Result};
use crate::registry::check_repetitions;

/// `[simulation]`: an account for every portfolio, profile, capital and leverage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// Names of profiles in the cost schedules.
    pub profiles: Vec<String>,
    /// Starting capital in dollars; by default the capital of the profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capital_usd: Vec<f64>,
    /// Whether each rebalance begins with the starting capital: what exceeds it is paid out, what is missing is paid in,
    /// so that costs are those of an account of this size in every year.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_capital: bool,
    /// Leverage of the target weights, a list or an evenly spaced grid.
    #[serde(default)]
    pub leverage: Leverage,
    /// A file of daily benchmark rates (date, percent a year) in the data folder; without it, yearly means are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// A file of schedules to use instead of the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedules: Option<PathBuf>,
    /// Whether every account writes its ledger.
    #[serde(default = "yes")]
    pub ledger: bool,
}

fn yes() -> bool {
    true
}

/// A file of rates: its name, or a table that also says how to read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "rates are a file, or { file = \"…\", date_column = \"…\", date_format = \"…\", missing = [\"…\"] }"
)]
pub enum Rates {
    /// The name of the file.
    File(PathBuf),
    /// `{ file = "…", date_column = "…", missing = ["…"] }`.
    Table(RatesTable),
}

/// `rates` as a table: the file and how to read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RatesTable {
    /// The file, in the data folder.
    pub file: PathBuf,
    /// Name of the column of dates; by default found by its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_column: Option<String>,
    /// Format of the dates in strptime notation; by default found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// Codes for a missing rate, besides the standard ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl Rates {
    /// The file, in the data folder.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(file) | Self::Table(RatesTable { file, .. }) => file,
        }
    }

    /// The options for reading it.
    pub fn options(&self) -> Options {
        match self {
            Self::File(_) => Options { missing: MissingCodes::standard().from_file(), ..Options::default() },
            Self::Table(table) => Options {
                date_column: table.date_column.clone(),
                date_format: table.date_format.clone(),
                missing: MissingCodes::with(table.missing.iter().map(String::as_str)).from_file(),
                ..Options::default()
            },
        }
    }
}

/// The leverages to simulate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Leverage {
    /// A list of leverages.
    List(Vec<f64>),
    /// Evenly spaced leverages.
    Grid(LeverageGrid),
}

/// Evenly spaced leverages: `{ from = 0.01, to = 3.99, steps = 400 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeverageGrid {
    /// The lowest leverage.
    pub from: f64,
    /// The highest leverage.
    pub to: f64,
    /// The number of leverages, both ends included.
    pub steps: usize,
}

impl Default for Leverage {
    fn default() -> Self {
        Self::List(vec![1.0])
    }
}

impl Leverage {
    /// All leverages, in ascending order for a grid.
    pub fn values(&self) -> Vec<f64> {
        match self {
            Self::List(values) => values.clone(),
            Self::Grid(LeverageGrid { from, to, steps }) => {
                let last = steps.saturating_sub(1).max(1) as f64;
                (0..*steps).map(|k| from + (to - from) * k as f64 / last).collect()
            }
        }
    }
}

/// A leverage above this must be a typing error.
const MOST_LEVERAGE: f64 = 1000.0;

impl Simulation {
    /// Refuses values that cannot be simulated, such as an empty list or a capital out of range.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, range, value: String| Err(Error::Parameter { name, range, value });
        if self.profiles.is_empty() {
            return refuse("simulation.profiles", "at least one profile", "[]".to_string());
        }
        if let Some(capital) = self.capital_usd.iter().find(|usd| !(1.0..=1e13).contains(*usd)) {
            return refuse("simulation.capital_usd", "between 1 and 1e13 dollars", capital.to_string());
        }
        if let Leverage::Grid(LeverageGrid { steps, .. }) = self.leverage {
            check_repetitions(steps, 1, "simulation.leverage.steps")?;
        }
        let leverages = self.leverage.values();
        if let Some(leverage) = leverages.iter().find(|leverage| **leverage > MOST_LEVERAGE) {
            return refuse("simulation.leverage", "at most 1000", leverage.to_string());
        }
        if leverages.is_empty() {
            return refuse("simulation.leverage", "at least one leverage", "[]".to_string());
        }
        if let Some(leverage) = leverages.iter().find(|leverage| !(leverage.is_finite() && **leverage > 0.0)) {
            return refuse("simulation.leverage", "positive", leverage.to_string());
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = self.profiles.iter().find(|profile| !seen.insert(profile.as_str())) {
            return Err(Error::data("simulation.profiles", format!("'{twice}' is listed twice")));
        }
        Ok(())
    }
}
