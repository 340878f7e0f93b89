//! Explains in one line why the text of an experiment cannot be read.

use crate::error::toml_message;

/// Keys that an experiment requires, by table; a table whose path is in brackets is itself required.
const REQUIRED: [(&[&str], &[&str]); 5] = [
    (&[], &["data", "walk_forward", "compare"]),
    (&["compare"], &["estimators", "allocators"]),
    (&["simulation"], &["profiles"]),
    (&["simulation", "leverage"], &["from", "to", "steps"]),
    (&["sweep"], &["size"]),
];

/// All required keys that are missing from a text, such as `[data]` or `compare.estimators`.
fn missing_keys(text: &str) -> Vec<String> {
    let Ok(whole) = toml::from_str::<toml::Table>(text) else { return Vec::new() };
    let mut missing = Vec::new();
    for (place, keys) in REQUIRED {
        let inner = place.iter().try_fold(&whole, |table, key| table.get(*key)?.as_table());
        // `[compare]` is itself required: if it is missing, so are its keys.
        let empty = toml::Table::new();
        let is_needed = place == ["compare"];
        let Some(table) = inner.or(is_needed.then_some(&empty)) else { continue };
        for key in keys.iter().filter(|key| !table.contains_key(**key)) {
            let path = [place, &[*key]].concat().join(".");
            missing.push(if place.is_empty() { format!("[{path}]") } else { path });
        }
    }
    missing
}

/// The error of an experiment file in one line; all missing keys are listed together.
pub(super) fn explained(error: &toml::de::Error, text: &str) -> String {
    let missing = missing_keys(text);
    let says_less = ["missing field", "data did not match any variant"];
    if !missing.is_empty() && says_less.iter().any(|words| error.message().starts_with(words)) {
        return format!("missing: {}", missing.join(", "));
    }
    toml_message(error, Some(text))
}
