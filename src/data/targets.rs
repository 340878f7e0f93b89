//! Target weights and rates of interest from a user's files.
//!
//! ```text
//! long   date, asset|symbol|ticker, weight and, if the file has several portfolios, estimator, allocator, portfolio
//! wide   date and one column of weights per asset; an empty cell means that nothing is held
//! rates  date and one column of rates in percent a year
//! ```

use std::ops::Range;
use std::path::Path;

use crate::calendar::Date;
use crate::data::frame::Columns;
use crate::data::import::ASSET;
use crate::data::options::Options;
use crate::data::roles::{Role, Roles};
use crate::data::units::ValueKind;
use crate::error::{Error, Result};

/// Usual names of a column of weights.
const WEIGHT: &[&str] = &["weight", "weights", "target_weight", "target", "w", "allocation", "position"];
/// Usual names of a column that distinguishes portfolios in a file without estimator and allocator.
const PORTFOLIO: &[&str] = &["portfolio", "strategy", "model", "label"];

/// Rows of a weights file.
pub struct WeightRows {
    /// Decision date, in whose auctions the weights are traded.
    pub dates: Vec<Date>,
    /// Label of the estimator, or of the portfolio; empty where the file has none.
    pub estimators: Vec<String>,
    /// Label of the allocator; empty where the file has none.
    pub allocators: Vec<String>,
    /// Symbol of the asset.
    pub assets: Vec<String>,
    /// Weight as a share of equity.
    pub weights: Vec<f64>,
    /// Lines for the user on how the file was read.
    pub notes: Vec<String>,
    /// The row of the file that each entry comes from.
    rows: Vec<usize>,
    columns: Columns,
}

impl WeightRows {
    /// Stretches of consecutive rows with the same portfolio and date.
    pub fn stretches(&self) -> impl Iterator<Item = Range<usize>> {
        let label = |row: usize| (self.dates[row], &self.estimators[row], &self.allocators[row]);
        let mut start = 0;
        std::iter::from_fn(move || {
            let first = start;
            let key = (first < self.dates.len()).then(|| label(first))?;
            start = (first + 1..self.dates.len()).find(|row| label(*row) != key).unwrap_or(self.dates.len());
            Some(first..start)
        })
    }

    /// File, row, asset and date of an entry, for messages.
    pub fn place(&self, row: usize) -> String {
        format!("{}, asset {}, {}", self.columns.place(self.rows[row]), self.assets[row], self.dates[row])
    }
}

/// Reads a weights file. With [`ValueKind::Percent`] weights are divided by 100. Fails if dates, assets or weights
/// cannot be found or a weight of a long file is missing.
pub fn read_weights(path: &Path, options: &Options) -> Result<WeightRows> {
    let columns = Columns::read(path)?;
    let roles = Roles::of_small_numbers(&columns, options)?;
    let (known, told, names) = (roles.dates()?.to_vec(), roles.told(), columns.names());
    for aliases in [ASSET, WEIGHT, PORTFOLIO, &["estimator"], &["allocator"]] {
        columns.check_spellings(aliases)?;
    }
    let asset = match columns.position(ASSET) {
        Some(column) if columns.position(WEIGHT).is_some() || roles.role(column)? != Role::Values => Some(column),
        _ => None,
    };
    let (assets, left_out) = if asset.is_none() { roles.assets()? } else { (Vec::new(), None) };
    let weight = match columns.position(WEIGHT) {
        None if asset.is_some() => match &roles.assets()?.0[..] {
            [column] => Some(*column),
            _ => None,
        },
        found => found,
    };
    let mut read = WeightRows {
        dates: Vec::new(),
        estimators: Vec::new(),
        allocators: Vec::new(),
        assets: Vec::new(),
        weights: Vec::new(),
        notes: columns.notes().to_vec(),
        rows: Vec::new(),
        columns,
    };
    read.notes.push(told);
    read.notes.extend(left_out);
    let unit = if options.values == ValueKind::Percent { 0.01 } else { 1.0 };
    let columns = &read.columns;
    let Some(asset) = asset else {
        let mut held: Vec<Vec<(&String, f64)>> = vec![Vec::new(); columns.n_rows()];
        for &column in &assets {
            let weights = columns.values_at(column, &options.missing)?;
            for (row, weight) in weights.into_iter().enumerate().filter(|(_, weight)| !weight.is_nan()) {
                held[row].push((&names[column], weight));
            }
        }
        // A row of empty cells means a portfolio that holds nothing, which is a target, too.
        held.iter_mut().filter(|row| row.is_empty()).for_each(|row| row.push((&names[assets[0]], 0.0)));
        let rows = held.into_iter().enumerate().flat_map(|(row, held)| held.into_iter().map(move |(a, w)| (row, a, w)));
        let rows: Vec<(usize, &String, f64)> = rows.collect();
        read.dates = rows.iter().map(|(row, ..)| known[*row]).collect();
        read.assets = rows.iter().map(|(_, asset, _)| asset.to_string()).collect();
        read.weights = rows.iter().map(|(.., weight)| unit * weight).collect();
        (read.estimators, read.allocators) = (vec![String::new(); rows.len()], vec![String::new(); rows.len()]);
        read.rows = rows.iter().map(|(row, ..)| *row).collect();
        read.notes.push("weights in one column per asset; empty cells mean that nothing is held".to_string());
        return Ok(read);
    };
    let texts = |aliases: &[&str]| match columns.position(aliases) {
        Some(column) => columns.texts_at(column),
        None => Ok(vec![String::new(); columns.n_rows()]),
    };
    let (mut estimators, allocators) = (texts(&["estimator"])?, texts(&["allocator"])?);
    if columns.position(&["estimator"]).is_none() {
        estimators = texts(PORTFOLIO)?;
    }
    let assets = columns.texts_at(asset)?;
    let weight = weight.ok_or_else(|| {
        let rule = format!("no column '{}'; columns are {}", WEIGHT.join("' or '"), names.join(", "));
        Error::data(path.display().to_string(), rule)
    })?;
    let weights = columns.values_at(weight, &options.missing)?;
    if let Some(row) = weights.iter().position(|weight| weight.is_nan()) {
        return Err(Error::data(columns.place(row), "weight is missing"));
    }
    read.rows = (0..weights.len()).collect();
    read.weights = weights.into_iter().map(|weight| unit * weight).collect();
    (read.dates, read.estimators, read.allocators) = (known, estimators, allocators);
    read.assets = assets.iter().map(|asset| asset.trim().to_string()).collect();
    Ok(read)
}

