//! Names in experiment files and their parameters.
//!
//! ```toml
//! estimators = ["qis", { name = "ewma", decay = 0.97, label = "slow ewma" }, { model = "FILE" }, { train = "RECIPE" }]
//! ```
//! A table without a name is identified by its key `model` or `train`.

mod fitted;
mod number_or;
mod part;
mod synonyms;

pub use fitted::Candidates;
pub use number_or::NumberOr;
pub use part::Part;
pub use synonyms::suggested;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, OR_A_NUMBER, Result, toml_message};

/// A registered name with parameters, as an experiment writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Choice {
    /// The registered name.
    pub name: String,
    /// Label in tables and figures: `label` if given, else name and parameters.
    pub label: String,
    parameters: toml::Table,
}

/// Any name or table; the schema of an experiment lists the names and parameters that a registry has.
#[cfg(feature = "cli")]
impl schemars::JsonSchema for Choice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Choice".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "object"] })
    }
}

/// The key of a combination of estimators.
pub const COMBINE: &str = "combine";

/// Keys that name a trained network, in a table without a `name`.
pub const NAMING_KEYS: [&str; 2] = ["model", "train"];

/// Keys that identify a table without a `name`.
fn naming_keys() -> impl Iterator<Item = &'static str> {
    NAMING_KEYS.into_iter().chain([COMBINE])
}

/// The two forms of a [`Choice`] in a file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Table {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        #[serde(flatten)]
        parameters: toml::Table,
    },
}

impl TryFrom<Written> for Choice {
    type Error = String;

    fn try_from(written: Written) -> std::result::Result<Self, String> {
        let (name, label, parameters) = match written {
            Written::Name(name) => (Some(name), None, toml::Table::new()),
            Written::Table { name, label, parameters } => (name, label, parameters),
        };
        let listed: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let key = || naming_keys().find(|key| parameters.contains_key(*key)).map(str::to_string);
        let full = match (&name, listed.as_slice()) {
            (Some(name), []) => name.clone(),
            (Some(name), listed) => format!("{name}({})", listed.join(",")),
            (None, listed) => listed.join(","),
        };
        let name = name.or_else(key).ok_or("a table needs a 'name', a 'model', a 'train' or a 'combine'")?;
        let label = label.unwrap_or(full);
        check_label("a label", &label).map_err(|error| error.to_string())?;
        Ok(Self { name, label, parameters })
    }
}

impl From<Choice> for Written {
    fn from(choice: Choice) -> Self {
        if choice.parameters.is_empty() && choice.label == choice.name {
            return Written::Name(choice.name);
        }
        let named_by_key = choice.parameters.contains_key(&choice.name) && naming_keys().any(|key| key == choice.name);
        let name = (!named_by_key).then_some(choice.name);
        Written::Table { name, label: Some(choice.label), parameters: choice.parameters }
    }
}

impl Choice {
    /// A name without parameters.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_string(), label: name.to_string(), parameters: toml::Table::new() }
    }

    /// Reads a choice as written on a command line: `name`, `name,key=value,…` or `model=FILE,…`. A value that is not
    /// TOML is a text. Fails for words of any other form.
    pub fn from_words(words: &str) -> Result<Self> {
        let config = |message: String| Error::Config { file: format!("'{words}'"), message };
        let mut parts = part::words(words).into_iter();
        let name = parts.next().filter(|name| !name.is_empty()).ok_or_else(|| config("no name given".to_string()))?;
        let mut table = toml::Table::new();
        if naming_keys().any(|key| key == name) {
            return Err(config(format!("it needs a value: {name}=FILE")));
        }
        // A model is identified by its key: `model=FILE,dtype=f32`.
        let is_key =
            |name: &str| name.split_once('=').is_some_and(|(key, _)| naming_keys().any(|known| known == key.trim()));
        let keyed = is_key(name).then_some(name);
        if keyed.is_none() {
            table.insert("name".to_string(), name.into());
        }
        for part in keyed.into_iter().chain(parts) {
            let pair = part.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let (key, value) = pair.ok_or_else(|| config(format!("'{part}' is not of the form key=value")))?;
            table.insert(key.to_string(), part::value(value));
        }
        let written: Written = table.try_into().map_err(|error: toml::de::Error| config(toml_message(&error, None)))?;
        Self::try_from(written).map_err(config)
    }

    /// The parameters as a struct. Refuses unknown parameters and wrong types; the error names them.
    pub fn parameters<P: DeserializeOwned>(&self) -> Result<P> {
        self.parameters.clone().try_into().map_err(|error: toml::de::Error| Error::Config {
            file: format!("'{}'", self.name),
            message: toml_message(&error, None),
        })
    }

    /// Whether a parameter is given.
    pub fn has(&self, key: &str) -> bool {
        self.parameters.contains_key(key)
    }

    /// A single parameter, if it is given.
    pub fn parameter<P: DeserializeOwned>(&self, key: &str) -> Result<Option<P>> {
        let read = |value: &toml::Value| {
            P::deserialize(value.clone()).map_err(|error: toml::de::Error| Error::Config {
                file: format!("'{}'", self.name),
                message: toml_message(&error, None),
            })
        };
        self.parameters.get(key).map(read).transpose()
    }

    /// The choice without the parameters of some keys, and one with these alone.
    pub fn split(&self, keys: &[&str]) -> (Self, Self) {
        let (mut rest, mut split) = (self.clone(), self.clone());
        rest.parameters.retain(|key, _| !keys.contains(&key));
        split.parameters.retain(|key, _| keys.contains(&key));
        (rest, split)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Fails if there is any parameter.
    pub fn without_parameters(&self) -> Result<()> {
        match self.parameters.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(Error::Config { file: format!("'{}'", self.name), message: format!("takes no parameter '{key}'") })
            }
        }
    }
}

