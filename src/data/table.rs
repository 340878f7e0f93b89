//! Named columns of equal length, to and from Parquet and CSV.

use std::fs::File;
use std::path::Path;

use polars::prelude::{
    Column, CsvWriter, DataFrame, DataType, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, SerWriter,
    Series,
};

use crate::calendar::{Date, date_from_epoch, days_since_epoch};
use crate::data::files::write_atomically;
use crate::data::guard::{damaged, guarded};
use crate::data::pages::check_pages;
use crate::error::{Error, Result};
use crate::memory;

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Civil dates.
    Dates(Vec<Date>),
    /// Text.
    Texts(Vec<String>),
    /// Text as indices into a list of names, for long columns of few different words.
    Names(Vec<usize>, Vec<String>),
    /// Doubles; NaN is written as a missing value.
    Numbers(Vec<f64>),
    /// Numbers in single precision, for long series whose further digits mean nothing; NaN is written as a missing
    /// value.
    Singles(Vec<f32>),
    /// Counts and row numbers.
    Counts(Vec<u32>),
}

/// A table, built column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Values)>,
}

impl Table {
    /// Adds a column.
    pub fn with(mut self, name: &str, values: Values) -> Self {
        self.columns.push((name.to_string(), values));
        self
    }

    /// Adds a column of text.
    pub fn with_texts(self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(name, Values::Texts(values.into_iter().map(Into::into).collect()))
    }

    /// Adds a column of text that repeats a few names; each row is an index into `names`.
    pub fn with_names(self, name: &str, rows: impl IntoIterator<Item = usize>, names: Vec<String>) -> Self {
        self.with(name, Values::Names(rows.into_iter().collect(), names))
    }

    /// Adds a column of numbers.
    pub fn with_numbers(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.with(name, Values::Numbers(values.into_iter().collect()))
    }

    /// Adds a column of numbers in single precision.
    pub fn with_singles(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.with(name, Values::Singles(values.into_iter().map(|x| x as f32).collect()))
    }

    /// Adds a column of counts.
    pub fn with_counts(self, name: &str, values: impl IntoIterator<Item = usize>) -> Self {
        let count = |n: usize| u32::try_from(n).expect("a count fits 32 bits");
        self.with(name, Values::Counts(values.into_iter().map(count).collect()))
    }

    /// Adds a column of dates.
    pub fn with_dates(self, name: &str, values: impl IntoIterator<Item = Date>) -> Self {
        self.with(name, Values::Dates(values.into_iter().collect()))
    }

    /// Writes a Parquet file atomically.
    pub fn write_parquet(self, path: &Path) -> Result<()> {
        let mut frame = self.frame(path)?;
        write_atomically(path, |file| ParquetWriter::new(file).finish(&mut frame).map(|_| ()).map_err(unusable(path)))
    }

    /// Writes a CSV file atomically.
    pub fn write_csv(self, path: &Path) -> Result<()> {
        let mut frame = self.frame(path)?;
        write_atomically(path, |file| CsvWriter::new(file).finish(&mut frame).map_err(unusable(path)))
    }

    /// Names of a Parquet file's columns.
    pub fn names(path: &Path) -> Result<Vec<String>> {
        guarded(path, || {
            let file = File::open(path).map_err(Error::io(path))?;
            let schema = ParquetReader::new(file).schema().map_err(unusable(path))?;
            Ok(schema.iter_names().map(|name| name.to_string()).collect())
        })
    }

    /// Reads a column of numbers of a Parquet file, NaN where missing.
    pub fn read_numbers(path: &Path, name: &str) -> Result<Vec<f64>> {
        numbers(&read_columns(path, &[name])?, name).map_err(unusable(path))
    }

    /// Reads a column of text of a Parquet file.
    pub fn read_texts(path: &Path, name: &str) -> Result<Vec<String>> {
        texts(&read_columns(path, &[name])?, name).map_err(unusable(path))
    }

    /// Reads a column of dates of a Parquet file.
    pub fn read_dates(path: &Path, name: &str) -> Result<Vec<Date>> {
        let days = dates(&read_columns(path, &[name])?, name).map_err(unusable(path))?;
        let date = |(row, day): (usize, Option<i32>)| {
            let place = || format!("{}, row {}, column {name}", path.display(), row + 1);
            day.and_then(date_from_epoch).ok_or_else(|| Error::data(place(), "date is missing or out of range"))
        };
        days.into_iter().enumerate().map(date).collect()
    }

    /// Reads a column of counts of a Parquet file.
    pub fn read_counts(path: &Path, name: &str) -> Result<Vec<u32>> {
        let frame = read_columns(path, &[name])?;
        let column = frame.column(name).and_then(|c| c.cast(&DataType::UInt32)).map_err(unusable(path))?;
        let counts = column.u32().map_err(unusable(path))?;
        if counts.null_count() > 0 {
            return Err(Error::data(format!("{}, column {name}", path.display()), "row numbers must not be missing"));
        }
        Ok(counts.into_no_null_iter().collect())
    }

    pub(super) fn frame(self, path: &Path) -> Result<DataFrame> {
        let columns = self.columns.into_iter().map(|(name, values)| column(&name, values)).collect();
        DataFrame::new_infer_height(columns).map_err(unusable(path))
    }
}

