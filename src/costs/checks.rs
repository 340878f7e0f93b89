//! What a file of schedules may not contain: impossible numbers and unknown words.

use crate::error::{Error, Result};
use crate::panel::Venue;

/// Keys of numbers that may be negative: rates and returns.
const SIGNED: [&str; 8] =
    ["percent", "spread_percent", "discount_percent", "delisting", "NYSE", "AMEX", "NASDAQ", "unknown"];
/// Keys of numbers that may be infinite: the end of the last tier, and a discount that leaves no interest.
const UNBOUNDED: [&str; 3] = ["up_to_shares", "up_to_usd", "discount_percent"];
/// Keys of numbers that are used as divisors.
const DIVISORS: [&str; 4] = ["day_count", "sigma_ref_daily", "restore_to", "restore_factor"];
/// No rate, price or sum is larger than this; sums of larger numbers would lose their cents.
const LARGEST: f64 = 1e15;

/// Refuses impossible numbers; the error names the key.
pub(super) fn check_numbers(place: &str, value: &toml::Value) -> std::result::Result<(), String> {
    let name = place.rsplit('.').next().unwrap_or_default().trim_end_matches(|c: char| "[]0123456789".contains(c));
    let number = match value {
        toml::Value::Table(table) => {
            let at = |key: &String| if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            return table.iter().try_for_each(|(key, value)| check_numbers(&at(key), value));
        }
        toml::Value::Array(values) => {
            let numbered = values.iter().enumerate();
            return numbered
                .map(|(k, value)| (k + 1, value))
                .try_for_each(|(k, v)| check_numbers(&format!("{place}[{k}]"), v));
        }
        toml::Value::Float(number) => *number,
        toml::Value::Integer(number) => *number as f64,
        _ => return Ok(()),
    };
    let refuse = |range: &str| Err(format!("{place} must be {range}, but is {number}"));
    match name {
        _ if number.is_nan() => refuse("a number"),
        name if number == f64::INFINITY && UNBOUNDED.contains(&name) => Ok(()),
        name if number < 0.0 && !SIGNED.contains(&name) => refuse("at least 0"),
        name if number == 0.0 && DIVISORS.contains(&name) => refuse("above 0"),
        "unknown_venue_nasdaq_share" if number > 1.0 => refuse("at most 1"),
        _ if number.abs() > LARGEST => refuse("at most 1e15"),
        _ => Ok(()),
    }
}

/// Refuses a word that is none of those known: it would be a rate that never applies.
pub(super) fn check_word(what: &'static str, word: &str) -> Result<()> {
    let known: &[&str] = match what {
        "venue" if Venue::named(word).is_some() => return Ok(()),
        "venue" => &Venue::ALL.map(Venue::name),
        "auction" => &["open", "close"],
        _ => &["large", "small", "micro"],
    };
    if known.contains(&word) { Ok(()) } else { Err(Error::unknown(what, word, known.iter().copied())) }
}