/// The default parameters `P` as a table of an experiment.
pub fn defaults<P: Serialize + Default>() -> toml::Table {
    toml::Table::try_from(P::default()).expect("parameters are plain data")
}

/// An empty table, for entries without parameters.
pub fn none() -> toml::Table {
    toml::Table::new()
}

/// Fails with an error on a parameter unless it is inside its range.
pub fn check(inside: bool, name: &'static str, range: &'static str, value: impl ToString) -> Result<()> {
    if inside { Ok(()) } else { Err(Error::Parameter { name, range, value: value.to_string() }) }
}

/// Refuses a label or name that a spreadsheet would read as a formula, or that would break a line or a table.
pub fn check_label(what: &'static str, label: &str) -> Result<()> {
    let is_formula = label.starts_with(['=', '+', '-', '@']);
    // Line and paragraph separators, direction marks, and characters without width.
    let is_hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let breaks = label.contains(|c: char| c.is_control() || c == '|' || is_hidden(c));
    match is_formula || breaks || label.trim() != label || label.is_empty() {
        false => Ok(()),
        true => {
            let range = "a word that does not begin with = + - or @, without |, line breaks, hidden characters and blanks around it";
            Err(Error::Parameter { name: what, range, value: format!("{label:?}") })
        }
    }
}

/// Refuses a name that would point outside the folder in which it names a folder or file.
pub fn check_name(what: &'static str, name: &str) -> Result<()> {
    check_label(what, name)?;
    let leaves = name.contains(['/', '\\', ':']) || name.starts_with('.');
    let range = "a single name, without / \\ : and without a leading dot";
    check(!leaves, what, range, format!("{name:?}"))
}

/// More repetitions than this must be a mistake: they would never end.
const MOST_REPETITIONS: usize = 100_000;

/// Refuses a number of draws, bootstraps or the like that is below `least` or above 100,000.
pub fn check_repetitions(count: usize, least: usize, name: &'static str) -> Result<()> {
    let range = if least == 0 { "in 0..=100000" } else { "in 1..=100000" };
    check((least..=MOST_REPETITIONS).contains(&count), name, range, count)
}

/// Most days in a look-back, a holding period or a forecast: more than the trading days of three centuries must be a
/// mistake.
pub const MOST_DAYS: usize = 100_000;

/// The registry entry of that name, or an error that suggests the entry that people usually mean by it, or the most
/// similar name.
pub fn find<'a, T>(kind: &'static str, all: &'a [T], name_of: fn(&T) -> &'static str, name: &str) -> Result<&'a T> {
    let entry = all.iter().find(|entry| name_of(entry) == name);
    entry.ok_or_else(|| match (synonyms::meant(kind, name), Error::unknown(kind, name, all.iter().map(name_of))) {
        (Some(meant), Error::Unknown { kind, name, known, .. }) => {
            Error::Unknown { kind, name, suggestion: Some(meant.to_string()), known }
        }
        (_, error) => {
            let other = if kind == "estimator" { "allocator" } else { "estimator" };
            match synonyms::meant(other, name).filter(|_| ["estimator", "allocator"].contains(&kind)) {
                Some(meant) => {
                    let message = format!("this is the {other} '{meant}', but an {kind} is needed here");
                    Error::Config { file: format!("'{name}'"), message }
                }
                None => error,
            }
        }
    })
}

/// Words that a parameter accepts; none if it is a plain number, a boolean or a list.
#[derive(Debug, PartialEq)]
pub struct Takes {
    /// The words accepted.
    pub words: Vec<String>,
    /// Whether a number is also accepted.
    pub or_number: bool,
}

/// Words that a parameter of an entry accepts, taken from the entry's answer to a wrong word.
pub fn takes<T>(build: fn(&str) -> Result<T>, name: &str, key: &str) -> Takes {
    let answer = build(&format!("{name},{key}=?")).err().map(|error| error.to_string()).unwrap_or_default();
    let known = answer.split_once("; known: ").map_or("", |(_, known)| known);
    let or_number = known.ends_with(OR_A_NUMBER);
    let words = known.trim_end_matches(OR_A_NUMBER).split(", ").filter(|word| !word.is_empty());
    Takes { words: words.map(str::to_string).collect(), or_number }
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
    fn a_model_is_named_by_its_key() {
        let choices =
            read(r#"estimators = [{ train = "compact", seed = 2 }, { model = "a.safetensors", label = "a" }]"#);
        assert_eq!((choices[0].name.as_str(), choices[0].label.as_str()), ("train", "seed=2,train=\"compact\""));
        assert_eq!((choices[1].name.as_str(), choices[1].label.as_str()), ("model", "a"));
        let written = toml::to_string(&choices[0]).unwrap();
        assert_eq!(toml::from_str::<Choice>(&written).unwrap(), choices[0]);
        let nameless = toml::from_str::<Holder>("estimators = [{ decay = 1 }]").err().unwrap().to_string();
        assert!(nameless.contains("needs a 'name'"), "{nameless}");
    }

    #[test]
    fn unexpected_parameters_are_refused_by_name() {
        let choice = &read(r#"estimators = [{ name = "qis", power = 2 }]"#)[0];
        assert_eq!(choice.without_parameters().unwrap_err().to_string(), "'qis': takes no parameter 'power'");
    }
}
