//! Wide files: one column of dates; every other column of numbers holds one asset's prices or returns.

use crate::calendar::{Calendar, Date};
use crate::data::frame::Columns;
use crate::data::observations::{Aligned, Observation, Observations};
use crate::data::options::Options;
use crate::data::roles::Roles;
use crate::data::words::file_name;
use crate::error::{Error, Result};
use crate::panel::Field;

pub(super) fn import(columns: &Columns, roles: &Roles<'_>, options: &Options) -> Result<(Aligned, Vec<String>)> {
    let (assets, left_out) = roles.assets()?;
    let names = columns.names();
    let dates: Vec<Date> = match &roles.date {
        Some((_, dates)) => dates.dates.clone(),
        // Rows count as days; these dates are placeholders that no message and no result shows.
        None => Calendar::weekdays(jiff::civil::date(2000, 1, 3), columns.n_rows()).dates().to_vec(),
    };
    if let Some((first, second)) = repeated(&dates) {
        let (first, date) = (columns.row_number(first), dates[second]);
        let rule = format!("the date {date} is already in row {first}; keep one row per day");
        return Err(Error::data(columns.place(second), rule));
    }
    let mut observations = Observations::new(options.values, None, roles.date.is_some());
    let file = observations.file(columns.path().display().to_string());
    dates.iter().for_each(|&date| observations.day(date));
    for &column in &assets {
        let symbol = &names[column];
        observations.asset(symbol);
        let values = columns.values_at(column, &options.missing)?;
        for (row, &value) in values.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            let fields = [f32::NAN; Field::ALL.len()];
            let row_number = columns.row_number(row);
            observations.push(symbol, Observation { date: dates[row], value, fields, file, row: row_number });
        }
    }
    let mut notes = vec![format!("{}: {} assets, one per column", file_name(columns.path()), assets.len())];
    notes.extend(left_out);
    Ok((observations.align()?, notes))
}

/// The first row that repeats a date, preceded by the earlier row with that date.
fn repeated(dates: &[Date]) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..dates.len()).collect();
    order.sort_by_key(|&row| (dates[row], row));
    let pairs = order.windows(2).filter(|pair| dates[pair[0]] == dates[pair[1]]);
    pairs.map(|pair| (pair[0], pair[1])).min_by_key(|pair| pair.1)
}
