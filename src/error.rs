//! The error type of the library: every message names the place, the value and the broken rule.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

/// All errors of the library, worded for the person who can correct them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A value in a data file breaks a rule.
    #[error("{place}: {rule}")]
    Data {
        /// File, row, column and asset, as far as known.
        place: String,
        /// The rule, with the offending value.
        rule: String,
    },
    /// An experiment file cannot be used.
    #[error("{file}: {message}")]
    Config {
        /// The experiment file.
        file: String,
        /// Description of the error, with the line if known.
        message: String,
    },
    /// A parameter is outside its range.
    #[error("{name} must be {range}, but is {value}")]
    Parameter {
        /// Name of the parameter as users write it.
        name: &'static str,
        /// The values allowed.
        range: &'static str,
        /// The value found.
        value: String,
    },
    /// A name that is not registered.
    #[error("unknown {kind} '{name}'{}; known: {known}", suggestion.as_ref().map(|s| format!(", did you mean '{s}'?")).unwrap_or_default())]
    Unknown {
        /// Kind of thing named: estimator, allocator, panel, layout.
        kind: &'static str,
        /// The name as written.
        name: String,
        /// The most similar registered name, if one is similar enough.
        suggestion: Option<String>,
        /// All registered names.
        known: String,
    },
    /// The panel has fewer days before a date than the look-back needs.
    #[error("{need} days of history are needed before {date}, the panel has {have}{hint}")]
    NotEnoughDays {
        /// Days needed.
        need: usize,
        /// Days available.
        have: usize,
        /// The decision date.
        date: Date,
        /// What needs them, by which key, and the earliest date that works; begins with its punctuation.
        hint: String,
    },
    /// No asset passes the universe rules.
    #[error("no asset is eligible on {date}; removed by {removed}")]
    EmptyUniverse {
        /// The decision date.
        date: Date,
        /// Rules with the number of assets that each removed.
        removed: Removed,
    },
    /// A file of a finished run is missing.
    #[error("{}: {file} is missing; 'minvar run' or 'minvar simulate' of {run} writes it", folder.display())]
    Missing {
        /// The folder of the run.
        folder: PathBuf,
        /// The file.
        file: String,
        /// The name of the run.
        run: String,
    },
    /// A training diverged: its loss or gradient is no longer finite, or far too large.
    #[error("the training diverged at step {step}: {why}; {saved}; try a lower learning rate")]
    Diverged {
        /// The step, from 1.
        step: usize,
        /// The reason.
        why: String,
        /// Where the batch and the parameters were saved.
        saved: String,
    },
    /// A column of a returns window cannot be used.
    #[error("asset in column {column}: {rule}")]
    Column {
        /// Column of the window, from 0.
        column: usize,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// An estimate or an allocation does not exist for this input.
    #[error("{what} is undefined: {why}")]
    Undefined {
        /// The estimate or allocation.
        what: &'static str,
        /// Why it is undefined, with sizes or values.
        why: String,
    },
    /// The work needs more memory than the machine has.
    #[error("{what} would need {need} of memory; this machine has {have}")]
    Memory {
        /// The work, with its counts.
        what: String,
        /// Memory needed, with unit.
        need: String,
        /// Memory of the machine, with unit.
        have: String,
    },
    /// A CUDA device is missing, cannot be used, or failed.
    #[error("{0}")]
    Device(String),
    /// The user stopped the run; everything finished so far is stored.
    #[error("stopped after {done} of {total} {what}, all stored; the same command resumes")]
    Interrupted {
        /// The items counted: dates, training steps.
        what: &'static str,
        /// Number of items stored.
        done: usize,
        /// Total number of items.
        total: usize,
    },
}

/// Number of assets that each rule removed, in the order of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed(pub Vec<(&'static str, usize)>);

impl std::fmt::Display for Removed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed: Vec<String> = self.0.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
        out.write_str(&listed.join(", "))
    }
}

/// The result type of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Turns an I/O error into one that names its path.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_path_buf(), source }
    }

    /// A broken rule at a place in a data file.
    pub fn data(place: impl Into<String>, rule: impl Into<String>) -> Error {
        Error::Data { place: place.into(), rule: rule.into() }
    }

    /// An unknown name, with the most similar of `known` as a suggestion.
    pub fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let known: Vec<&str> = known.collect();
        Error::Unknown {
            kind,
            name: name.to_string(),
            suggestion: nearest(name, &known).map(str::to_string),
            known: known.join(", "),
        }
    }
}

/// Suffix of the message on a wrong word if a number is also allowed.
pub(crate) const OR_A_NUMBER: &str = ", or a number";

