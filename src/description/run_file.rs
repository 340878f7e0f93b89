//! `run.toml`: the experiment with all its defaults, and the provenance of its results.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::costs::Profile;
use crate::data::{read_text, write_text};
use crate::description::{Experiment, Provenance};
use crate::error::{Error, Result, toml_message};
use crate::program::refused_format;

/// The format version of `run.toml` that this program writes. It reads this version and all earlier ones; a file
/// without a number has the first.
const FORMAT: u32 = 1;

/// The content of `run.toml` for a run, a sweep or a simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    #[serde(default = "first_format")]
    format: u32,
    /// The provenance of the results.
    pub provenance: Provenance,
    /// The experiment, with all defaults written out.
    pub experiment: Experiment,
    /// The profiles of a simulation as they were used, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
}

fn first_format() -> u32 {
    1
}

impl RunFile {
    /// The file of a run or sweep.
    pub fn new(provenance: Provenance, experiment: Experiment) -> Self {
        Self { format: FORMAT, provenance, experiment, profiles: BTreeMap::new() }
    }

    /// This file with the profiles of a simulation.
    pub fn with_profiles(self, profiles: BTreeMap<String, Profile>) -> Self {
        Self { profiles, ..self }
    }

    /// Reads a file of this format or an earlier one. Fails if the format is newer.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |rule: String| Error::data(path.display().to_string(), rule);
        let text = read_text(path)?;
        let format: Format = toml::from_str(&text).map_err(|error| refuse(toml_message(&error, Some(&text))))?;
        if let Some(why) = refused_format(format.format, FORMAT) {
            return Err(refuse(why));
        }
        let mut table: toml::Table =
            toml::from_str(&text).map_err(|error| refuse(toml_message(&error, Some(&text))))?;
        if has_rules(&mut table) {
            return toml::from_str(&text).map_err(|error| refuse(toml_message(&error, Some(&text))));
        }
        table.try_into().map_err(|error| refuse(toml_message(&error, None)))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_text(path, &toml::to_string(self).expect("a run is plain data"))
    }
}

/// Whether the rule set of the universe is written. Files of earlier versions do not write it, and had none: it is added.
fn has_rules(table: &mut toml::Table) -> bool {
    let Some(experiment) = table.get_mut("experiment").and_then(toml::Value::as_table_mut) else { return true };
    let universe = experiment.entry("universe").or_insert_with(|| toml::Table::new().into());
    let Some(universe) = universe.as_table_mut() else { return true };
    let has_rules = universe.contains_key("rules");
    universe.entry("rules").or_insert("none".into());
    has_rules
}

/// The format number alone. It is read first, so that a file of a later format is refused for its number and not for
/// an unknown key.
#[derive(Deserialize)]
struct Format {
    #[serde(default = "first_format")]
    format: u32,
}
