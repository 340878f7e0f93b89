//! Reads a user's matrix of returns and writes results as matrices: CSV, Parquet or NumPy files, by their extension.

use std::path::Path;

use npyz::WriterBuilder;

use crate::data::describe::{undated_findings, worst_findings};
use crate::data::files::write_atomically;
use crate::data::import::{Dated, read};
use crate::data::options::Options;
use crate::data::table::{Table, Values};
use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// Most findings reported with returns.
const WORST: usize = 3;

/// A matrix whose columns have names.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMatrix {
    /// One name per column, all different.
    pub names: Vec<String>,
    /// The matrix.
    pub matrix: Matrix,
}

/// Returns from a user's file and notes on how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadReturns {
    /// T × N, oldest row first, assets in the order of the file; NaN where missing before the window.
    pub returns: NamedMatrix,
    /// Lines for the user on how the file was read.
    pub notes: Vec<String>,
    /// The worst findings on the values, if any.
    pub findings: Vec<String>,
}

/// Reads returns from everything that [`import`](crate::data::import) reads, and from tables without dates and .npy
/// files, whose rows are days, oldest first. Missing values among the last `window` rows (anywhere if `None`) are
/// refused with file, row and asset; missing values before the window become NaN.
pub fn read_returns(path: &Path, options: &Options, window: Option<usize>) -> Result<ReadReturns> {
    let imported = read(path, options, Dated::May)?;
    let panel = &imported.panel;
    // Prices have no return on their first day.
    let has_return = |day: &usize| (0..panel.n_assets()).any(|asset| !panel.returns(asset)[*day].is_nan());
    let Some(first) = (0..panel.n_days()).find(has_return) else {
        return Err(Error::data(path.display().to_string(), "no returns: two days with prices are needed"));
    };
    let n_days = panel.n_days() - first;
    if let Some(window) = window.filter(|window| *window > n_days) {
        let rule = format!("a window of {window} rows is longer than the file, which has {n_days} rows of returns");
        return Err(Error::data(path.display().to_string(), rule));
    }
    let mut notes = imported.notes;
    let names: Vec<String> = imported.order.iter().map(|&asset| panel.assets()[asset].symbol.clone()).collect();
    let from = panel.n_days() - window.unwrap_or(n_days);
    let is_missing = |day: usize, asset: usize| panel.returns(asset)[day].is_nan();
    let hole = |days: std::ops::Range<usize>| {
        let in_asset = |&asset: &usize| days.clone().find(|day| is_missing(*day, asset)).map(|day| (asset, day));
        imported.order.iter().find_map(in_asset)
    };
    if let Some((asset, day)) = hole(from..panel.n_days()) {
        let row = match imported.dated {
            true => panel.calendar().date(day).to_string(),
            false => format!("row {}", imported.first_row as usize + day),
        };
        let complete = |day: &usize| (0..panel.n_assets()).all(|asset| !is_missing(*day, asset));
        let later = match (from..panel.n_days()).rev().take_while(complete).count() {
            0 | 1 => String::new(),
            n => format!(" (the last {n} rows are complete)"),
        };
        let place = format!("{}, asset {}, {row}", path.display(), panel.assets()[asset].symbol);
        return Err(Error::data(
            place,
            format!("return is missing; fill it, leave the asset out, or start later{later}"),
        ));
    }
    let n_missing =
        imported.order.iter().map(|&asset| (first..from).filter(|day| is_missing(*day, asset)).count()).sum::<usize>();
    if n_missing > 0 {
        notes.push(format!("{n_missing} returns before the window are missing"));
    }
    let matrix = Matrix::from_fn(n_days, names.len(), |i, j| panel.returns(imported.order[j])[first + i]);
    let findings = if imported.dated { worst_findings(panel, WORST) } else { undated_findings(panel, WORST) };
    Ok(ReadReturns { returns: NamedMatrix { names, matrix }, notes, findings })
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// Writes a matrix; CSV and Parquet files also get a first column of row names. Refuses other extensions than .csv,
/// .parquet and .npy.
pub fn write_matrix(path: &Path, rows: &NamedRows<'_>, columns: &[&str], matrix: &Matrix) -> Result<()> {
    if is_npy(path) {
        return write_npy(path, matrix);
    }
    let mut table = Table::default().with(rows.title, Values::Texts(rows.names.to_vec()));
    for (name, column) in columns.iter().zip(matrix.columns()) {
        table = table.with_numbers(name, column.iter().copied());
    }
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase).as_deref() {
        Some("csv") => table.write_csv(path),
        Some("parquet") => table.write_parquet(path),
        _ => Err(Error::data(path.display().to_string(), "a result file ends in .csv, .parquet or .npy")),
    }
}

/// Names of a matrix's rows and the header above them.
pub struct NamedRows<'a> {
    /// Header of their column.
    pub title: &'a str,
    /// The names.
    pub names: &'a [String],
}

fn write_npy(path: &Path, matrix: &Matrix) -> Result<()> {
    let (n_rows, n_cols) = (matrix.nrows() as u64, matrix.ncols() as u64);
    let shape = if n_cols == 1 { vec![n_rows] } else { vec![n_rows, n_cols] };
    write_atomically(path, |file| {
        let options = npyz::WriteOptions::<f64>::new().default_dtype().shape(&shape);
        let mut writer = options.writer(std::io::BufWriter::new(file)).begin_nd().map_err(Error::io(path))?;
        for i in 0..matrix.nrows() {
            writer.extend((0..matrix.ncols()).map(|j| matrix[(i, j)])).map_err(Error::io(path))?;
        }
        writer.finish().map_err(Error::io(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<NamedMatrix> {
        read_returns(path, &Options::default(), None).map(|read| read.returns)
    }

    #[test]
    fn a_matrix_survives_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let matrix = Matrix::from_fn(3, 2, |i, j| 0.01 * i as f64 - 0.015 * j as f64);
        let dates: Vec<String> = (1..4).map(|day| format!("2020-01-0{day}")).collect();
        for extension in ["csv", "parquet", "npy"] {
            let path = folder.path().join(format!("returns.{extension}"));
            write_matrix(&path, &NamedRows { title: "date", names: &dates }, &["B", "A"], &matrix).unwrap();
            let read = read(&path).unwrap();
            assert_eq!(read.matrix, matrix, "{extension}");
            assert_eq!(read.names, if extension == "npy" { ["0", "1"] } else { ["B", "A"] });
        }
    }

    #[test]
    fn a_bad_value_is_named_with_row_and_asset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("returns.csv");
        for (text, expected) in [
            ("date,A,B\n2020-01-01,0.1,-0.2\n2020-01-02,,0.1\n", "asset A, 2020-01-02: return is missing"),
            ("A,B\n0.1,-0.2\n,0.1\n", "asset A, row 3: return is missing"),
            ("A,B\n0.1,-0.2\n0.1,x\n", "row 3: 'x' in column B"),
            ("A,B\n0.1,0.2\n-0.1,-0.3\n0.1,-0.3\n0.1,-1e9\n", "row 5, asset B"),
            ("0.1,0.3\n0.1,0.2\n", "the first line holds values"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("returns.csv"), "{error}");
        }
    }
}
