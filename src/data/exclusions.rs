//! The file that `exclude` in `[data]` names: days of assets whose returns are ignored.
//!
//! ```text
//! asset,first,last,finding,whole      only the column asset is always required; `minvar data describe` writes such a file
//! AAA,2020-03-02,2020-03-31,…,        treated as missing from the first day to the last
//! BBB,,,…,true                        excludes the whole asset, which uses knowledge of the future
//! ```

use std::collections::HashMap;
use std::path::Path;

use crate::calendar::Date;
use crate::data::dates::{self, Problem};
use crate::data::files::hash_file;
use crate::data::frame::Columns;
use crate::error::{Error, Result};
use crate::panel::{Exclusion, Panel};

/// Reads the exclusions of a panel; returns them and the hash of their file. Refuses unknown assets, bad dates, and
/// intervals without a day of the panel.
pub fn read_exclusions(path: &Path, panel: &Panel) -> Result<(Vec<Exclusion>, String)> {
    let columns = Columns::read(path)?;
    columns.check_spellings(&["asset", "symbol", "ticker", "first", "last", "whole"])?;
    let texts = |aliases: &[&str]| columns.texts(&columns.require(aliases)?);
    let assets = texts(&["asset", "symbol", "ticker"])?;
    let optional = |name: &str| match columns.find(&[name]) {
        Some(name) => columns.texts(&name),
        None => Ok(vec![String::new(); assets.len()]),
    };
    let (firsts, lasts, wholes) = (optional("first")?, optional("last")?, optional("whole")?);
    let symbols: HashMap<&str, usize> =
        panel.assets().iter().enumerate().map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let place = |row: usize| format!("{}, asset {}", columns.place(row), assets[row].trim());
    // All dates of the file must have one spelling, as in every table.
    let written: Vec<(usize, &str, &str)> = (0..assets.len())
        .flat_map(|row| [(row, "first", firsts[row].trim()), (row, "last", lasts[row].trim())])
        .filter(|(.., text)| !text.is_empty())
        .collect();
    let known = dates::read(written.iter().map(|(.., text)| *text), None).map_err(|problem| {
        let (row, column, text) = written[problem.row()];
        let rule = match problem {
            Problem::Ambiguous { readings: [a, b], .. } => format!("may be {a} or {b}"),
            Problem::OutOfRange { .. } => "is outside the years 1900 to 2100".to_string(),
            _ => "is not a date like the others in the file".to_string(),
        };
        Error::data(place(row), format!("'{text}' in column {column} {rule}; write dates such as 2020-01-31"))
    })?;
    let dates: HashMap<(usize, &str), Date> =
        written.iter().zip(known.dates).map(|((row, column, _), date)| ((*row, *column), date)).collect();
    let date_of = |row: usize, column: &str| dates.get(&(row, column)).copied();
    let calendar = panel.calendar();
    let exclusion = |row: usize| {
        let symbol = assets[row].trim();
        let refuse = |rule: String| Error::data(place(row), rule);
        let Some(&asset) = symbols.get(symbol) else {
            let nearest = crate::error::nearest(symbol, &symbols.keys().copied().collect::<Vec<_>>());
            let hint = nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
            return Err(refuse(format!("the panel has no such asset{hint}")));
        };
        let whole = match wholes[row].trim().to_lowercase().as_str() {
            "true" => true,
            "" | "false" => false,
            other => return Err(refuse(format!("'{other}' in column whole is neither true nor false"))),
        };
        let (from, to) = match (whole, date_of(row, "first"), date_of(row, "last")) {
            (true, None, None) => return Ok(Exclusion { asset, days: None }),
            (false, Some(from), Some(to)) => (from, to),
            (true, ..) => return Err(refuse("whole = true excludes all days: leave first and last empty".to_string())),
            (false, ..) => {
                let rule = "first and last are needed; an asset without dates is excluded only with whole = true in a \
                            column 'whole', because that is knowledge of the future";
                return Err(refuse(rule.to_string()));
            }
        };
        if from > to {
            return Err(refuse(format!("first, {from}, is after last, {to}")));
        }
        let days = (calendar.first_on_or_after(from), calendar.dates().partition_point(|date| *date <= to));
        if days.0 >= days.1 {
            return Err(refuse(format!("the panel has no day between {from} and {to}")));
        }
        Ok(Exclusion { asset, days: Some((days.0, days.1 - 1)) })
    };
    let exclusions = (0..columns.n_rows()).map(exclusion).collect::<Result<_>>()?;
    Ok((exclusions, hash_file(path)?))
}
