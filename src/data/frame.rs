//! A file as columns, with errors that name file, row and column. Every table that is read goes through it.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::datatypes::ArrowDataType;
use polars::prelude::{Column, DataFrame, DataType, ParquetReader, SerReader};

use crate::data::guard::{BYTES_A_CELL, damaged, guarded};
use crate::data::npy::read_npy;
use crate::data::numbers::{Decimal, MissingCodes, decimal, parse};
use crate::data::options::NotANumber;
use crate::data::pages::check_pages;
use crate::data::table::{numbers, texts, unusable};
use crate::data::text::TextTable;
use crate::data::words::{TEXT_ENDINGS, endings, plain};
use crate::error::{Error, Result, toml_message};
use crate::memory;

/// A CSV, Parquet or NumPy file in memory. Text cells stay text until a column is requested, so that an error can
/// name a bad one.
pub struct Columns {
    pub(super) path: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) cells: Cells,
}

pub(super) enum Cells {
    Text { table: TextTable, decimal: Decimal },
    Typed(DataFrame),
}

/// Counts of what the cells of a column hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub n_numbers: usize,
    pub n_missing: usize,
    /// The first row whose cell is neither a number nor missing.
    pub first_text: Option<usize>,
    pub n_texts: usize,
}

impl Columns {
    /// Reads a file by its ending: .csv, .txt, .tsv, .psv, .dat and the same with .gz; .parquet; .npy.
    pub fn read(path: &Path) -> Result<Self> {
        let (ending, inner) = endings(path);
        let is_text =
            TEXT_ENDINGS.contains(&ending.as_str()) || (ending == "gz" && TEXT_ENDINGS.contains(&inner.as_str()));
        match ending.as_str() {
            "parquet" | "pq" => Self::read_parquet(path),
            "npy" => Ok(Self::typed(path, read_npy(path)?)),
            _ if is_text => Self::read_text(path),
            _ => {
                let rule = "a data file ends in .csv, .txt, .tsv, .psv or .dat (each also with .gz), .parquet or .npy";
                std::fs::metadata(path).map_err(Error::io(path))?;
                Err(Error::data(path.display().to_string(), rule))
            }
        }
    }

    fn read_text(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
        memory::require(6.0 * length as f64, &place)?;
        let table = TextTable::parse(&std::fs::read(path).map_err(Error::io(path))?, &place)?;
        let all = (0..table.names.len()).flat_map(|column| table.column(column));
        let decimal = decimal(all, table.separator).map_err(|rule| Error::data(place, rule))?;
        let names = table.names.clone();
        Ok(Self { path: path.to_path_buf(), names, cells: Cells::Text { table, decimal } })
    }

    fn read_parquet(path: &Path) -> Result<Self> {
        let frame = guarded(path, || {
            let mut reader = ParquetReader::new(File::open(path).map_err(Error::io(path))?);
            let footer = reader.get_metadata().map_err(unusable(path))?.clone();
            let (n_rows, n_columns) = (footer.num_rows as f64, footer.schema_descr.columns().len() as f64);
            let names = footer.schema_descr.fields().iter().map(|field| field.name().trim().to_string());
            let names: Vec<String> = names.collect();
            check_different(&names, path)?;
            for (name, field) in reader.schema().map_err(unusable(path))?.iter() {
                if let Some(kind) = unreadable(field.dtype()) {
                    let rule = format!(
                        "column {name} holds {kind}, which minvar cannot read; write it as doubles, dates or text"
                    );
                    return Err(Error::data(path.display().to_string(), rule));
                }
            }
            let what = format!("{}, with {n_rows} rows of {n_columns} columns,", path.display());
            memory::require(BYTES_A_CELL * n_rows * n_columns, &what)?;
            check_pages(path, &footer)?;
            let frame = reader.finish().map_err(unusable(path))?;
            let is_even = frame.columns().iter().all(|column| column.len() == frame.height());
            if is_even { Ok(frame) } else { Err(damaged(path)) }
        })?;
        Ok(Self::typed(path, frame))
    }

    fn typed(path: &Path, frame: DataFrame) -> Self {
        let names = frame.get_column_names().iter().map(|name| name.trim().to_string()).collect();
        Self { path: path.to_path_buf(), names, cells: Cells::Typed(frame) }
    }

    /// Column names as in the file, trimmed.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lines for the user on what was left out of a text file.
    pub(super) fn notes(&self) -> &[String] {
        match &self.cells {
            Cells::Text { table, .. } => &table.notes,
            Cells::Typed(_) => &[],
        }
    }

    /// Field and symbol of each column if the names have both: a header of two lines, or pandas' pairs in Parquet.
    pub(super) fn levels(&self) -> Option<Vec<(String, String)>> {
        match &self.cells {
            Cells::Text { table, .. } if table.levels.is_some() => table.levels.clone(),
            _ => super::levels::of_names(&self.names),
        }
    }

    /// Number of data rows.
    pub fn n_rows(&self) -> usize {
        match &self.cells {
            Cells::Text { table, .. } => table.n_rows,
            Cells::Typed(frame) => frame.height(),
        }
    }

