//! Names in experiment files and the parameters behind them.
//!
//! ```toml
//! estimators = ["qis", { name = "ewma", decay = 0.97, label = "slow ewma" }]
//! ```

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A registered name with parameters, as an experiment writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Choice {
    /// The registered name.
    pub name: String,
    /// What tables and figures call it: `label` if given, else name and parameters.
    pub label: String,
    parameters: toml::Table,
}

/// The two spellings of a [`Choice`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Table {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        #[serde(flatten)]
        parameters: toml::Table,
    },
}

impl From<Written> for Choice {
    fn from(written: Written) -> Self {
        let (name, label, parameters) = match written {
            Written::Name(name) => (name, None, toml::Table::new()),
            Written::Table { name, label, parameters } => (name, label, parameters),
        };
        let listed: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let full = if listed.is_empty() { name.clone() } else { format!("{name}({})", listed.join(",")) };
        Self { name, label: label.unwrap_or(full), parameters }
    }
}

impl From<Choice> for Written {
    fn from(choice: Choice) -> Self {
        if choice.parameters.is_empty() && choice.label == choice.name {
            return Written::Name(choice.name);
        }
        Written::Table { name: choice.name, label: Some(choice.label), parameters: choice.parameters }
    }
}

impl Choice {
    /// A name without parameters.
    pub fn named(name: &str) -> Self {
        Written::Name(name.to_string()).into()
    }

    /// The parameters as a struct; unknown or ill-typed ones are refused by name.
    pub fn parameters<P: DeserializeOwned>(&self) -> Result<P> {
        self.parameters.clone().try_into().map_err(|error: toml::de::Error| Error::Config {
            file: format!("'{}'", self.name),
            message: error.message().to_string(),
        })
    }

    /// Refuses any parameter.
    pub fn without_parameters(&self) -> Result<()> {
        match self.parameters.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(Error::Config { file: format!("'{}'", self.name), message: format!("takes no parameter '{key}'") })
            }
        }
    }
}

/// The entry of a registry with a name, or an error that suggests the nearest one.
pub fn find<'a, T>(kind: &'static str, all: &'a [T], name_of: fn(&T) -> &'static str, name: &str) -> Result<&'a T> {
    let entry = all.iter().find(|entry| name_of(entry) == name);
    entry.ok_or_else(|| Error::unknown(kind, name, all.iter().map(name_of)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        estimators: Vec<Choice>,
    }

    fn read(text: &str) -> Vec<Choice> {
        toml::from_str::<Holder>(text).unwrap().estimators
    }

    #[test]
    fn names_and_tables_are_both_choices() {
        let read = read(r#"estimators = ["qis", { name = "ewma", decay = 0.97 }, { name = "ewma", label = "slow" }]"#);
        let labels: Vec<&str> = read.iter().map(|choice| choice.label.as_str()).collect();
        assert_eq!(labels, ["qis", "ewma(decay=0.97)", "slow"]);
    }

    #[test]
    fn unexpected_parameters_are_refused_by_name() {
        let choice = &read(r#"estimators = [{ name = "qis", power = 2 }]"#)[0];
        assert_eq!(choice.without_parameters().unwrap_err().to_string(), "'qis': takes no parameter 'power'");
    }
}
