//! Wide files: the first column holds dates, every other column one asset's prices or returns.

use std::path::Path;

use crate::data::frame::Columns;
use crate::data::import::{Options, ValueKind, file_name};
use crate::data::observations::{Measure, Observation, Observations};
use crate::error::{Error, Result};
use crate::panel::{Field, Panel};

pub(super) fn import(path: &Path, options: &Options) -> Result<(Panel, Vec<String>)> {
    let frame = Columns::read(path)?;
    let names = frame.names();
    let Some(first) = names.first() else {
        return Err(Error::data(path.display().to_string(), "the file has no columns"));
    };
    // Only "date" is safe to look for: DAY and TIMESTAMP may be tickers.
    let date = frame.find(&["date"]).unwrap_or_else(|| first.clone());
    let dates = frame.dates(&date)?;
    let symbols: Vec<&String> = names.iter().filter(|name| **name != date).collect();
    let columns: Vec<Vec<f64>> =
        symbols.iter().map(|name| frame.numbers(name, options.not_a_number)).collect::<Result<_>>()?;
    let measure = match options.values {
        ValueKind::Returns => Measure::Return,
        ValueKind::Prices => Measure::Price,
        ValueKind::Guess if columns.iter().flatten().any(|x| *x < 0.0) => Measure::Return,
        ValueKind::Guess => Measure::Price,
    };
    let mut observations = Observations::new(measure);
    let file = observations.file(path.display().to_string());
    for (symbol, values) in symbols.iter().zip(&columns) {
        observations.asset(symbol);
        for (row, &value) in values.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            let fields = [f32::NAN; Field::ALL.len()];
            let row_number = frame.row_number(row);
            observations.push(symbol, Observation { date: dates[row], value, fields, file, row: row_number });
        }
    }
    let kind = if measure == Measure::Return { "returns" } else { "prices" };
    let guess = if options.values == ValueKind::Guess { " (guessed; --values says otherwise)" } else { "" };
    let note = format!("{}: {} assets, values taken as {kind}{guess}", file_name(path), symbols.len());
    Ok((observations.into_panel()?, vec![note]))
}
