//! Long files: `date, asset, close|return` and, where present, volumes, prices and sectors.

use std::collections::BTreeMap;

use crate::calendar::Date;
use crate::data::dates::Dates;
use crate::data::frame::Columns;
use crate::data::import::ohlcv;
use crate::data::observations::{Aligned, Observation, Observations};
use crate::data::options::Options;
use crate::data::roles::{Role, Roles, other_zone};
use crate::data::units::ValueKind;
use crate::data::words::file_name;
use crate::error::{Error, Result};
use crate::panel::{Field, Venue};

/// Usual names of a column of assets, the least ambiguous first.
pub(in crate::data) const ASSET: &[&str] = &[
    "asset",
    "symbol",
    "ticker",
    "permno",
    "tic",
    "ric",
    "isin",
    "cusip",
    "sedol",
    "figi",
    "gvkey",
    "secid",
    "sid",
    "id",
    "stock",
    "security",
    "instrument",
    "contract",
    "company",
    "code",
    "name",
];
const RETURN: &[&str] = &["total_return", "return", "returns", "ret", "daily_return"];
const LOG_RETURN: &[&str] = &["log_return", "log_returns", "log_ret", "logret"];
/// All usual names of a column of returns or prices.
pub(super) const VALUE: &[&str] = &[
    "total_return",
    "return",
    "returns",
    "ret",
    "daily_return",
    "log_return",
    "log_returns",
    "log_ret",
    "adj_close",
    "adjusted_close",
    "close_adj",
    "close",
    "price",
];

/// Names under which a file may hold a field.
fn aliases(field: Field) -> &'static [&'static str] {
    match field {
        Field::DollarVolume => &["dollar_volume"],
        Field::High => &["high_over_close"],
        Field::Low => &["low_over_close"],
        Field::Price => &["price_as_traded", "prc", "closeunadj", "close_unadjusted"],
        Field::MarketValue => &["market_value", "market_cap"],
        Field::SharesOutstanding => &["shares_outstanding"],
        Field::Open => &["open_over_close"],
        Field::Split => &["split", "split_ratio"],
    }
}

