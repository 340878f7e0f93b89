//! Kenneth French's daily text files: a preamble, a header line that starts with a comma, then `YYYYMMDD, value, …`
//! in percent. Only the first table is read (in the portfolio files, the value-weighted returns); −99.99, −99 and
//! −999 mean missing.

use std::path::Path;

use crate::data::dates;
use crate::data::encoding::beginning;
use crate::data::files::read_table_text;
use crate::data::observations::{Aligned, Observation, Observations};
use crate::data::options::Options;
use crate::data::units::ValueKind;
use crate::data::words::file_name;
use crate::data::words::{TEXT_ENDINGS, endings};
use crate::error::{Error, Result};
use crate::panel::Field;

/// Codes for a missing value.
const MISSING: [f64; 3] = [-99.99, -999.0, -99.0];

/// The date and the rest of a data line.
fn data_line(line: &str) -> Option<(&str, &str)> {
    let (date, rest) = line.split_once(',')?;
    let date = date.trim();
    (date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit())).then_some((date, rest))
}

/// Whether a text file has a header line that starts with a comma, directly above a data line.
pub(super) fn looks_like(path: &Path) -> bool {
    let (ending, inner) = endings(path);
    let is_text = TEXT_ENDINGS.contains(&ending.as_str()) || (ending == "gz" && TEXT_ENDINGS.contains(&inner.as_str()));
    let Some(text) = is_text.then(|| beginning(path)).flatten() else { return false };
    let mut lines = text.lines().take(60).peekable();
    // A table without text above its header is a wide one whose first column has no name.
    let mut has_text_above = false;
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with(',') && lines.peek().is_some_and(|next| data_line(next).is_some()) {
            return has_text_above;
        }
        has_text_above = has_text_above || !line.trim().is_empty();
    }
    false
}

pub(super) fn import(path: &Path, options: &Options) -> Result<(Aligned, Vec<String>)> {
    if options.date_column.is_some() || options.date_format.is_some() {
        let rule = "this layout has its dates in the first column, in the form 19260701: --date-column and \
                    --date-format do not apply to it";
        return Err(Error::data(path.display().to_string(), rule));
    }
    if ![ValueKind::Guess, ValueKind::Percent].contains(&options.values) {
        let rule = "this layout holds returns in percent: --values must be guess or percent";
        return Err(Error::data(path.display().to_string(), rule));
    }
    let text = read_table_text(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let Some(first) = lines.iter().position(|line| data_line(line).is_some()).filter(|first| *first > 0) else {
        return Err(Error::data(path.display().to_string(), "no line starts with a date such as 19260701"));
    };
    let header = lines[first - 1].trim_end().trim_end_matches(',');
    let names: Vec<&str> = header.split(',').skip(1).map(str::trim).collect();
    if let Some(column) = names.iter().position(|name| name.is_empty()) {
        let place = format!("{}, row {first}", path.display());
        return Err(Error::data(place, format!("column {} has no name", column + 2)));
    }
    let mut observations = Observations::new(options.values, Some(ValueKind::Percent), true);
    let file = observations.file(path.display().to_string());
    let mut n_rows = 0;
    for (number, line) in lines.iter().enumerate().skip(first) {
        let place = || format!("{}, row {}", path.display(), number + 1);
        let Some((date, rest)) = data_line(line) else {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let holds_values =
                cells.len() == names.len() + 1 && cells[1..].iter().all(|cell| cell.parse::<f64>().is_ok());
            if holds_values || line.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Error::data(place(), "a line of the table does not start with a date such as 19260701"));
            }
            // A blank line directly before a data line is inside the table; a second table has a title or a header
            // before its first date.
            let next = lines[number..].iter().find(|line| !line.trim().is_empty());
            if line.trim().is_empty() && next.is_some_and(|next| data_line(next).is_some()) {
                continue;
            }
            break;
        };
        let date = dates::read([date].into_iter(), None)
            .map_err(|problem| Error::data(place(), problem.rule("1", &options.missing)))?
            .dates[0];
        let mut values: Vec<&str> = rest.split(',').map(str::trim).collect();
        if values.len() == names.len() + 1 && values.last().is_some_and(|cell| cell.is_empty()) {
            values.pop();
        }
        if values.len() != names.len() {
            let rule = format!("the line has {} values for {} columns", values.len(), names.len());
            return Err(Error::data(place(), rule));
        }
        observations.day(date);
        for (name, text) in names.iter().zip(values) {
            let number_of = |text: &str| text.parse::<f64>().ok().filter(|x| x.is_finite());
            let value = match number_of(text) {
                Some(percent) if MISSING.contains(&percent) || options.missing.is_number(percent) => f64::NAN,
                Some(percent) => percent,
                None if options.missing.is_text(text) => f64::NAN,
                None => {
                    let rule = format!("'{text}' is not a number");
                    return Err(Error::data(format!("{}, asset {name}", place()), rule));
                }
            };
            let fields = [f32::NAN; Field::ALL.len()];
            observations.push(name, Observation { date, value, fields, file, row: number as u32 + 1 });
        }
        n_rows += 1;
    }
    let note = format!("{}: {n_rows} days of {} series, the first table of the file", file_name(path), names.len());
    Ok((observations.align()?, vec![note]))
}
