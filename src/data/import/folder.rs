//! A folder of per-symbol OHLCV files: Stooq (`<DATE>,<CLOSE>,<VOL>`), Yahoo (`Date,Close,Adj Close,Volume`) and the
//! Kaggle copies of both. The symbol is the file name without its ending and without Stooq's `.us`.

use std::path::{Path, PathBuf};

use crate::data::frame::Columns;
use crate::data::import::{NotANumber, long};
use crate::data::observations::{Measure, Observation, Observations};
use crate::error::{Error, Result};
use crate::panel::{Field, Panel};

pub(super) fn import(path: &Path, not_a_number: NotANumber) -> Result<(Panel, Vec<String>)> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    files.sort();
    if files.is_empty() {
        let rule = "no .csv, .txt or .parquet files, and neither calendar.parquet nor assets.parquet";
        return Err(Error::data(path.display().to_string(), rule));
    }
    let mut observations = Observations::new(Measure::Price);
    let mut empty = 0;
    for path in &files {
        if std::fs::metadata(path).map_err(Error::io(path))?.len() == 0 {
            empty += 1;
            continue;
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_uppercase()).unwrap_or_default();
        let symbol = stem.strip_suffix(".US").unwrap_or(&stem);
        read(path, symbol, not_a_number, &mut observations)?;
    }
    let mut notes = vec![format!("{} files, {} of them empty and left out", files.len(), empty)];
    notes.push("prices are taken from the adjusted close where a file has one, else from the close".to_string());
    Ok((observations.into_panel()?, notes))
}

/// Data files below a folder, at any depth.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_lowercase();
        if path.is_dir() {
            collect(&path, files)?;
        } else if ["csv", "txt", "parquet"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path, symbol: &str, not_a_number: NotANumber, observations: &mut Observations) -> Result<()> {
    let frame = Columns::read(path)?;
    let dates = frame.dates(&frame.require(long::DATE)?)?;
    let value_name = frame.require(long::CLOSE)?;
    let values = frame.numbers(&value_name, not_a_number)?;
    let optional = |aliases: &[&str]| frame.find(aliases).map(|name| frame.numbers(&name, not_a_number)).transpose();
    let close = optional(&["close"])?.unwrap_or_else(|| values.clone());
    let volume = optional(&["volume", "vol"])?;
    let (high, low, open) = (optional(&["high"])?, optional(&["low"])?, optional(&["open"])?);
    let file = observations.file(path.display().to_string());
    for row in 0..frame.n_rows() {
        let of = |series: &Option<Vec<f64>>| series.as_ref().map_or(f64::NAN, |series| series[row]);
        let fields = Field::ALL.map(|field| match field {
            Field::DollarVolume => of(&volume) * close[row],
            Field::High => of(&high) / close[row] - 1.0,
            Field::Low => of(&low) / close[row] - 1.0,
            Field::Open => of(&open) / close[row] - 1.0,
            Field::Price | Field::MarketValue | Field::SharesOutstanding | Field::Split => f64::NAN,
        } as f32);
        let row_number = frame.row_number(row);
        observations.push(symbol, Observation { date: dates[row], value: values[row], fields, file, row: row_number });
    }
    Ok(())
}
