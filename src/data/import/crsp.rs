//! CRSP daily stock file: `PERMNO, date, RET, PRC` and, where present, `DLRET, SHROUT, VOL, OPENPRC, SHRCD, EXCHCD,
//! CFACPR`.
//!
//! Conventions of the CRSP data guide: a negative PRC is the midpoint of bid and ask on a day without a trade, a zero
//! PRC is missing; SHROUT is in thousands; in RET and DLRET the letters A to E, P, S and T and the numbers -44 to -99
//! in steps of eleven are codes for missing values, as is -99 in VOL. Only common shares and ADRs (SHRCD 10, 11, 12,
//! 30, 31) of NYSE, AMEX and NASDAQ (EXCHCD 1, 2, 3) are kept. DLRET is stored as the asset's delisting return and
//! not compounded into the last daily return. A change of CFACPR from one row of a company to the next is a split.
//! Without RET, returns are computed from |PRC| / CFACPR and leave out dividends.

use std::collections::HashMap;

use crate::calendar::Date;
use crate::data::frame::Columns;
use crate::data::numbers::MissingCodes;
use crate::data::observations::{Aligned, Observation, Observations};
use crate::data::options::Options;
use crate::data::roles::Roles;
use crate::data::units::ValueKind;
use crate::data::words::file_name;
use crate::error::{Error, Result};
use crate::panel::{Field, Panel, Venue};

const SHARE_CODES: [f64; 5] = [10.0, 11.0, 12.0, 30.0, 31.0];
const EXCHANGES: [f64; 3] = [1.0, 2.0, 3.0];
const VENUES: [Venue; 3] = [Venue::Nyse, Venue::Amex, Venue::Nasdaq];
/// Codes for a missing return.
const CODES: [&str; 14] = ["A", "B", "C", "D", "E", "P", "S", "T", "-44", "-55", "-66", "-77", "-88", "-99"];
/// The code for a missing volume.
const NO_VOLUME: &str = "-99";

pub(super) fn import(columns: &Columns, options: &Options) -> Result<(Aligned, Vec<String>)> {
    let roles = Roles::find(columns, options)?;
    let path = columns.path();
    let dates = roles.dates()?;
    let texts = |name: &str| columns.position(&[name]).map(|column| columns.texts_at(column)).transpose();
    let numbers =
        |name: &str| columns.position(&[name]).map(|column| columns.values_at(column, &options.missing)).transpose();
    let codes = MissingCodes::with(CODES.into_iter().chain(options.missing.added().iter().map(String::as_str)));
    let volumes = MissingCodes::with([NO_VOLUME].into_iter().chain(options.missing.added().iter().map(String::as_str)));
    let returns_of = |name: &str| columns.position(&[name]).map(|column| columns.values_at(column, &codes)).transpose();
    let permnos = texts(&columns.require(&["permno"])?)?.unwrap_or_default();
    let price = numbers(&columns.require(&["prc"])?)?.unwrap_or_default();
    let (returns, delisting) = (returns_of("ret")?, returns_of("dlret")?);
    let shares = numbers("shrout")?;
    let volume = columns.position(&["vol"]).map(|column| columns.values_at(column, &volumes)).transpose()?;
    let (share_code, exchange, factor) = (numbers("shrcd")?, numbers("exchcd")?, numbers("cfacpr")?);
    let (high, low, open) = (numbers("askhi")?, numbers("bidlo")?, numbers("openprc")?);
    let (company, name) = (texts("permco")?, texts("comnam")?);

    let has_returns = returns.is_some();
    let hint = if has_returns { ValueKind::Returns } else { ValueKind::Prices };
    let mut observations = Observations::new(options.values, Some(hint), true);
    let file = observations.file(path.display().to_string());
    let mut left_out = 0;
    let mut last_factor: HashMap<String, (Date, f64)> = HashMap::new();
    for row in 0..columns.n_rows() {
        let of = |series: &Option<Vec<f64>>| series.as_ref().map_or(f64::NAN, |series| series[row]);
        let admits = |series: &Option<Vec<f64>>, codes: &[f64]| series.is_none() || codes.contains(&of(series));
        if !admits(&share_code, &SHARE_CODES) || !admits(&exchange, &EXCHANGES) {
            left_out += 1;
            continue;
        }
        let symbol = permnos[row].trim().trim_end_matches(".0");
        if symbol.is_empty() {
            return Err(Error::data(columns.place(row), "the PERMNO is missing"));
        }
        let asset = observations.asset(symbol);
        if let Some(company) = &company {
            asset.issuer.clone_from(&company[row]);
        }
        if let Some(name) = name.as_ref().filter(|name| !name[row].is_empty()) {
            asset.name.clone_from(&name[row]);
        }
        if let Some(code) = EXCHANGES.iter().position(|code| *code == of(&exchange)) {
            asset.venue = Some(VENUES[code]);
        }
        let end = of(&delisting);
        if !(end.is_nan() || (-1.0..=Panel::HIGHEST_RETURN).contains(&end)) {
            let place = format!("{}, asset {symbol}", columns.place(row));
            return Err(Error::data(place, format!("a delisting return is at least -1, but DLRET is {end}")));
        }
        if !end.is_nan() {
            asset.delisting_return = Some(end);
        }
        let price = if price[row] == 0.0 { f64::NAN } else { price[row].abs() };
        let has_factor = of(&factor) > 0.0;
        let factor = if has_factor { of(&factor) } else { 1.0 };
        let last = last_factor.insert(symbol.to_string(), (dates[row], factor));
        let before = last.filter(|(date, _)| *date < dates[row]).map_or(factor, |(_, factor)| factor);
        // Signs of prices are codes; a price of 0 is unknown, as are 0 shares outstanding.
        let shares = if of(&shares) == 0.0 { f64::NAN } else { of(&shares) * 1000.0 };
        let over_close =
            |series: &Option<Vec<f64>>| if of(series) == 0.0 { f64::NAN } else { of(series).abs() / price - 1.0 };
        let fields = Field::ALL.map(|field| match field {
            Field::DollarVolume => price * of(&volume),
            Field::High => over_close(&high),
            Field::Low => over_close(&low),
            Field::Price => price,
            Field::MarketValue => price * shares,
            Field::SharesOutstanding => shares,
            Field::Open => over_close(&open),
            Field::Split if has_factor => before / factor,
            Field::Split => f64::NAN,
        } as f32);
        let value = if has_returns { of(&returns) } else { price / factor };
        let row_number = columns.row_number(row);
        observations.push(symbol, Observation { date: dates[row], value, fields, file, row: row_number });
    }
    let mut notes = vec![format!("{}: {} rows", file_name(path), columns.n_rows())];
    notes.push(format!("{left_out} rows left out: not a common share or ADR, or on another exchange"));
    if !has_returns {
        notes.push("no RET column: returns come from |PRC| / CFACPR and leave out dividends".to_string());
    }
    Ok((observations.align()?, notes))
}