/// The column of assets in a table where no column has one of the usual names: dates repeat, and date and word
/// together identify each row. `None` if there is no such column.
pub(super) fn asset_by_values(columns: &Columns, roles: &Roles<'_>) -> Result<Option<usize>> {
    let Some((_, dates)) = &roles.date else { return Ok(None) };
    let mut seen = std::collections::HashSet::new();
    if dates.dates.iter().all(|date| seen.insert(*date)) {
        return Ok(None);
    }
    let all = roles.all()?;
    for column in (0..all.len()).filter(|column| all[*column] == Some(Role::Words)) {
        let words = columns.texts_at(column)?;
        let mut pairs = std::collections::HashSet::new();
        if words.iter().zip(&dates.dates).all(|pair| pairs.insert(pair)) {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// Refuses the table if the time stamps of an asset look like midnights of another time zone.
fn check_zones(columns: &Columns, roles: &Roles<'_>, options: &Options, symbols: &[String]) -> Result<()> {
    let Some((column, Dates { dates, clock, .. })) = roles.date.as_ref().filter(|_| options.date_format.is_none())
    else {
        return Ok(());
    };
    if !clock.is_stamped() {
        return Ok(());
    }
    let mut by_asset: BTreeMap<&str, Vec<Date>> = BTreeMap::new();
    symbols.iter().zip(dates).for_each(|(symbol, date)| by_asset.entry(symbol.trim()).or_default().push(*date));
    match by_asset.iter().find_map(|(symbol, dates)| Some((symbol, clock.zone(dates)?))) {
        None => Ok(()),
        Some((symbol, zone)) => {
            let rule = other_zone(&columns.names()[*column], zone, options);
            Err(Error::data(format!("{}, asset {symbol}", columns.path().display()), rule))
        }
    }
}

pub(super) fn import(columns: &Columns, roles: &Roles<'_>, options: &Options) -> Result<(Aligned, Vec<String>)> {
    let refuse = |rule: String| Error::data(columns.path().display().to_string(), rule);
    let names = columns.names();
    let named = columns.position(ASSET);
    let Some(asset) = named.map_or_else(|| asset_by_values(columns, roles), |column| Ok(Some(column)))? else {
        return Err(refuse(format!("no column names the asset of a row; columns are {}", names.join(", "))));
    };
    for aliases in [ASSET, VALUE, &["volume", "open", "high", "low"]] {
        columns.check_spellings(aliases)?;
    }
    let symbols = columns.texts_at(asset)?;
    let places = ohlcv::Places::of(names.iter().cloned().enumerate());
    // An empty column of returns is ignored if there are prices.
    let held = |aliases: &[&str]| -> Result<Option<usize>> {
        let Some(column) = columns.position(aliases) else { return Ok(None) };
        let is_empty = columns.content(column, &options.missing)?.n_missing == columns.n_rows();
        Ok(Some(column).filter(|_| !is_empty || places.value().is_none()))
    };
    let (value, hint) = match (held(RETURN)?, held(LOG_RETURN)?, places.value()) {
        (Some(column), _, _) => (column, Some(ValueKind::Returns)),
        (None, Some(column), _) => (column, Some(ValueKind::LogReturns)),
        (None, None, Some((column, _))) => (column, Some(ValueKind::Prices)),
        (None, None, None) => {
            let rule = format!(
                "no column '{}'; columns are {}: rename the column of prices to price, or that of returns to return",
                VALUE.join("' or '"),
                names.join(", ")
            );
            return Err(refuse(rule));
        }
    };
    let numbers = |column: usize| columns.values_at(column, &options.missing);
    let values = numbers(value)?;
    let optional = |aliases: &[&str]| columns.position(aliases).map(numbers).transpose();
    let mut fields = Field::ALL.iter().map(|field| optional(aliases(*field))).collect::<Result<Vec<_>>>()?;
    // Where the file has no dollar volume, high, low or open over close, they are derived from share volume and
    // prices. These belong to the unadjusted close of the same row, not to one adjusted for dividends.
    let close = match places.find(&ohlcv::CLOSE) {
        Some(column) => Some(numbers(column)?),
        None => places.value().map(|(column, _)| numbers(column)).transpose()?,
    };
    let derived = [
        (Field::DollarVolume, optional(&["volume", "vol"])?),
        (Field::High, optional(&["high"])?),
        (Field::Low, optional(&["low"])?),
        (Field::Open, optional(&["open"])?),
    ];
    for (field, other) in derived {
        let place = field as usize;
        if let (None, Some(other), Some(close)) = (&fields[place], other, &close) {
            let value = |(x, c): (f64, &f64)| match field {
                Field::DollarVolume => x * c,
                // Sources write 0 for a price that they do not know.
                _ if x == 0.0 => f64::NAN,
                _ => x / c - 1.0,
            };
            fields[place] = Some(other.into_iter().zip(close).map(value).collect());
        }
    }
    // Sources write 0 for unknown values of these fields.
    for field in [Field::Price, Field::MarketValue, Field::SharesOutstanding, Field::Split] {
        fields[field as usize].iter_mut().flatten().filter(|x| **x == 0.0).for_each(|x| *x = f64::NAN);
    }
    let texts = |aliases: &[&str]| columns.position(aliases).map(|column| columns.texts_at(column)).transpose();
    let (sectors, venues) = (texts(&["sector"])?, texts(&["venue", "exchange"])?);

    let dates = roles.dates()?;
    check_zones(columns, roles, options, &symbols)?;
    let mut observations = Observations::new(options.values, hint, true);
    let file = observations.file(columns.path().display().to_string());
    for row in 0..columns.n_rows() {
        let symbol = symbols[row].trim();
        if symbol.is_empty() {
            return Err(Error::data(columns.place(row), format!("the asset in column {} is missing", names[asset])));
        }
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
            row: columns.row_number(row),
        };
        observations.push(symbol, observation);
    }
    let adjusted = match places.value() {
        Some((column, is_adjusted)) if column == value => format!("; {}", ohlcv::told(usize::from(is_adjusted), 1)),
        _ => String::new(),
    };
    let note = format!(
        "{}: {} rows, assets from column {}, values from column {}{adjusted}",
        file_name(columns.path()),
        columns.n_rows(),
        names[asset],
        names[value]
    );
    Ok((observations.align()?, vec![note]))
}
