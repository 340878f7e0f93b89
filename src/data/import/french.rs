//! Kenneth French's daily text files: a preamble, a header line that starts with a comma, then `YYYYMMDD, value, …`
//! in percent. Only the first table is read (value-weighted returns, in the portfolio files); −99.99 and −999 mean
//! missing.

use std::path::Path;

use crate::calendar::parse_date;
use crate::data::files::read_text;
use crate::data::import::file_name;
use crate::data::observations::{Measure, Observation, Observations};
use crate::error::{Error, Result};
use crate::panel::{Field, Panel};

/// Values at or below this are codes for missing ones.
const MISSING: f64 = -99.0;

/// The date and the rest of a data line.
fn data_line(line: &str) -> Option<(&str, &str)> {
    let (date, rest) = line.split_once(',')?;
    let date = date.trim();
    (date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit())).then_some((date, rest))
}

/// Whether a text file has a header line that starts with a comma, directly above a data line.
pub(super) fn looks_like(path: &Path) -> bool {
    let is_text = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("txt"));
    let Some(text) = is_text.then(|| std::fs::read_to_string(path).ok()).flatten() else { return false };
    let mut lines = text.lines().take(60).peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with(',') && lines.peek().is_some_and(|next| data_line(next).is_some()) {
            return true;
        }
    }
    false
}

pub(super) fn import(path: &Path) -> Result<(Panel, Vec<String>)> {
    let text = read_text(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let Some(first) = lines.iter().position(|line| data_line(line).is_some()).filter(|first| *first > 0) else {
        return Err(Error::data(path.display().to_string(), "no line starts with a date such as 19260701"));
    };
    let names: Vec<&str> = lines[first - 1].split(',').skip(1).map(str::trim).collect();
    let mut observations = Observations::new(Measure::Return);
    let file = observations.file(path.display().to_string());
    let mut n_rows = 0;
    for (number, line) in lines.iter().enumerate().skip(first) {
        let Some((date, rest)) = data_line(line) else { break };
        let place = || format!("{}, row {}", path.display(), number + 1);
        let date = parse_date(date).ok_or_else(|| Error::data(place(), format!("'{date}' is not a date")))?;
        let values: Vec<&str> = rest.split(',').map(str::trim).collect();
        if values.len() != names.len() {
            let rule = format!("{} values for {} columns", values.len(), names.len());
            return Err(Error::data(place(), rule));
        }
        for (name, text) in names.iter().zip(values) {
            let percent: f64 = text
                .parse()
                .map_err(|_| Error::data(format!("{}, asset {name}", place()), format!("'{text}' is not a number")))?;
            let value = if percent <= MISSING { f64::NAN } else { percent / 100.0 };
            let fields = [f32::NAN; Field::ALL.len()];
            observations.push(name, Observation { date, value, fields, file, row: number as u32 + 1 });
        }
        n_rows += 1;
    }
    let note = format!("{}: {n_rows} days of {} series, the first table of the file", file_name(path), names.len());
    Ok((observations.into_panel()?, vec![note]))
}
