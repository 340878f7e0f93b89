//! A parameter that is a number or a rule that determines it.

use std::marker::PhantomData;

use serde::de::{self, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{OR_A_NUMBER, Result};
use crate::registry::check;

/// A number, or the name of a rule that determines it: `factors = 3`, `factors = "marcenko_pastur"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum NumberOr<Rule> {
    /// The number itself.
    Number(f64),
    /// The rule that determines it.
    Rule(Rule),
}

/// Not derived, so that the error on a wrong word lists the right ones.
impl<'de, Rule: Deserialize<'de>> Deserialize<'de> for NumberOr<Rule> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrVisitor(PhantomData))
    }
}

struct NumberOrVisitor<Rule>(PhantomData<Rule>);

impl<'de, Rule: Deserialize<'de>> Visitor<'de> for NumberOrVisitor<Rule> {
    type Value = NumberOr<Rule>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a number or the name of a rule")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> std::result::Result<Self::Value, E> {
        Ok(NumberOr::Number(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> std::result::Result<Self::Value, E> {
        Ok(NumberOr::Number(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> std::result::Result<Self::Value, E> {
        Ok(NumberOr::Number(number as f64))
    }

    fn visit_str<E: de::Error>(self, word: &str) -> std::result::Result<Self::Value, E> {
        let rule = Rule::deserialize(word.into_deserializer()).map(NumberOr::Rule);
        rule.map_err(|error: E| E::custom(format!("{error}{OR_A_NUMBER}")))
    }
}

impl<Rule> NumberOr<Rule> {
    /// Refuses a number that is not a whole number of at least `least`; accepts every rule.
    pub fn check_count(&self, least: usize, name: &'static str, range: &'static str) -> Result<()> {
        match self {
            Self::Number(x) => check(*x >= least as f64 && x.fract() == 0.0, name, range, x),
            Self::Rule(_) => Ok(()),
        }
    }
}