/// A daily series of interest rates.
pub struct RateRows {
    /// Days, ascending.
    pub dates: Vec<Date>,
    /// Percent a year.
    pub percent: Vec<f64>,
    /// Lines for the user on how the file was read.
    pub notes: Vec<String>,
}

/// Reads a file of daily rates: dates, and one column with percent a year. Days without a rate are left out. Refuses
/// several columns of numbers and repeated dates.
pub fn read_rates(path: &Path, options: &Options) -> Result<RateRows> {
    let columns = Columns::read(path)?;
    let roles = Roles::of_small_numbers(&columns, options)?;
    let (dates, (values, left_out)) = (roles.dates()?, roles.assets()?);
    let names = columns.names();
    let refuse = |place: String, rule: String| Err(Error::data(place, rule));
    let [value] = values[..] else {
        let both: Vec<&str> = values.iter().map(|column| names[*column].as_str()).collect();
        let rule = format!("columns {} all hold numbers; keep the dates and one column of rates", both.join(", "));
        return refuse(path.display().to_string(), rule);
    };
    let mut rates = columns.values_at(value, &options.missing)?;
    // A percent sign has divided the values by 100, but rates are in percent.
    let texts = columns.texts_at(value)?;
    let n_signs = texts.iter().filter(|text| text.trim_end().ends_with('%')).count();
    if n_signs > 0 {
        if let Some(row) = (0..rates.len()).find(|row| !rates[*row].is_nan() && !texts[*row].trim_end().ends_with('%'))
        {
            return refuse(columns.place(row), "other rates have a percent sign, but this one does not".to_string());
        }
        rates.iter_mut().for_each(|rate| *rate *= 100.0);
    }
    let mut rows: Vec<usize> = (0..rates.len()).filter(|row| !rates[*row].is_nan()).collect();
    rows.sort_by_key(|row| (dates[*row], *row));
    if let Some(pair) = rows.windows(2).find(|pair| dates[pair[0]] == dates[pair[1]]) {
        let (first, date) = (columns.row_number(pair[0]), dates[pair[1]]);
        return refuse(
            columns.place(pair[1]),
            format!("the date {date} is already in row {first}; keep one rate per day"),
        );
    }
    let (low, high) = rows
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), row| (low.min(rates[*row]), high.max(rates[*row])));
    let mut notes = columns.notes().to_vec();
    notes.push(roles.told());
    notes.extend(left_out);
    notes.push(format!("rates in percent a year from column {}, {low} to {high}", names[value]));
    if high < 0.2 && rows.first().is_some_and(|row| dates[*row].year() < 2008) {
        notes.push("look at: such low rates before 2008 look like fractions; they are taken as percent".to_string());
    }
    let (dates, percent) = rows.into_iter().map(|row| (dates[row], rates[row])).unzip();
    Ok(RateRows { dates, percent, notes })
}