    /// Refuses two columns of the same name; the error gives both positions.
    pub(super) fn check_names(&self) -> Result<()> {
        check_different(&self.names, &self.path)
    }

    /// The position of the column with the first of these names that the file has, ignoring case, blanks and
    /// punctuation.
    pub(super) fn position(&self, aliases: &[&str]) -> Option<usize> {
        aliases.iter().find_map(|alias| self.names.iter().position(|name| plain(name) == plain(alias)))
    }

    /// Refuses two columns that match the same one of these names.
    pub(super) fn check_spellings(&self, aliases: &[&str]) -> Result<()> {
        for alias in aliases {
            let same = |column: &usize| plain(&self.names[*column]) == plain(alias);
            let found: Vec<usize> = (0..self.names.len()).filter(same).collect();
            if let [first, second, ..] = found[..] {
                let (a, b) = (&self.names[first], &self.names[second]);
                let rule = format!(
                    "columns {} and {}, {a} and {b}, may both be the {alias}; rename or drop one of them",
                    first + 1,
                    second + 1
                );
                return Err(Error::data(self.path.display().to_string(), rule));
            }
        }
        Ok(())
    }

    /// The exact name of the column that [`Self::position`] finds.
    pub fn find(&self, aliases: &[&str]) -> Option<String> {
        self.position(aliases).map(|column| self.names[column].clone())
    }

    /// [`Self::find`], or an error that lists the columns of the file.
    pub fn require(&self, aliases: &[&str]) -> Result<String> {
        self.find(aliases).ok_or_else(|| {
            let (wanted, found) = (aliases.join("' or '"), self.names.join(", "));
            Error::data(self.path.display().to_string(), format!("no column '{wanted}'; columns are {found}"))
        })
    }

    /// The number that a person gives to a row: its line in a text file, or its number from 1 in a binary file.
    pub fn row_number(&self, row: usize) -> u32 {
        match &self.cells {
            Cells::Text { table, .. } => table.line(row),
            Cells::Typed(_) => row as u32 + 1,
        }
    }

    /// The file and the row, for messages.
    pub fn place(&self, row: usize) -> String {
        format!("{}, row {}", self.path.display(), self.row_number(row))
    }

    pub(super) fn column(&self, name: &str) -> Result<usize> {
        let column = self.names.iter().position(|known| known == name);
        column.ok_or_else(|| {
            let rule = format!("no column '{name}'; columns are {}", self.names.join(", "));
            Error::data(self.path.display().to_string(), rule)
        })
    }

    pub(super) fn typed_column(&self, column: usize) -> Option<&Column> {
        match &self.cells {
            Cells::Typed(frame) => frame.columns().get(column),
            Cells::Text { .. } => None,
        }
    }

    /// Whether any text cell ends in a percent sign.
    pub(super) fn has_percent_signs(&self) -> bool {
        let ends = |text: &str| text.trim_end().ends_with('%');
        match &self.cells {
            Cells::Text { table, .. } => (0..self.names.len()).any(|column| table.column(column).any(ends)),
            Cells::Typed(frame) => (0..self.names.len())
                .filter(|column| *frame.columns()[*column].dtype() == DataType::String)
                .any(|column| self.texts_at(column).is_ok_and(|texts| texts.iter().any(|text| ends(text)))),
        }
    }

    /// Whether the cells of a column hold lists, records or bytes, which have no place in a table of values.
    pub(super) fn is_nested(&self, column: usize) -> bool {
        let values = self.typed_column(column);
        values.is_some_and(|values| values.dtype().is_nested() || *values.dtype() == DataType::Binary)
    }