/// Rewords an error of the TOML parser; with the line if `text` is given.
pub fn toml_message(error: &toml::de::Error, text: Option<&str>) -> String {
    let line = text.zip(error.span()).map(|(text, span)| text[..span.start].matches('\n').count() + 1);
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(broken) = text.and_then(broken_syntax) {
        return broken;
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = |kind: &'static str| match quoted.split_first() {
        Some((wrong, [])) => format!("it takes no {kind} '{wrong}'"),
        Some((wrong, names)) => Error::unknown(kind, wrong, names.iter().copied()).to_string(),
        None => message.clone(),
    };
    let misplaced = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| message.strip_prefix(prefix));
    let rule = if message.starts_with("unknown field") {
        unknown("key")
    } else if message.starts_with("unknown variant") {
        unknown("word") + if message.ends_with(OR_A_NUMBER) { OR_A_NUMBER } else { "" }
    } else if message.starts_with("data did not match any variant") {
        "the value has none of the forms that this key takes".to_string()
    } else if let (true, Some(key)) = (message.starts_with("missing field"), quoted.first()) {
        format!("the key '{key}' is missing")
    } else if let Some((found, wanted)) = misplaced.and_then(|m| m.split_once(", expected ")) {
        format!("{} is given where {} is expected", in_words(found), in_words(wanted))
    } else if let Some((n, wanted)) = message.strip_prefix("invalid length ").and_then(|m| m.split_once(", expected "))
    {
        format!("a list of {n} is given where {} is expected", in_words(wanted))
    } else {
        message.clone()
    };
    format!("{line}{rule}")
}

/// The first line of a text that is not valid TOML, with advice; `None` if the text is valid.
fn broken_syntax(text: &str) -> Option<String> {
    let error = toml::from_str::<toml::Table>(text).err()?;
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let number = text[..start].matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or("").trim();
    if error.message().contains("duplicate key") {
        let key = line.split('=').next().unwrap_or(line).trim();
        return Some(format!("line {number}: '{key}' is given twice; keep one of them"));
    }
    Some(format!(
        "line {number}: '{line}' is not valid TOML; write lines such as key = 3, key = \"text\", key = [1, 2] or \
         [table], and close every quote and bracket"
    ))
}

/// Plain words for a type or value as serde names it.
fn in_words(what: &str) -> String {
    match what {
        "f64" | "f32" => "a number".to_string(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0 on".to_string(),
        "isize" | "i64" | "i32" | "i16" | "i8" => "a whole number".to_string(),
        "a string" | "string" => "a text in quotes".to_string(),
        "a boolean" | "boolean" => "true or false".to_string(),
        "a sequence" | "sequence" => "a list".to_string(),
        "map" | "a map" => "a table".to_string(),
        other if other.starts_with("struct ") || other.starts_with("enum ") => "a table".to_string(),
        other => {
            let kinds = ["string ", "integer ", "floating point ", "boolean "];
            let value = kinds.iter().find_map(|kind| other.strip_prefix(kind)).unwrap_or(other);
            value.replace('`', "")
        }
    }
}

/// The known name most similar to `name`; `None` if none is similar enough.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), candidate), *candidate))
        .filter(|(distance, candidate)| 3 * distance <= candidate.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    #[test]
    fn toml_is_explained_in_our_words() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code)]
        struct Rules {
            size: usize,
            share: Option<f64>,
            pair: Option<[usize; 2]>,
            kind: Option<Kind>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            First,
            Second,
        }
        for (text, expected) in [
            ("size = 3\nsiz = 4", "line 2: unknown key 'siz', did you mean 'size'?; known: size, share, pair, kind"),
            ("size = 'x'", "line 1: \"x\" is given where a whole number from 0 on is expected"),
            ("size = -1", "line 1: -1 is given where a whole number from 0 on is expected"),
            ("size = 2.5", "line 1: 2.5 is given where a whole number from 0 on is expected"),
            ("size = 1\nshare = true", "line 2: true is given where a number is expected"),
            ("size = 1\npair = [1]", "line 2: a list of 1 is given where an array of length 2 is expected"),
            ("size = 1\nkind = 'frist'", "line 2: unknown word 'frist', did you mean 'first'?; known: first, second"),
            ("share = 1.0", "line 1: the key 'size' is missing"),
            ("size = 1\nsize = 2", "line 2: 'size' is given twice; keep one of them"),
        ] {
            let error = toml::from_str::<Rules>(text).unwrap_err();
            assert_eq!(super::toml_message(&error, Some(text)), expected, "{}", error.message());
        }
        for text in
            ["size = one", "size = 3\npair = [1, 2", "size 3", "kind = 'first", "[rules", "size = 3 4", "= 3", "size ="]
        {
            let error = toml::from_str::<Rules>(text).unwrap_err();
            let message = super::toml_message(&error, Some(text));
            assert!(message.contains("is not valid TOML; write lines such as key = 3"), "{message}");
        }
    }

    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_one() {
        let error = Error::unknown("estimator", "qiz", ["sample", "qis", "clip"].into_iter());
        assert_eq!(error.to_string(), "unknown estimator 'qiz', did you mean 'qis'?; known: sample, qis, clip");
        assert_eq!(nearest("zzz", &["sample", "qis"]), None);
    }
}
