//! A parameter whose value is chosen on the past.
//!
//! ```toml
//! { name = "qis", memory = { name = "exponential", half_life = { fitted = [250, 500, 1000] } } }
//! { name = "qis", memory = "exponential(half_life=fitted(250,500,1000))" }   # the same as a text
//! ```

use crate::error::{Error, Result};
use crate::registry::part::{Part, value, words};
use crate::registry::{Choice, check};

/// The most values that a parameter is chosen from.
const MOST: usize = 8;

/// The choices that a parameter to be chosen stands for.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// The name of the parameter.
    pub parameter: String,
    /// Whether it is a parameter of a part, and not of the estimator itself.
    pub in_part: bool,
    /// Its values.
    pub values: Vec<toml::Value>,
    /// The choice with each of them.
    pub choices: Vec<Choice>,
}

impl Choice {
    /// What the choice stands for if one of its parameters, or one of its parts', is to be chosen. Refuses a second such parameter,
    /// no values and more than eight.
    pub fn candidates(&self) -> Result<Option<Candidates>> {
        let refused = |message: String| Error::Config { file: format!("'{}'", self.label), message };
        let mut found: Option<Candidates> = None;
        let mut add =
            |parameter: &str, values: Vec<toml::Value>, in_part: bool, with: &dyn Fn(&toml::Value) -> Choice| {
                if let Some(first) = &found {
                    let message =
                        format!("'{}' and '{parameter}' are both fitted; only one parameter can be", first.parameter);
                    return Err(refused(message));
                }
                check((1..=MOST).contains(&values.len()), "the number of fitted values", "in 1..=8", values.len())?;
                let choices = values.iter().map(with).collect();
                found = Some(Candidates { parameter: parameter.to_string(), in_part, values, choices });
                Ok(())
            };
        for (key, written) in &self.parameters {
            if let Some(values) = fitted(written) {
                add(key, values, false, &|value| self.with(key, value.clone()))?;
                continue;
            }
            // What is no part has no fitted parameter either.
            let Ok(part) = Part::try_from(written.clone()) else { continue };
            for (parameter, written) in part.written() {
                if let Some(values) = fitted(written) {
                    let with = |value: &toml::Value| self.with(key, part.with(parameter, value.clone()).into());
                    add(parameter.unwrap_or(&part.name), values, true, &with)?;
                }
            }
        }
        Ok(found)
    }

    /// The choice with another value of a parameter, under the same label.
    pub(super) fn with(&self, key: &str, value: toml::Value) -> Self {
        let mut other = self.clone();
        other.parameters.insert(key.to_string(), value);
        other
    }
}

/// The values of `{ fitted = [...] }` or `fitted(...)`.
fn fitted(written: &toml::Value) -> Option<Vec<toml::Value>> {
    match written {
        toml::Value::Table(table) if table.len() == 1 => table.get("fitted")?.as_array().cloned(),
        toml::Value::String(text) => {
            let inside = text.trim().strip_prefix("fitted(")?.strip_suffix(')')?;
            Some(words(inside).into_iter().map(value).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(words: &str) -> Result<Option<Candidates>> {
        Choice::from_words(words).unwrap().candidates()
    }

    #[test]
    fn a_fitted_parameter_stands_for_its_values() {
        let found = candidates("qis,memory=exponential(half_life=fitted(250, 500)),count=days").unwrap().unwrap();
        assert_eq!((found.parameter.as_str(), found.in_part), ("half_life", true));
        let memory = |choice: &Choice| choice.parameter::<Part>("memory").unwrap().unwrap();
        let memories: Vec<Part> = found.choices.iter().map(memory).collect();
        assert_eq!(
            memories,
            ["exponential(half_life=250)", "exponential(half_life=500)"].map(|text| text.parse().unwrap())
        );
        let first = candidates("qis,memory=exponential(fitted(250))").unwrap().unwrap();
        assert_eq!(memory(&first.choices[0]), "exponential(250)".parse().unwrap());
        let own = candidates("qis,kappa=fitted(0.5,1.5)").unwrap().unwrap();
        assert_eq!((own.parameter.as_str(), own.in_part, own.choices.len()), ("kappa", false, 2));
        assert_eq!(own.choices[1].parameter::<f64>("kappa").unwrap(), Some(1.5));
        assert_eq!(own.choices[1].label, "qis(kappa=\"fitted(0.5,1.5)\")", "the label is that of the choice");
        let table = "x = { name = 'qis', memory = { name = 'exponential', half_life = { fitted = [3, 4] } } }";
        let table = toml::from_str::<toml::Table>(table).unwrap()["x"].clone();
        let choice: Choice = table.try_into().unwrap();
        assert_eq!(choice.candidates().unwrap().unwrap().values, [3.into(), 4.into()]);
        assert!(candidates("qis,memory=exponential(30),kappa=2").unwrap().is_none());
    }

    #[test]
    fn one_parameter_of_at_most_eight_values_can_be_fitted() {
        let refused = |words: &str| candidates(words).unwrap_err().to_string();
        assert!(refused("qis,kappa=fitted()").contains("must be in 1..=8, but is 0"));
        assert!(refused("qis,kappa=fitted(1,2,3,4,5,6,7,8,9)").contains("but is 9"));
        let two = refused("qis,kappa=fitted(1,2),memory=exponential(fitted(30,60))");
        assert!(two.contains("'kappa' and 'exponential' are both fitted"), "{two}");
    }
}
