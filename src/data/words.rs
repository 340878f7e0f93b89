//! Column names as people write them, compared without regard to case, blanks and punctuation, and file names.

use std::path::Path;

/// Words that name a daily value of an asset, as [`plain`] writes them.
const FIELDS: [&str; 16] = [
    "open",
    "high",
    "low",
    "close",
    "last",
    "adjclose",
    "adjustedclose",
    "adjusted",
    "volume",
    "adjvolume",
    "dividends",
    "stocksplits",
    "capitalgains",
    "price",
    "vwap",
    "repaired",
];

/// A name in lower case without blanks and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a name is that of a daily value: close, volume and the like.
pub(super) fn is_field(name: &str) -> bool {
    FIELDS.contains(&plain(unnumbered(name)).as_str())
}

/// A name without the number that Alpha Vantage writes before its fields: 5. adjusted close.
pub(super) fn unnumbered(name: &str) -> &str {
    name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Endings of text files; each may be followed by `.gz`.
pub(super) const TEXT_ENDINGS: [&str; 5] = ["csv", "txt", "tsv", "psv", "dat"];

/// The last ending of a file's name and the one before it, in lower case.
pub(super) fn endings(path: &Path) -> (String, String) {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut parts = name.rsplit('.');
    let last = parts.next().unwrap_or("").to_string();
    (last, parts.next().unwrap_or("").to_string())
}

/// The name of a file without folders, for messages and provenance.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The symbol that a file is named after.
pub(super) fn symbol(path: &Path) -> String {
    let name = table_name(path);
    without_ending(&name, "us").unwrap_or(name).to_uppercase()
}

/// The name of a file without the endings of its type: `prices` for `prices.csv.gz`.
pub fn table_name(path: &Path) -> String {
    let name = file_name(path);
    let name = without_ending(&name, "gz").unwrap_or(name);
    let known = TEXT_ENDINGS.iter().chain(&["parquet", "pq", "npy"]);
    known.into_iter().find_map(|ending| without_ending(&name, ending)).unwrap_or(name)
}

fn without_ending(name: &str, ending: &str) -> Option<String> {
    let place = name.len().checked_sub(ending.len() + 1)?;
    let ends = name.get(place..)?.strip_prefix('.')?.eq_ignore_ascii_case(ending);
    ends.then(|| name[..place].to_string())
}
