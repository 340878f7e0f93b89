//! The file that `exclude` in `[data]` names: days of assets whose returns do not count.
//!
//! ```text
//! asset,first,last,finding,whole      finding and whole may be absent; what `minvar data describe` writes is such a file
//! AAA,2020-03-02,2020-03-31,…,        missing from the first day to the last
//! BBB,,,…,true                        the whole asset, which is knowledge of the future
//! ```

use std::path::Path;

use crate::calendar::parse_date;
use crate::data::files::hash_file;
use crate::data::frame::Columns;
use crate::error::{Error, Result};
use crate::panel::{Exclusion, Panel};

/// Reads the exclusions of a panel, and the hash of their file.
pub fn read_exclusions(path: &Path, panel: &Panel) -> Result<(Vec<Exclusion>, String)> {
    let columns = Columns::read(path)?;
    let texts = |aliases: &[&str]| columns.texts(&columns.require(aliases)?);
    let (assets, firsts, lasts) = (texts(&["asset", "symbol", "ticker"])?, texts(&["first"])?, texts(&["last"])?);
    let wholes = match columns.find(&["whole"]) {
        Some(name) => columns.texts(&name)?,
        None => vec![String::new(); assets.len()],
    };
    let symbols: std::collections::HashMap<&str, usize> =
        panel.assets().iter().enumerate().map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let exclusion = |row: usize| {
        let (symbol, first, last) = (assets[row].trim(), firsts[row].trim(), lasts[row].trim());
        let refuse = |rule: String| Error::data(format!("{}, asset {symbol}", columns.place(row)), rule);
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
        match (whole, first.is_empty(), last.is_empty()) {
            (true, true, true) => return Ok(Exclusion { asset, days: None }),
            (true, ..) => return Err(refuse("whole = true excludes all days: leave first and last empty".to_string())),
            (false, false, false) => {}
            (false, ..) => {
                let rule = "first and last are needed; an asset without dates is excluded only with whole = true in a \
                            column 'whole', because that is knowledge of the future";
                return Err(refuse(rule.to_string()));
            }
        }
        let date = |text: &str, name: &str| {
            parse_date(text)
                .ok_or_else(|| refuse(format!("'{text}' in column {name} is not a date such as 2020-01-31")))
        };
        let (from, to) = (date(first, "first")?, date(last, "last")?);
        if from > to {
            return Err(refuse(format!("first, {from}, lies after last, {to}")));
        }
        let calendar = panel.calendar();
        let days = (calendar.first_on_or_after(from), calendar.dates().partition_point(|date| *date <= to));
        if days.0 >= days.1 {
            return Err(refuse(format!("no day of the panel lies between {from} and {to}")));
        }
        Ok(Exclusion { asset, days: Some((days.0, days.1 - 1)) })
    };
    let exclusions = (0..columns.n_rows()).map(exclusion).collect::<Result<_>>()?;
    Ok((exclusions, hash_file(path)?))
}
