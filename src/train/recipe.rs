//! `[train.NAME]` of an experiment: a network and its training schedule, each a preset or a preset with changes.
//!
//! ```toml
//! [train.compact]
//! network = "compact"
//! schedule = { preset = "cpu", steps = 2000 }
//! ```

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result, nearest, toml_message};
use crate::nn::Architecture;
use crate::train::Schedule;

/// A network and its training schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The architecture of the network.
    #[serde(deserialize_with = "network", default = "Architecture::compact")]
    pub network: Architecture,
    /// The training schedule.
    #[serde(deserialize_with = "schedule", default = "Schedule::cpu")]
    pub schedule: Schedule,
}

impl Recipe {
    /// Refuses recipes that cannot be built or trained on windows of `lookback` days.
    pub fn check(&self, lookback: usize) -> Result<()> {
        self.network.check()?;
        self.schedule.check()?;
        let [_, most] = self.schedule.n_days;
        if most > lookback {
            let value = format!("{most} with a look-back of {lookback}");
            return Err(Error::Parameter {
                name: "schedule.n_days",
                range: "at most the look-back; schedule = { preset = \"cpu\", n_days = [LEAST, MOST] } sets them",
                value,
            });
        }
        match self.network.n_days {
            Some(fixed) if self.schedule.n_days != [fixed; 2] || fixed != lookback => {
                let value = format!("{:?} with a look-back of {lookback}", self.schedule.n_days);
                let range = "the days of the per-lag network, as the look-back";
                Err(Error::Parameter { name: "schedule.n_days", range, value })
            }
            _ => Ok(()),
        }
    }
}

fn network<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Architecture, D::Error> {
    preset(deserializer, &[("compact", Architecture::compact), ("original", Architecture::original)])
}

fn schedule<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Schedule, D::Error> {
    let presets: [Preset<Schedule>; 3] =
        [("cpu", Schedule::cpu), ("compact", Schedule::compact), ("original", Schedule::original)];
    preset(deserializer, &presets)
}

/// The name of a preset, and a function that makes it.
type Preset<T> = (&'static str, fn() -> T);

/// Reads a preset by name, or a table that changes the one its key `preset` names (by default the first).
fn preset<'de, D, T>(deserializer: D, presets: &[Preset<T>]) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Serialize + DeserializeOwned,
{
    let mut changes = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(name) => toml::Table::from_iter([("preset".to_string(), toml::Value::String(name))]),
        toml::Value::Table(table) => table,
        other => {
            return Err(D::Error::custom(format!(
                "{} {other} is given where a preset or a table is expected",
                other.type_str()
            )));
        }
    };
    let name = match changes.remove("preset") {
        None => presets[0].0.to_string(),
        Some(toml::Value::String(name)) => name,
        Some(_) => return Err(D::Error::custom("a preset must be a name")),
    };
    let names: Vec<&str> = presets.iter().map(|(name, _)| *name).collect();
    let Some((_, make)) = presets.iter().find(|(known, _)| *known == name) else {
        let near = nearest(&name, &names).map(|near| format!(", did you mean '{near}'?")).unwrap_or_default();
        return Err(D::Error::custom(format!("unknown preset '{name}'{near}; known: {}", names.join(", "))));
    };
    let mut table = toml::Table::try_from(make()).map_err(D::Error::custom)?;
    table.extend(changes);
    table.try_into().map_err(|error: toml::de::Error| D::Error::custom(toml_message(&error, None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Cell;

    #[test]
    fn presets_can_be_changed_key_by_key() {
        let recipe: Recipe =
            toml::from_str("network = { cell = 'lstm' }\nschedule = { preset = 'compact', steps = 7 }").unwrap();
        assert_eq!(recipe.network, Architecture { cell: Cell::Lstm, ..Architecture::compact() });
        assert_eq!(recipe.schedule, Schedule { steps: 7, ..Schedule::compact() });
        let written = toml::to_string(&recipe).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), recipe);
    }

    #[test]
    fn unknown_presets_and_keys_are_named() {
        let refused = |text: &str| toml::from_str::<Recipe>(text).unwrap_err().to_string();
        assert!(refused("network = 'orignal'").contains("did you mean 'original'?"));
        assert!(refused("schedule = { step = 7 }").contains("step"));
    }

    #[test]
    fn a_per_lag_network_needs_its_look_back() {
        let recipe = Recipe { network: Architecture::original(), schedule: Schedule::original() };
        assert!(recipe.check(1200).is_ok());
        assert!(recipe.check(1000).unwrap_err().to_string().starts_with("schedule.n_days"));
        let free = Recipe { network: Architecture::original(), schedule: Schedule::compact() };
        assert!(free.check(1200).unwrap_err().to_string().contains("per-lag"));
    }
}
