//! A user's own matrix of returns, and results as matrices: CSV, Parquet or NumPy files, by their extension.
//!
//! ```text
//! .csv, .parquet   one column per asset under its name; a first column that holds dates or other text is left out
//! .npy             T × N doubles or singles, oldest row first; assets are called 0, 1, …
//! ```

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use npyz::{NpyFile, WriterBuilder};

use crate::data::files::write_atomically;
use crate::data::frame::Columns;
use crate::data::import::NotANumber;
use crate::data::table::{Table, Values};
use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// A matrix whose columns have names.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMatrix {
    /// One name per column, all different.
    pub names: Vec<String>,
    /// The matrix.
    pub matrix: Matrix,
}

/// Reads returns (T × N), oldest row first. Missing values are refused with file, row and asset.
pub fn read_returns(path: &Path) -> Result<NamedMatrix> {
    let named = if is_npy(path) { read_npy(path)? } else { read_frame(path)? };
    for (name, column) in named.names.iter().zip(named.matrix.columns()) {
        if let Some(row) = column.iter().position(|r| !r.is_finite()) {
            let place = format!("{}, data row {}, asset {name}", path.display(), row + 1);
            return Err(Error::data(place, "return is missing or infinite; fill it or leave the asset out"));
        }
        if let Some(row) = column.iter().position(|r| *r < -1.0) {
            let place = format!("{}, data row {}, asset {name}", path.display(), row + 1);
            let rule =
                format!("{} is no simple return as a fraction; prices and percents are not returns", column[row]);
            return Err(Error::data(place, rule));
        }
    }
    Ok(named)
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

fn read_frame(path: &Path) -> Result<NamedMatrix> {
    let frame = Columns::read(path)?;
    let mut names = frame.names();
    if !names.is_empty() && names.iter().all(|name| name.trim().parse::<f64>().is_ok()) {
        let rule = "the first line holds numbers; it must hold the names of the assets (a .npy file needs none)";
        return Err(Error::data(path.display().to_string(), rule));
    }
    // The first column may hold dates, row numbers without a name, or other labels.
    let is_label = |name: &String| {
        ["", "date", "day", "time", "timestamp", "index"].contains(&name.to_lowercase().as_str())
            || frame.numbers(name, NotANumber::Missing).is_err()
    };
    if names.first().is_some_and(is_label) {
        names.remove(0);
    }
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Error::data(path.display().to_string(), format!("asset {twice} stands twice")));
    }
    let columns: Vec<Vec<f64>> =
        names.iter().map(|name| frame.numbers(name, NotANumber::Missing)).collect::<Result<_>>()?;
    let matrix = Matrix::from_column_major(frame.n_rows(), names.len(), columns.concat());
    Ok(NamedMatrix { names, matrix })
}

fn read_npy(path: &Path) -> Result<NamedMatrix> {
    let unusable = |rule: String| Error::data(path.display().to_string(), rule);
    let open = || File::open(path).map_err(Error::io(path)).map(BufReader::new);
    let header = NpyFile::new(open()?).map_err(|error| unusable(error.to_string()))?;
    let [n_rows, n_cols] = match *header.shape() {
        [rows, cols] => [rows as usize, cols as usize],
        ref shape => return Err(unusable(format!("it holds an array of shape {shape:?}, not a matrix days x assets"))),
    };
    let by_columns = header.order() == npyz::Order::Fortran;
    let values: Vec<f64> = match header.try_data::<f64>() {
        Ok(data) => data.collect::<std::io::Result<_>>().map_err(Error::io(path))?,
        Err(other) => match other.try_data::<f32>() {
            Ok(data) => data.map(|x| x.map(f64::from)).collect::<std::io::Result<_>>().map_err(Error::io(path))?,
            Err(other) => return Err(unusable(format!("it holds {}, not doubles or singles", other.dtype().descr()))),
        },
    };
    let matrix = match by_columns {
        true => Matrix::from_column_major(n_rows, n_cols, values),
        false => Matrix::from_fn(n_rows, n_cols, |i, j| values[i * n_cols + j]),
    };
    Ok(NamedMatrix { names: (0..n_cols).map(|j| j.to_string()).collect(), matrix })
}

/// Writes a matrix, with a first column of row names in text and Parquet files.
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

/// The names of rows and what they are.
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

    #[test]
    fn a_matrix_survives_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let matrix = Matrix::from_fn(3, 2, |i, j| 0.1 * i as f64 - 0.01 * j as f64);
        let dates: Vec<String> = (1..4).map(|day| format!("2020-01-0{day}")).collect();
        for extension in ["csv", "parquet", "npy"] {
            let path = folder.path().join(format!("returns.{extension}"));
            write_matrix(&path, &NamedRows { title: "date", names: &dates }, &["A", "B"], &matrix).unwrap();
            let read = read_returns(&path).unwrap();
            assert_eq!(read.matrix, matrix, "{extension}");
            assert_eq!(read.names, if extension == "npy" { ["0", "1"] } else { ["A", "B"] });
        }
    }

    #[test]
    fn a_bad_value_is_named_with_row_and_asset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("returns.csv");
        for (text, expected) in [
            ("date,A,B\n2020-01-01,0.1,0.2\n2020-01-02,,0.1\n", "data row 2, asset A: return is missing"),
            ("A,B\n0.1,0.2\n0.1,x\n", "'x' in column B"),
            ("A,B\n0.1,101.2\n0.1,-5\n", "data row 2, asset B: -5 is no simple return"),
            ("0.1,0.3\n0.1,0.2\n", "the first line holds numbers"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_returns(&path).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("returns.csv"), "{error}");
        }
    }
}
