//! Target weights from a file: `date, asset, weight` and, where several portfolios stand in it, `estimator, allocator`.

use std::path::Path;

use crate::calendar::Date;
use crate::data::frame::Columns;
use crate::data::import::NotANumber;
use crate::error::{Error, Result};

/// Rows of a weights file.
pub struct WeightRows {
    /// Decision date, on whose auctions the weights are traded.
    pub dates: Vec<Date>,
    /// Label of the estimator; empty where the file has none.
    pub estimators: Vec<String>,
    /// Label of the allocator; empty where the file has none.
    pub allocators: Vec<String>,
    /// Symbol.
    pub assets: Vec<String>,
    /// Share of the equity.
    pub weights: Vec<f64>,
    frame: Columns,
}

impl WeightRows {
    /// Names a row as a person finds it.
    pub fn place(&self, row: usize) -> String {
        format!("{}, asset {}, {}", self.frame.place(row), self.assets[row], self.dates[row])
    }
}

/// Reads a weights file (.parquet or .csv).
pub fn read_weights(path: &Path) -> Result<WeightRows> {
    let frame = Columns::read(path)?;
    let dates = frame.dates(&frame.require(&["date"])?)?;
    let optional = |name: &str| match frame.find(&[name]) {
        Some(name) => frame.texts(&name),
        None => Ok(vec![String::new(); frame.n_rows()]),
    };
    let (estimators, allocators) = (optional("estimator")?, optional("allocator")?);
    let assets = frame.texts(&frame.require(&["asset", "symbol"])?)?;
    let weights = frame.numbers(&frame.require(&["weight"])?, NotANumber::Refused)?;
    if let Some(row) = weights.iter().position(|weight| weight.is_nan()) {
        return Err(Error::data(frame.place(row), "weight is missing"));
    }
    Ok(WeightRows { dates, estimators, allocators, assets, weights, frame })
}

/// Reads a CSV or Parquet file of daily rates: a column `date`, and one with percent a year.
///
/// Days without a rate are left out.
pub fn read_rates(path: &Path) -> Result<(Vec<Date>, Vec<f64>)> {
    let frame = Columns::read(path)?;
    let date = frame.require(&["date", "observation_date"])?;
    let value = frame.names().into_iter().find(|name| *name != date);
    let value = value.ok_or_else(|| Error::data(path.display().to_string(), "no column of rates beside the dates"))?;
    let (dates, rates) = (frame.dates(&date)?, frame.numbers(&value, NotANumber::Missing)?);
    Ok(dates.into_iter().zip(rates).filter(|(_, rate)| !rate.is_nan()).unzip())
}
