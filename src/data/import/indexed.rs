//! A folder in compact form: `<name>_daily.parquet` with `asset, day, ret_e6, ldv200, high_e4, low_e4`, where asset
//! and day are row numbers of `assets.parquet` and `calendar.parquet`, and, where present, `monthly.parquet` with
//! month-end prices and market values.
//!
//! ```text
//! return = ret_e6 / 10⁶,   dollar volume = exp(ldv200 / 200), 0 unknown,   high, low = value / 10⁴, −32768 unknown
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::calendar::Calendar;
use crate::data::frame::Columns;
use crate::data::options::NotANumber;
use crate::data::table::{Table, read_cells};
use crate::data::words::file_name;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::panel::{Asset, Field, Panel};

pub(super) fn import(folder: &Path) -> Result<(Panel, Vec<String>)> {
    let file = daily_file(folder)?;
    let named = |error: Error| Error::data(folder.display().to_string(), error.to_string());
    let calendar = Calendar::new(Table::read_dates(&folder.join("calendar.parquet"), "date")?).map_err(named)?;
    let assets = read_assets(&folder.join("assets.parquet"))?;
    let cells = read_cells(&file, calendar.n_days(), assets.len())?;
    let (calendar, cells, n_empty) = traded(calendar, cells)?;
    let n_days = calendar.n_days();
    let mut returns = vec![f64::NAN; n_days * assets.len()];
    for (row, (&cell, millionths)) in cells.iter().zip(Table::read_numbers(&file, "ret_e6")?).enumerate() {
        if !returns[cell].is_nan() {
            let (asset, date) = (&assets[cell / n_days].symbol, calendar.date(cell % n_days));
            let place = format!("{}, row {}, asset {asset}, {date}", file.display(), row + 1);
            return Err(Error::data(place, "duplicate (date, asset)"));
        }
        returns[cell] = millionths * 1e-6;
    }
    let mut fields = BTreeMap::new();
    let (held, mut missing) = (Table::names(&file)?, Vec::new());
    for (field, column) in [(Field::DollarVolume, "ldv200"), (Field::High, "high_e4"), (Field::Low, "low_e4")] {
        let decode = |x: f64| match field {
            Field::DollarVolume if x == 0.0 => f64::NAN,
            Field::DollarVolume => (x / 200.0).exp(),
            _ if x == -32768.0 => f64::NAN,
            _ => x * 1e-4,
        };
        if !held.iter().any(|name| name == column) {
            missing.push(column);
            continue;
        }
        let mut series = vec![f32::NAN; returns.len()];
        let values = Table::read_numbers(&file, column)?;
        cells.iter().zip(values).for_each(|(&cell, x)| series[cell] = decode(x) as f32);
        fields.insert(field, series);
    }
    let mut notes = vec![format!("{}: {} returns", file_name(&file), cells.len())];
    if !missing.is_empty() {
        notes.push(format!("{}: has no {}, which stay unknown", file_name(&file), missing.join(", ")));
    }
    if n_empty > 0 {
        notes.push(format!("{n_empty} days on which no asset has a value are left out as non-trading days"));
    }
    let monthly = folder.join("monthly.parquet");
    if monthly.exists() {
        add_month_ends(&monthly, &calendar, &returns, assets.len(), &mut fields)?;
        notes.push("monthly.parquet: prices as traded and market values at month ends".to_string());
    }
    let returns = Matrix::from_column_major(n_days, assets.len(), returns);
    Ok((Panel::new(calendar, assets, returns, fields).map_err(named)?, notes))
}

/// Drops the days on which no asset has a value. Returns the remaining calendar, the cells renumbered for it, and the
/// number of days dropped. The first day stays: its prices have no return.
fn traded(calendar: Calendar, mut cells: Vec<usize>) -> Result<(Calendar, Vec<usize>, usize)> {
    let n_days = calendar.n_days();
    let mut has_value = vec![false; n_days];
    cells.iter().for_each(|cell| has_value[cell % n_days] = true);
    has_value.iter_mut().take(1).for_each(|first| *first = true);
    let kept: Vec<usize> = (0..n_days).filter(|day| has_value[*day]).collect();
    if kept.len() == n_days {
        return Ok((calendar, cells, 0));
    }
    let mut place = vec![0; n_days];
    kept.iter().enumerate().for_each(|(new, day)| place[*day] = new);
    cells.iter_mut().for_each(|cell| *cell = *cell / n_days * kept.len() + place[*cell % n_days]);
    let dates = kept.iter().map(|day| calendar.date(*day)).collect();
    Ok((Calendar::new(dates)?, cells, n_days - kept.len()))
}

fn daily_file(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let daily = paths.into_iter().find(|path| path.to_string_lossy().ends_with("_daily.parquet"));
    daily.ok_or_else(|| Error::data(folder.display().to_string(), "no file <name>_daily.parquet"))
}

/// What the column `ended` says of a listing that ended; any other text means that the source ends there, or the panel.
const LEFT: &str = "left";