fn column(name: &str, values: Values) -> Column {
    match values {
        Values::Dates(dates) => {
            let days: Vec<i32> = dates.into_iter().map(days_since_epoch).collect();
            let days = Series::new(name.into(), days).cast(&DataType::Date);
            days.expect("days since 1970 are dates").into_column()
        }
        Values::Texts(texts) => Series::new(name.into(), texts).into_column(),
        Values::Names(rows, names) => {
            let texts: Vec<&str> = rows.iter().map(|row| names[*row].as_str()).collect();
            Series::new(name.into(), texts).into_column()
        }
        // Polars takes a column without missing values as it is.
        Values::Numbers(numbers) if numbers.iter().all(|x| !x.is_nan()) => {
            Series::new(name.into(), numbers).into_column()
        }
        Values::Numbers(numbers) => {
            let known: Vec<Option<f64>> = numbers.into_iter().map(|x| (!x.is_nan()).then_some(x)).collect();
            Series::new(name.into(), known).into_column()
        }
        Values::Singles(singles) => {
            let known: Vec<Option<f32>> = singles.into_iter().map(|x| (!x.is_nan()).then_some(x)).collect();
            Series::new(name.into(), known).into_column()
        }
        Values::Counts(counts) => Series::new(name.into(), counts).into_column(),
    }
}

/// Reads some columns of a Parquet file. Fails if one is missing or the machine's memory is too small.
pub(super) fn read_columns(path: &Path, names: &[&str]) -> Result<DataFrame> {
    guarded(path, || {
        let mut reader = ParquetReader::new(File::open(path).map_err(Error::io(path))?);
        let footer = reader.get_metadata().map_err(unusable(path))?.clone();
        let n_rows = footer.num_rows as f64;
        // While it is read, a column is held twice.
        memory::require(16.0 * n_rows * names.len() as f64, &format!("{}, with {n_rows} rows,", path.display()))?;
        check_pages(path, &footer)?;
        let schema = reader.schema().map_err(unusable(path))?;
        if let Some(missing) = names.iter().find(|name| schema.get(name).is_none()) {
            return Err(Error::data(path.display().to_string(), format!("the file has no column {missing}")));
        }
        let names = names.iter().map(|name| name.to_string()).collect();
        let frame = reader.with_columns(Some(names)).finish().map_err(unusable(path))?;
        // A damaged page of one column may decode to fewer rows than the others have.
        let is_short = frame.columns().iter().any(|column| column.len() as f64 != n_rows);
        if is_short { Err(damaged(path)) } else { Ok(frame) }
    })
}

/// Position of each row of a Parquet file with columns `asset` and `day` in a column-major array of days × assets.
pub(super) fn read_cells(path: &Path, n_days: usize, n_assets: usize) -> Result<Vec<usize>> {
    let pairs = Table::read_counts(path, "asset")?.into_iter().zip(Table::read_counts(path, "day")?);
    let cell = |(row, (asset, day)): (usize, (u32, u32))| {
        if asset as usize >= n_assets || day as usize >= n_days {
            let place = format!("{}, row {}", path.display(), row + 1);
            return Err(Error::data(place, format!("asset {asset} or day {day} is not in the panel")));
        }
        Ok(asset as usize * n_days + day as usize)
    };
    pairs.enumerate().map(cell).collect()
}

/// A column as doubles, NaN where missing.
pub(super) fn numbers(frame: &DataFrame, name: &str) -> polars::prelude::PolarsResult<Vec<f64>> {
    let column = frame.column(name)?.cast(&DataType::Float64)?;
    Ok(column.f64()?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// A column as text, empty where missing.
pub(super) fn texts(frame: &DataFrame, name: &str) -> polars::prelude::PolarsResult<Vec<String>> {
    let column = frame.column(name)?.cast(&DataType::String)?;
    Ok(column.str()?.iter().map(|text| text.unwrap_or("").to_string()).collect())
}

/// A column as days since 1970.
pub(super) fn dates(frame: &DataFrame, name: &str) -> polars::prelude::PolarsResult<Vec<Option<i32>>> {
    let column = frame.column(name)?.cast(&DataType::Date)?.cast(&DataType::Int32)?;
    Ok(column.i32()?.iter().collect())
}

/// Turns a polars error into one of ours with the file it concerns. The text of other than I/O errors is dropped: it
/// is meant for the authors of polars.
pub(super) fn unusable(path: &Path) -> impl Fn(polars::prelude::PolarsError) -> Error + '_ {
    move |error| match error {
        polars::prelude::PolarsError::IO { error, .. } => {
            Error::io(path)(std::io::Error::new(error.kind(), error.to_string()))
        }
        _ => damaged(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_parquet_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let date = jiff::civil::date(2024, 2, 29);
        Table::default()
            .with_dates("date", [date, date])
            .with_texts("name", ["a", ""])
            .with_names("word", [1, 0], vec!["no".to_string(), "yes".to_string()])
            .with_numbers("x", [f64::NAN, 0.1])
            .with_counts("n", [7, 0])
            .write_parquet(&path)
            .unwrap();
        assert_eq!(Table::read_dates(&path, "date").unwrap(), [date, date]);
        assert_eq!(Table::read_texts(&path, "name").unwrap(), ["a", ""]);
        assert_eq!(Table::read_texts(&path, "word").unwrap(), ["yes", "no"]);
        let x = Table::read_numbers(&path, "x").unwrap();
        assert!(x[0].is_nan() && x[1] == 0.1);
        assert_eq!(Table::read_counts(&path, "n").unwrap(), [7, 0]);
        assert!(Table::read_numbers(&path, "y").unwrap_err().to_string().contains("table.parquet"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
    }
}
