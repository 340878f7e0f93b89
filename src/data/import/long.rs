//! Long files: `date, asset, close|return` and, where present, volumes, prices and sectors.

use std::path::Path;

use crate::data::frame::Columns;
use crate::data::import::{NotANumber, file_name};
use crate::data::observations::{Measure, Observation, Observations};
use crate::error::Result;
use crate::panel::{Field, Panel, Venue};

pub(super) const DATE: &[&str] = &["date", "day", "datetime", "timestamp"];
pub(super) const ASSET: &[&str] = &["asset", "symbol", "ticker", "permno", "id", "name"];
const RETURN: &[&str] = &["total_return", "return", "ret"];
pub(super) const CLOSE: &[&str] = &["adj_close", "adjusted_close", "close", "price"];
/// Any of the last two.
pub(super) const VALUE: &[&str] = &["total_return", "return", "ret", "adj_close", "adjusted_close", "close", "price"];

/// Names under which a file may hold a field.
fn aliases(field: Field) -> &'static [&'static str] {
    match field {
        Field::DollarVolume => &["dollar_volume"],
        Field::High => &["high_over_close"],
        Field::Low => &["low_over_close"],
        Field::Price => &["price_as_traded", "prc"],
        Field::MarketValue => &["market_value", "market_cap"],
        Field::SharesOutstanding => &["shares_outstanding"],
        Field::Open => &["open_over_close"],
        Field::Split => &["split", "split_ratio"],
    }
}

pub(super) fn import(path: &Path, not_a_number: NotANumber) -> Result<(Panel, Vec<String>)> {
    let frame = Columns::read(path)?;
    let dates = frame.dates(&frame.require(DATE)?)?;
    let symbols = frame.texts(&frame.require(ASSET)?)?;
    let (name, measure) = match frame.find(RETURN) {
        Some(name) => (name, Measure::Return),
        None => (frame.require(VALUE)?, Measure::Price),
    };
    let values = frame.numbers(&name, not_a_number)?;
    let optional = |aliases: &[&str]| frame.find(aliases).map(|name| frame.numbers(&name, not_a_number)).transpose();
    let mut fields = Vec::new();
    for field in Field::ALL {
        fields.push(optional(aliases(field))?);
    }
    // Dollar volume from shares and price, high and low from their prices, where the file has those instead.
    let close = optional(CLOSE)?;
    let derived =
        [(0, optional(&["volume"])?), (1, optional(&["high"])?), (2, optional(&["low"])?), (6, optional(&["open"])?)];
    for (k, other) in derived {
        if let (None, Some(other), Some(close)) = (&fields[k], other, &close) {
            let value = |(x, c): (f64, &f64)| if k == 0 { x * c } else { x / c - 1.0 };
            fields[k] = Some(other.into_iter().zip(close).map(value).collect());
        }
    }
    let sectors = frame.find(&["sector"]).map(|name| frame.texts(&name)).transpose()?;
    let venues = frame.find(&["venue", "exchange"]).map(|name| frame.texts(&name)).transpose()?;

    let mut observations = Observations::new(measure);
    let file = observations.file(path.display().to_string());
    for row in 0..frame.n_rows() {
        let symbol = symbols[row].trim();
        if let Some(sectors) = &sectors {
            observations.asset(symbol).sector.clone_from(&sectors[row]);
        }
        if let Some(venue) = venues.as_ref().and_then(|venues| Venue::named(&venues[row])) {
            observations.asset(symbol).venue = Some(venue);
        }
        let known = |k: usize| fields[k].as_ref().map_or(f32::NAN, |series| series[row] as f32);
        let observation = Observation {
            date: dates[row],
            value: values[row],
            fields: std::array::from_fn(known),
            file,
            row: frame.row_number(row),
        };
        observations.push(symbol, observation);
    }
    let kind = if measure == Measure::Return { "returns" } else { "prices" };
    let note = format!("{}: {} rows, {kind} from column {name}", file_name(path), frame.n_rows());
    Ok((observations.into_panel()?, vec![note]))
}
