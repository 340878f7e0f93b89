//! A file as columns, with errors that name file, row and column.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use polars::prelude::{CsvEncoding, CsvParseOptions, CsvReadOptions, DataFrame, DataType, ParquetReader, SerReader};

use crate::calendar::{Date, date_from_epoch, parse_date};
use crate::data::import::NotANumber;
use crate::data::table::{dates, numbers, texts, unusable};
use crate::error::{Error, Result};

/// A CSV or Parquet file in memory. CSV cells stay text until a column is asked for, so that a bad one is named.
pub struct Columns {
    path: PathBuf,
    frame: DataFrame,
    /// What a person calls the first data row: line 2 of a CSV file, row 1 of a Parquet file.
    first_row: usize,
}

impl Columns {
    /// Reads a file by its extension.
    pub fn read(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_lowercase();
        match extension.as_str() {
            "parquet" => {
                let file = File::open(path).map_err(Error::io(path))?;
                let frame = ParquetReader::new(file).finish().map_err(unusable(path))?;
                Ok(Self { path: path.to_path_buf(), frame, first_row: 1 })
            }
            "csv" | "txt" => {
                let separator = separator(path)?;
                let parse =
                    |options: CsvParseOptions| options.with_separator(separator).with_encoding(CsvEncoding::LossyUtf8);
                let options = CsvReadOptions::default().with_infer_schema_length(Some(0)).map_parse_options(parse);
                let reader = options.try_into_reader_with_file_path(Some(path.to_path_buf()));
                let frame = reader.and_then(|reader| reader.finish()).map_err(unusable(path))?;
                Ok(Self { path: path.to_path_buf(), frame, first_row: 2 })
            }
            _ => Err(Error::data(path.display().to_string(), "a data file ends in .csv, .txt or .parquet")),
        }
    }

    /// Column names as they stand in the file.
    pub fn names(&self) -> Vec<String> {
        self.frame.get_column_names().iter().map(|name| name.to_string()).collect()
    }

    /// Number of data rows.
    pub fn n_rows(&self) -> usize {
        self.frame.height()
    }

    /// The first column that carries one of these names, ignoring case, blanks, `_` and Stooq's angle brackets.
    pub fn find(&self, aliases: &[&str]) -> Option<String> {
        let plain = |name: &str| name.to_lowercase().replace(['<', '>', '_', ' '], "");
        let names = self.names();
        aliases.iter().find_map(|alias| names.iter().find(|name| plain(name) == plain(alias)).cloned())
    }

    /// The same, or an error that lists what the file has.
    pub fn require(&self, aliases: &[&str]) -> Result<String> {
        self.find(aliases).ok_or_else(|| {
            let (wanted, found) = (aliases.join("' or '"), self.names().join(", "));
            Error::data(self.path.display().to_string(), format!("no column '{wanted}'; columns are {found}"))
        })
    }

    /// What a person calls a row: its line in a CSV file, its number from 1 in a Parquet file.
    pub fn row_number(&self, row: usize) -> u32 {
        (row + self.first_row) as u32
    }

    /// The file and the row, for messages.
    pub fn place(&self, row: usize) -> String {
        format!("{}, row {}", self.path.display(), self.row_number(row))
    }

    /// A column of dates, none missing.
    pub fn dates(&self, name: &str) -> Result<Vec<Date>> {
        let bad =
            |row: usize, text: &str| Error::data(self.place(row), format!("'{text}' in column {name} is not a date"));
        let column = self.frame.column(name).map_err(unusable(&self.path))?;
        if matches!(column.dtype(), DataType::Date | DataType::Datetime(..)) {
            let days = dates(&self.frame, name).map_err(unusable(&self.path))?;
            let date = |(row, day): (usize, Option<i32>)| day.and_then(date_from_epoch).ok_or_else(|| bad(row, "null"));
            return days.into_iter().enumerate().map(date).collect();
        }
        let texts = self.texts(name)?;
        texts.iter().enumerate().map(|(row, text)| parse_date(text).ok_or_else(|| bad(row, text))).collect()
    }

    /// A column of text, empty where missing.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        texts(&self.frame, name).map_err(unusable(&self.path))
    }

    /// A column of numbers, NaN where missing: an empty cell, a null or `NA`; a literal NaN by the given rule.
    pub fn numbers(&self, name: &str, not_a_number: NotANumber) -> Result<Vec<f64>> {
        let column = self.frame.column(name).map_err(unusable(&self.path))?;
        let rule = |row: usize, text: &str| {
            let rule = format!(
                "'{text}' in column {name} is not a finite number; leave missing values empty, \
                 or import with --nan missing"
            );
            Error::data(self.place(row), rule)
        };
        let accept = |row: usize, x: f64, text: &str| {
            let missing = x.is_nan() && not_a_number == NotANumber::Missing;
            if x.is_finite() || missing { Ok(x) } else { Err(rule(row, text)) }
        };
        if column.dtype().is_primitive_numeric() {
            let is_null: Vec<bool> = column.is_null().iter().map(|null| null.unwrap_or(false)).collect();
            let values = numbers(&self.frame, name).map_err(unusable(&self.path))?;
            let value = |(row, (x, null)): (usize, (f64, bool))| {
                if null { Ok(f64::NAN) } else { accept(row, x, &x.to_string()) }
            };
            return values.into_iter().zip(is_null).enumerate().map(value).collect();
        }
        let parse = |(row, text): (usize, String)| match text.trim() {
            "" | "NA" | "null" => Ok(f64::NAN),
            text => accept(row, text.parse().map_err(|_| rule(row, text))?, text),
        };
        self.texts(name)?.into_iter().enumerate().map(parse).collect()
    }

    /// Rows as values of a type whose fields are columns; those named in `texts` are text, all others numbers, NaN where empty.
    pub fn rows<T: serde::de::DeserializeOwned>(&self, texts: &[&str]) -> Result<Vec<T>> {
        let names = self.names();
        let columns = names.iter().map(|name| self.texts(name)).collect::<Result<Vec<_>>>()?;
        let value = |name: &str, cell: &str| -> Option<toml::Value> {
            if texts.contains(&name) {
                return Some(toml::Value::String(cell.to_string()));
            }
            let number = || cell.parse().ok().map(toml::Value::Float);
            match cell {
                "" => Some(toml::Value::Float(f64::NAN)),
                _ => cell.parse().ok().map(toml::Value::Integer).or_else(number),
            }
        };
        let row = |row: usize| {
            let mut fields = toml::Table::new();
            for (name, column) in names.iter().zip(&columns) {
                let value = value(name, &column[row]).ok_or_else(|| {
                    Error::data(self.place(row), format!("'{}' in column {name} is not a number", column[row]))
                })?;
                fields.insert(name.clone(), value);
            }
            T::deserialize(fields).map_err(|error| Error::data(self.place(row), error.message().replace('\n', " ")))
        };
        (0..self.n_rows()).map(row).collect()
    }

    /// Numbers with a code instead of a value now and then (CRSP), NaN for the code.
    pub fn numbers_or_codes(&self, name: &str) -> Result<Vec<f64>> {
        let texts = self.texts(name)?;
        Ok(texts.iter().map(|text| text.trim().parse().unwrap_or(f64::NAN)).collect())
    }
}

/// The commonest of comma, semicolon and tab in the header line.
fn separator(path: &Path) -> Result<u8> {
    let mut header = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    BufReader::new(file).read_until(b'\n', &mut header).map_err(Error::io(path))?;
    let count = |separator: &u8| header.iter().filter(|byte| *byte == separator).count();
    Ok([b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')) // the last wins a tie
}
