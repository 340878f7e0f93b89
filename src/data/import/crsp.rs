//! CRSP daily stock file: `PERMNO, date, RET, PRC` and, where present, `DLRET, SHROUT, VOL, OPENPRC, SHRCD, EXCHCD,
//! CFACPR`.
//!
//! Conventions of the CRSP data guide: a negative PRC is the midpoint of bid and ask on a day without trade, a zero
//! PRC is missing; SHROUT is in thousands; letters in RET and DLRET are codes for missing values. Kept are common
//! shares and ADRs (SHRCD 10, 11, 12, 30, 31) of NYSE, AMEX and NASDAQ (EXCHCD 1, 2, 3). DLRET is stored as the
//! asset's delisting return and not compounded into the last daily one; a split is a change of CFACPR from a
//! company's row to its next. Without RET, returns come from |PRC| over
//! CFACPR and leave out dividends.

use std::collections::HashMap;
use std::path::Path;

use crate::calendar::Date;
use crate::data::frame::Columns;
use crate::data::import::file_name;
use crate::data::observations::{Measure, Observation, Observations};
use crate::error::Result;
use crate::panel::{Field, Panel, Venue};

const SHARE_CODES: [f64; 5] = [10.0, 11.0, 12.0, 30.0, 31.0];
const EXCHANGES: [f64; 3] = [1.0, 2.0, 3.0];
const VENUES: [Venue; 3] = [Venue::Nyse, Venue::Amex, Venue::Nasdaq];

pub(super) fn import(path: &Path) -> Result<(Panel, Vec<String>)> {
    let frame = Columns::read(path)?;
    let dates = frame.dates(&frame.require(&["date", "dlycaldt"])?)?;
    let permnos = frame.texts(&frame.require(&["permno"])?)?;
    let numbers = |name: &str| frame.find(&[name]).map(|name| frame.numbers_or_codes(&name)).transpose();
    let texts = |name: &str| frame.find(&[name]).map(|name| frame.texts(&name)).transpose();
    let returns = numbers("ret")?;
    let price = frame.numbers_or_codes(&frame.require(&["prc"])?)?;
    let (delisting, shares, volume) = (numbers("dlret")?, numbers("shrout")?, numbers("vol")?);
    let (share_code, exchange, factor) = (numbers("shrcd")?, numbers("exchcd")?, numbers("cfacpr")?);
    let (high, low, open) = (numbers("askhi")?, numbers("bidlo")?, numbers("openprc")?);
    let (company, name) = (texts("permco")?, texts("comnam")?);

    let measure = if returns.is_some() { Measure::Return } else { Measure::Price };
    let mut observations = Observations::new(measure);
    let file = observations.file(path.display().to_string());
    let mut left_out = 0;
    let mut last_factor: HashMap<String, (Date, f64)> = HashMap::new();
    for row in 0..frame.n_rows() {
        let of = |series: &Option<Vec<f64>>| series.as_ref().map_or(f64::NAN, |series| series[row]);
        let admits = |series: &Option<Vec<f64>>, codes: &[f64]| series.is_none() || codes.contains(&of(series));
        if !admits(&share_code, &SHARE_CODES) || !admits(&exchange, &EXCHANGES) {
            left_out += 1;
            continue;
        }
        let symbol = permnos[row].trim();
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
        if !of(&delisting).is_nan() {
            asset.delisting_return = Some(of(&delisting));
        }
        let price = if price[row] == 0.0 { f64::NAN } else { price[row].abs() };
        let has_factor = of(&factor) > 0.0;
        let factor = if has_factor { of(&factor) } else { 1.0 };
        let last = last_factor.insert(symbol.to_string(), (dates[row], factor));
        let before = last.filter(|(date, _)| *date < dates[row]).map_or(factor, |(_, factor)| factor);
        let shares = of(&shares) * 1000.0;
        let fields = Field::ALL.map(|field| match field {
            Field::DollarVolume => price * of(&volume),
            Field::High => of(&high).abs() / price - 1.0,
            Field::Low => of(&low).abs() / price - 1.0,
            Field::Price => price,
            Field::MarketValue => price * shares,
            Field::SharesOutstanding => shares,
            Field::Open => of(&open).abs() / price - 1.0,
            Field::Split if has_factor => before / factor,
            Field::Split => f64::NAN,
        } as f32);
        let value = if measure == Measure::Return { of(&returns) } else { price / factor };
        let row_number = frame.row_number(row);
        observations.push(symbol, Observation { date: dates[row], value, fields, file, row: row_number });
    }
    let mut notes = vec![format!("{}: {} rows", file_name(path), frame.n_rows())];
    notes.push(format!("{left_out} rows left out: not a common share or ADR, or on another exchange"));
    if measure == Measure::Price {
        notes.push("no RET column: returns come from |PRC| / CFACPR and leave out dividends".to_string());
    }
    Ok((observations.into_panel()?, notes))
}
