//! Open, high, low, close and volume of one symbol, named after its file, or of several under a header of fields and
//! symbols.

use std::collections::BTreeMap;

use crate::calendar::Date;
use crate::data::frame::Columns;
use crate::data::observations::{Aligned, Observation, Observations};
use crate::data::options::Options;
use crate::data::roles::Roles;
use crate::data::units::ValueKind;
use crate::data::words::{file_name, symbol};
use crate::data::words::{plain, unnumbered};
use crate::error::{Error, Result};
use crate::panel::Field;

/// Spellings of the close adjusted for splits and dividends, as [`plain`] writes them.
pub(super) const ADJUSTED: [&str; 9] = [
    "adjclose",
    "adjustedclose",
    "closeadj",
    "closeadjusted",
    "adjusted",
    "adjcloseprice",
    "adjustedcloseprice",
    "adjprice",
    "adjustedprice",
];
/// Spellings of the close.
pub(super) const CLOSE: [&str; 6] = ["close", "closelast", "last", "closeprice", "price", "closingprice"];

/// The column of each field of one symbol.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<String, usize>);

impl Places {
    /// Places from columns and their names; of columns with the same name the first counts.
    pub fn of(names: impl Iterator<Item = (usize, String)>) -> Self {
        let mut places = BTreeMap::new();
        names.for_each(|(column, name)| {
            let name = plain(unnumbered(&name));
            places.entry(name).or_insert(column);
        });
        Self(places)
    }

    pub fn find(&self, spellings: &[&str]) -> Option<usize> {
        spellings.iter().find_map(|spelling| self.0.get(*spelling).copied())
    }

    /// The column of prices, and whether they are adjusted.
    pub fn value(&self) -> Option<(usize, bool)> {
        // Units and currencies may follow: Adj Close (USD).
        let begins = |name: &&String| ADJUSTED[..4].iter().any(|spelling| name.starts_with(spelling));
        let longer = || self.0.keys().find(begins).map(|name| self.0[name]);
        let adjusted = self.find(&ADJUSTED).or_else(longer).map(|column| (column, true));
        adjusted.or_else(|| self.find(&CLOSE).map(|column| (column, false)))
    }
}

/// Whether a table has a close and also other prices or the volume of the day, or nothing but a date and a close.
pub(super) fn looks_like(columns: &Columns) -> bool {
    let places = Places::of(columns.names().into_iter().enumerate());
    let others = ["open", "high", "low", "volume", "vol"].iter().filter(|name| places.find(&[name]).is_some()).count();
    let is_alone = columns.names().len() == 2;
    places.value().is_some()
        && (is_alone || others > 0 || (places.find(&ADJUSTED).is_some() && places.find(&CLOSE).is_some()))
}

/// Imports a file of one symbol, or of several.
pub(super) fn import(columns: &Columns, roles: &Roles<'_>, options: &Options) -> Result<(Aligned, Vec<String>)> {
    let mut observations = Observations::new(options.values, Some(ValueKind::Prices), true);
    let symbol = symbol(columns.path());
    let adjusted = observe(columns, roles.dates()?, &symbol, options, &mut observations)?;
    let n_symbols = adjusted.len();
    let n_adjusted = adjusted.iter().filter(|adjusted| **adjusted).count();
    let symbols = if n_symbols == 1 { "1 symbol".to_string() } else { format!("{n_symbols} symbols") };
    let notes = vec![format!("{}: {symbols}, {}", file_name(columns.path()), told(n_adjusted, n_symbols))];
    Ok((observations.align()?, notes))
}

/// A line for the user on which closes were used.
pub(super) fn told(n_adjusted: usize, n: usize) -> String {
    match n_adjusted {
        0 => "prices from the close; there is no adjusted close, so splits and dividends are as the source left them"
            .to_string(),
        some if some == n => "prices from the adjusted close".to_string(),
        some => format!("prices from the adjusted close of {some}, from the close of the other {}", n - some),
    }
}

/// Adds all rows of a file; returns for each symbol whether its closes are adjusted.
pub(super) fn observe(
    columns: &Columns,
    dates: &[Date],
    symbol: &str,
    options: &Options,
    observations: &mut Observations,
) -> Result<Vec<bool>> {
    let mut symbols: Vec<(String, Vec<(usize, String)>)> = Vec::new();
    match columns.levels() {
        None => symbols.push((symbol.to_string(), columns.names().into_iter().enumerate().collect())),
        Some(levels) => {
            for (column, (field, symbol)) in levels.into_iter().enumerate().filter(|(_, (field, _))| !field.is_empty())
            {
                match symbols.iter_mut().find(|(known, _)| *known == symbol) {
                    Some((_, names)) => names.push((column, field)),
                    None => symbols.push((symbol, vec![(column, field)])),
                }
            }
        }
    }
    let mut adjusted = Vec::new();
    for (symbol, names) in symbols {
        let mut seen = std::collections::HashSet::new();
        if let Some((column, field)) = names.iter().find(|(_, field)| !seen.insert(plain(field))) {
            let rule = format!("column {} is a second {field} of {symbol}; drop one of them", column + 1);
            return Err(Error::data(columns.path().display().to_string(), rule));
        }
        let places = Places::of(names.into_iter());
        adjusted.push(of_symbol(columns, dates, &symbol, &places, options, observations)?);
    }
    Ok(adjusted)
}

fn of_symbol(
    columns: &Columns,
    dates: &[Date],
    symbol: &str,
    places: &Places,
    options: &Options,
    observations: &mut Observations,
) -> Result<bool> {
    let Some((value, is_adjusted)) = places.value() else {
        let rule = format!(
            "no close for {symbol}: a column 'close' or 'adj close' is needed; columns are {}",
            columns.names().join(", ")
        );
        return Err(Error::data(columns.path().display().to_string(), rule));
    };
    let numbers = |column: usize| columns.values_at(column, &options.missing);
    let optional = |spellings: &[&str]| places.find(spellings).map(numbers).transpose();
    let values = numbers(value)?;
    let close = optional(&CLOSE)?.unwrap_or_else(|| values.clone());
    let (volume, split) = (optional(&["volume", "vol"])?, optional(&["splitratio", "split"])?);
    let (high, low, open) = (optional(&["high"])?, optional(&["low"])?, optional(&["open"])?);
    let file = observations.file(columns.path().display().to_string());
    observations.asset(symbol);
    for row in 0..columns.n_rows() {
        let of = |series: &Option<Vec<f64>>| series.as_ref().map_or(f64::NAN, |series| series[row]);
        // Sources write 0 for a price that they do not know.
        let over_close =
            |series: &Option<Vec<f64>>| if of(series) == 0.0 { f64::NAN } else { of(series) / close[row] - 1.0 };
        let fields = Field::ALL.map(|field| match field {
            Field::DollarVolume => of(&volume) * close[row],
            Field::High => over_close(&high),
            Field::Low => over_close(&low),
            Field::Open => over_close(&open),
            Field::Split if of(&split) > 0.0 => of(&split),
            Field::Price | Field::MarketValue | Field::SharesOutstanding | Field::Split => f64::NAN,
        } as f32);
        let row_number = columns.row_number(row);
        observations.push(symbol, Observation { date: dates[row], value: values[row], fields, file, row: row_number });
    }
    Ok(is_adjusted)
}
