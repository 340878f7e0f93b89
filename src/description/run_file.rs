//! `run.toml`: the experiment with all its defaults, and where its results come from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::costs::Profile;
use crate::data::{read_text, write_text};
use crate::description::{Experiment, Provenance};
use crate::error::{Error, Result, toml_message};

/// The layout of `run.toml` that this program writes. It reads all up to this one; files without a number are of the first.
const FORMAT: u32 = 1;

/// `run.toml` of a run, a sweep or a simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    #[serde(default = "first_format")]
    format: u32,
    /// Where the results come from.
    pub provenance: Provenance,
    /// What was asked for, defaults written out.
    pub experiment: Experiment,
    /// The profiles of a simulation as they were used.
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

    /// The same of a simulation, with its profiles.
    pub fn with_profiles(self, profiles: BTreeMap<String, Profile>) -> Self {
        Self { profiles, ..self }
    }

    /// Reads a file of this format or an earlier one.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |rule: String| Error::data(path.display().to_string(), rule);
        let text = read_text(path)?;
        let format: Format = toml::from_str(&text).map_err(|error| refuse(toml_message(&error, Some(&text))))?;
        if format.format > FORMAT {
            return Err(refuse(format!(
                "it is written in format {}, and this program reads formats up to {FORMAT}; use a newer minvar",
                format.format
            )));
        }
        toml::from_str(&text).map_err(|error| refuse(toml_message(&error, Some(&text))))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_text(path, &toml::to_string(self).expect("a run is plain data"))
    }
}

/// The number alone, so that a file of a later format is answered with it and not with what it cannot know.
#[derive(Deserialize)]
struct Format {
    #[serde(default = "first_format")]
    format: u32,
}