fn read_assets(path: &Path) -> Result<Vec<Asset>> {
    let frame = Columns::read(path)?;
    let symbols = frame.texts(&frame.require(&["id", "symbol"])?)?;
    if let Some(row) = symbols.iter().position(|symbol| symbol.trim().is_empty()) {
        return Err(Error::data(frame.place(row), "the symbol is missing"));
    }
    let optional = |name: &str| match frame.find(&[name]) {
        Some(name) => frame.texts(&name),
        None => Ok(vec![String::new(); frame.n_rows()]),
    };
    let (names, sectors, twins) = (optional("name")?, optional("sector")?, optional("twin_of")?);
    let issuers = issuers(&symbols, &twins);
    let ends = frame.find(&["ended"]).map(|name| frame.texts(&name)).transpose()?;
    let left = |row: usize| ends.as_ref().map(|ends| ends[row] == LEFT);
    let rows = symbols.into_iter().zip(names).zip(sectors).zip(issuers).enumerate();
    Ok(rows
        .map(|(row, (((symbol, name), sector), issuer))| Asset {
            symbol,
            name,
            sector,
            issuer,
            left: left(row),
            ..Asset::default()
        })
        .collect())
}

/// One name for each group of twins: the first symbol of the group. Twins of twins belong to the same group.
fn issuers(symbols: &[String], twins: &[String]) -> Vec<String> {
    let number: BTreeMap<&str, usize> = symbols.iter().enumerate().map(|(i, symbol)| (symbol.as_str(), i)).collect();
    let mut group: Vec<usize> = (0..symbols.len()).collect();
    for (i, twins) in twins.iter().enumerate() {
        for &j in twins.split('|').filter_map(|twin| number.get(twin)) {
            let (low, high) = (group[i].min(group[j]), group[i].max(group[j]));
            group.iter_mut().filter(|g| **g == high).for_each(|g| *g = low);
        }
    }
    let name = |(i, twins): (usize, &String)| {
        let alone = twins.is_empty() && !group.iter().enumerate().any(|(j, g)| j != i && *g == group[i]);
        if alone { String::new() } else { symbols[group[i]].clone() }
    };
    twins.iter().enumerate().map(name).collect()
}

/// Assigns month-end prices (dollars) and market values to the day of each asset's last return in the month.
fn add_month_ends(
    path: &Path,
    calendar: &Calendar,
    returns: &[f64],
    n_assets: usize,
    fields: &mut BTreeMap<Field, Vec<f32>>,
) -> Result<()> {
    let frame = Columns::read(path)?;
    let (months, assets) = (frame.dates(&frame.require(&["month"])?)?, Table::read_counts(path, "asset")?);
    let n_days = calendar.n_days();
    for (field, column) in [(Field::Price, "price_as_traded"), (Field::MarketValue, "market_value")] {
        let values = frame.numbers(&frame.require(&[column])?, NotANumber::Missing)?;
        let mut series = vec![f32::NAN; returns.len()];
        for ((month, &asset), value) in months.iter().zip(&assets).zip(values).filter(|(_, value)| !value.is_nan()) {
            let days = calendar.first_on_or_after(month.first_of_month())
                ..calendar.first_on_or_after(month.last_of_month().tomorrow().unwrap_or(*month));
            let asset = asset as usize;
            let last = days.rev().find(|day| asset < n_assets && !returns[asset * n_days + day].is_nan());
            if let Some(day) = last {
                series[asset * n_days + day] = value as f32;
            }
        }
        fields.insert(field, series);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_volumes_may_be_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let dates = [2, 3].map(|day| jiff::civil::date(2020, 1, day));
        Table::default().with_dates("date", dates).write_parquet(&file("calendar.parquet")).unwrap();
        Table::default().with_texts("symbol", ["A"]).write_parquet(&file("assets.parquet")).unwrap();
        Table::default()
            .with_counts("asset", [0, 0])
            .with_counts("day", [0, 1])
            .with_numbers("ret_e6", [10_000.0, -20_000.0])
            .with_numbers("high_e4", [100.0, 0.0])
            .write_parquet(&file("x_daily.parquet"))
            .unwrap();
        let (panel, notes) = import(folder.path()).unwrap();
        assert_eq!(panel.returns(0), [0.01, -0.02]);
        assert_eq!(panel.fields().collect::<Vec<_>>(), [Field::High]);
        assert!(notes[1].ends_with("has no ldv200, low_e4, which stay unknown"), "{notes:?}");
    }

    #[test]
    fn days_without_a_value_go_but_the_first() {
        let days: Vec<_> = (1..6).map(|day| jiff::civil::date(2020, 1, day)).collect();
        let (calendar, cells, n_empty) = traded(Calendar::new(days.clone()).unwrap(), vec![1, 3, 4, 8]).unwrap();
        assert_eq!((calendar.dates(), n_empty), (&[days[0], days[1], days[3], days[4]][..], 1));
        // Day 3 of the second asset is now its third day, with index 2.
        assert_eq!(cells, [1, 2, 3, 6]);
    }

    #[test]
    fn twins_of_twins_share_an_issuer() {
        let symbols = ["A", "B", "C", "D"].map(String::from);
        let twins = ["", "C|A", "B", ""].map(String::from);
        assert_eq!(issuers(&symbols, &twins), ["A", "A", "A", ""]);
    }
}
