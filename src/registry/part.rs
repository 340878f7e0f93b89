//! A part of an estimator by its name and parameters: `exponential(half_life=346)`, `ewma(0.97)` or a table.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, toml_message};
use crate::registry::{Choice, NAMING_KEYS};

const NOT_A_PART: &str = "a part of an estimator is a text or a table with a name";

/// A registered part with its parameters.
///
/// ```
/// use minvar::registry::Part;
/// let part: Part = "exponential(half_life=346)".parse().unwrap();
/// assert_eq!(part.name, "exponential");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub struct Part {
    /// The registered name.
    pub name: String,
    /// The first parameter, if it is written without its name.
    first: Option<toml::Value>,
    parameters: toml::Table,
}

impl Part {
    /// The parameters as a struct; a value without a name belongs to `first`. Refuses unknown parameters and wrong types.
    pub fn parameters<P: DeserializeOwned>(&self, first: &str) -> Result<P> {
        let mut parameters = self.parameters.clone();
        if let Some(value) = &self.first {
            parameters.insert(first.to_string(), value.clone());
        }
        parameters.try_into().map_err(|error: toml::de::Error| self.config(toml_message(&error, None)))
    }

    /// The parameters as written; the one without a name first.
    pub(super) fn written(&self) -> impl Iterator<Item = (Option<&String>, &toml::Value)> {
        let named = self.parameters.iter().map(|(key, value)| (Some(key), value));
        self.first.iter().map(|value| (None, value)).chain(named)
    }

    /// The part with another value of a parameter, or of the one without a name.
    pub(super) fn with(&self, key: Option<&String>, value: toml::Value) -> Self {
        let mut other = self.clone();
        match key {
            None => other.first = Some(value),
            Some(key) => drop(other.parameters.insert(key.clone(), value)),
        }
        other
    }

    /// The trained network that a choice names by its key `model` or `train`.
    pub fn of_network(choice: &Choice) -> Result<Self> {
        toml::Value::Table(choice.parameters.clone()).try_into().map_err(|message| Error::Config {
            file: format!("'{}'", choice.name),
            message: format!("{message}; a network is named by 'model' or 'train'"),
        })
    }

    /// Fails if there is any parameter.
    pub fn without_parameters(&self) -> Result<()> {
        match self.first.is_none() && self.parameters.is_empty() {
            true => Ok(()),
            false => Err(self.config("takes no parameters".to_string())),
        }
    }

    fn config(&self, message: String) -> Error {
        Error::Config { file: format!("'{}'", self.name), message }
    }
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("'{text}' is not of the form name or name(key=value, ...)");
        let (name, inside) = match text.trim().split_once('(') {
            None => (text.trim(), ""),
            Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(wrong)?),
        };
        if name.is_empty() || name.contains([')', '=', ',']) {
            return Err(wrong());
        }
        let mut part = Part { name: name.to_string(), first: None, parameters: toml::Table::new() };
        for (place, word) in words(inside).into_iter().enumerate() {
            match word.split_once('=') {
                Some((key, written)) => {
                    part.parameters.insert(key.trim().to_string(), value(written.trim()));
                }
                None if place == 0 => part.first = Some(value(word)),
                None => return Err(wrong()),
            }
        }
        Ok(part)
    }
}

impl TryFrom<toml::Value> for Part {
    type Error = String;

    fn try_from(written: toml::Value) -> std::result::Result<Self, String> {
        match written {
            toml::Value::String(text) => text.parse(),
            toml::Value::Table(mut parameters) => match parameters.remove("name") {
                Some(toml::Value::String(name)) => Ok(Part { name, first: None, parameters }),
                // A trained network: `{ model = "FILE" }`.
                None => match NAMING_KEYS.iter().find(|key| parameters.contains_key(**key)) {
                    Some(key) => Ok(Part { name: key.to_string(), first: None, parameters }),
                    None => Err(NOT_A_PART.to_string()),
                },
                Some(_) => Err(NOT_A_PART.to_string()),
            },
            other => Err(format!("{NOT_A_PART}, not {other}")),
        }
    }
}

impl From<Part> for toml::Value {
    fn from(part: Part) -> Self {
        let named = part.parameters.iter().map(|(key, value)| format!("{key}={value}"));
        let all: Vec<String> = part.first.iter().map(toml::Value::to_string).chain(named).collect();
        match all.as_slice() {
            [] => part.name.into(),
            all => format!("{}({})", part.name, all.join(",")).into(),
        }
    }
}

/// The words between commas outside of brackets; none of an empty text.
pub(super) fn words(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut words) = (0usize, 0, Vec::new());
    for (place, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                words.push(text[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    match text.trim().is_empty() {
        true => Vec::new(),
        false => {
            words.push(text[start..].trim());
            words
        }
    }
}

/// A value in TOML's spelling; anything else is a text.
pub(super) fn value(written: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("x = {written}")).ok().and_then(|mut table| table.remove("x"));
    parsed.unwrap_or_else(|| written.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Hyperbolic {
        tau: f64,
        alpha: f64,
    }

    #[test]
    fn texts_and_tables_are_the_same_parts() {
        let table = |text: &str| toml::from_str::<toml::Table>(&format!("x = {text}")).unwrap()["x"].clone();
        let of = |value: toml::Value| Part::try_from(value).unwrap().parameters::<Hyperbolic>("tau").unwrap();
        let expected = Hyperbolic { tau: 40.0, alpha: 1.0 };
        for text in [
            "\"hyperbolic(tau=40.0, alpha=1.0)\"",
            "\"hyperbolic( 40.0,alpha=1.0 )\"",
            "{ name = 'hyperbolic', alpha = 1.0, tau = 40.0 }",
        ] {
            assert_eq!(of(table(text)), expected, "{text}");
            let part = Part::try_from(table(text)).unwrap();
            assert_eq!(
                Part::try_from(toml::Value::from(part.clone())).unwrap().parameters::<Hyperbolic>("tau").unwrap(),
                expected
            );
        }
        for wrong in ["", "(3)", "ewma(0.9", "ewma(a=1,2)", "a=b"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
        assert!("flat(3)".parse::<Part>().unwrap().without_parameters().is_err());
    }

    #[test]
    fn commas_inside_brackets_do_not_split() {
        assert_eq!(
            words("qis, memory=hyperbolic(40, alpha=1),x=[1,2]"),
            ["qis", "memory=hyperbolic(40, alpha=1)", "x=[1,2]"]
        );
        assert_eq!((words(" "), words("a,,b")), (vec![], vec!["a", "", "b"]));
    }
}