    /// A column of text, empty where missing.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        self.texts_at(self.column(name)?)
    }

    pub(super) fn texts_at(&self, column: usize) -> Result<Vec<String>> {
        match &self.cells {
            Cells::Text { table, .. } => Ok(table.column(column).map(str::to_string).collect()),
            Cells::Typed(frame) => {
                guarded(&self.path, || texts(frame, frame.columns()[column].name()).map_err(unusable(&self.path)))
            }
        }
    }

    /// A column of numbers, NaN where missing; `not_a_number` says what a literal NaN means. Refuses cells that are
    /// not numbers.
    pub fn numbers(&self, name: &str, not_a_number: NotANumber) -> Result<Vec<f64>> {
        let codes = match not_a_number {
            NotANumber::Refused => MissingCodes::standard(),
            NotANumber::Missing => MissingCodes::with(["NaN"]),
        };
        self.values_at(self.column(name)?, &codes)
    }

    /// A column of numbers, NaN where a cell is empty or holds a code for a missing value. Refuses cells that are not
    /// numbers.
    pub(super) fn values_at(&self, column: usize, codes: &MissingCodes) -> Result<Vec<f64>> {
        let value = |row: usize, cell: Cell<'_>| match cell {
            Cell::Missing => Ok(f64::NAN),
            Cell::Number(x) if x.is_finite() => Ok(x),
            Cell::Number(x) => Err(self.no_number(row, column, &x.to_string(), codes)),
            Cell::Text(text) => Err(self.no_number(row, column, text, codes)),
        };
        self.map_cells(column, codes, value)?.into_iter().collect()
    }

    fn no_number(&self, row: usize, column: usize, text: &str, codes: &MissingCodes) -> Error {
        let name = &self.names[column];
        let rule = match text.trim() {
            code if code.len() <= 12 && !code.contains(',') => format!(
                "'{text}' in column {name} is not a finite number; leave missing values empty, or add {} if it stands for one",
                codes.way_in(code)
            ),
            _ => format!("'{text}' in column {name} is not a finite number; leave missing values empty"),
        };
        Error::data(self.place(row), rule)
    }

    /// Counts what the cells of a column hold.
    pub(super) fn content(&self, column: usize, codes: &MissingCodes) -> Result<Content> {
        let mut content = Content::default();
        if self.is_nested(column) {
            return Ok(Content { n_texts: self.n_rows(), first_text: Some(0), ..content });
        }
        let kinds = self.map_cells(column, codes, |_, cell| match cell {
            Cell::Missing => 0,
            Cell::Number(_) => 1,
            Cell::Text(_) => 2,
        })?;
        for (row, kind) in kinds.into_iter().enumerate() {
            match kind {
                0 => content.n_missing += 1,
                1 => content.n_numbers += 1,
                _ => {
                    content.n_texts += 1;
                    content.first_text = content.first_text.or(Some(row));
                }
            }
        }
        Ok(content)
    }

    fn map_cells<T>(&self, column: usize, codes: &MissingCodes, map: impl Fn(usize, Cell<'_>) -> T) -> Result<Vec<T>> {
        let number = |row: usize, x: f64| map(row, if codes.is_number(x) { Cell::Missing } else { Cell::Number(x) });
        let text = |row: usize, text: &str, decimal: Decimal| match text.trim() {
            code if codes.is_text(code) => map(row, Cell::Missing),
            text => parse(text, decimal).map_or_else(|| map(row, Cell::Text(text)), |x| number(row, x)),
        };
        let frame = match &self.cells {
            Cells::Typed(frame) => frame,
            Cells::Text { table, decimal } => {
                return Ok(table.column(column).enumerate().map(|(row, cell)| text(row, cell, *decimal)).collect());
            }
        };
        let values = &frame.columns()[column];
        if !values.dtype().is_primitive_numeric() {
            let texts = self.texts_at(column)?;
            let mark = decimal(texts.iter().map(String::as_str), b';')
                .map_err(|rule| Error::data(format!("{}, column {}", self.path.display(), self.names[column]), rule))?;
            return Ok(texts.iter().enumerate().map(|(row, cell)| text(row, cell, mark)).collect());
        }
        let (nulls, values) = guarded(&self.path, || {
            let nulls: Vec<bool> = values.is_null().iter().map(|null| null.unwrap_or(false)).collect();
            Ok((nulls, numbers(frame, values.name()).map_err(unusable(&self.path))?))
        })?;
        let cells = nulls.into_iter().zip(values).enumerate();
        Ok(cells.map(|(row, (null, x))| if null { map(row, Cell::Missing) } else { number(row, x) }).collect())
    }

    /// Rows as values of a type whose fields are columns. Columns named in `texts` hold text, all others numbers, NaN
    /// where empty.
    pub fn rows<T: serde::de::DeserializeOwned>(&self, texts: &[&str]) -> Result<Vec<T>> {
        let columns = (0..self.names.len()).map(|column| self.texts_at(column)).collect::<Result<Vec<_>>>()?;
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
            for (name, column) in self.names.iter().zip(&columns) {
                let value = value(name, &column[row]).ok_or_else(|| {
                    Error::data(self.place(row), format!("'{}' in column {name} is not a number", column[row]))
                })?;
                fields.insert(name.clone(), value);
            }
            T::deserialize(fields).map_err(|error| Error::data(self.place(row), toml_message(&error, None)))
        };
        (0..self.n_rows()).map(row).collect()
    }
}

/// Refuses two columns of the same name; the error gives both positions.
fn check_different(names: &[String], path: &Path) -> Result<()> {
    let mut seen = HashSet::new();
    let Some(second) = names.iter().position(|name| !name.is_empty() && !seen.insert(name)) else { return Ok(()) };
    let first = names.iter().position(|name| *name == names[second]).unwrap_or(0);
    let (name, first, second) = (&names[second], first + 1, second + 1);
    let rule = format!("columns {first} and {second} are both called {name}; rename or drop one of them");
    Err(Error::data(path.display().to_string(), rule))
}

/// The kind of a Parquet column in words if polars, as it is built here, cannot decode it.
fn unreadable(kind: &ArrowDataType) -> Option<&'static str> {
    use ArrowDataType::{Decimal, Decimal32, Decimal64, Decimal256, Extension, Float16, Interval};
    match kind {
        Decimal(..) | Decimal32(..) | Decimal64(..) | Decimal256(..) => Some("decimals"),
        Float16 => Some("numbers of half precision"),
        Interval(_) => Some("intervals"),
        Extension(_) => Some("values of an extension type, such as pandas' periods"),
        _ => None,
    }
}

/// Content of one cell.
enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
}
