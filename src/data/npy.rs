//! NumPy files: a T × N matrix in double or single precision, oldest row first.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use npyz::NpyFile;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};

use crate::data::guard::BYTES_A_CELL;
use crate::data::guard::{damaged, guarded};
use crate::error::{Error, Result};
use crate::memory;

/// Reads a matrix as columns called 0, 1, … Refuses other shapes and element types.
pub(super) fn read_npy(path: &Path) -> Result<DataFrame> {
    guarded(path, || {
        let file = File::open(path).map_err(Error::io(path))?;
        let header = NpyFile::new(BufReader::new(file)).map_err(|_| damaged(path))?;
        let refuse = |rule: String| Error::data(path.display().to_string(), rule);
        let [n_rows, n_columns] = match *header.shape() {
            [rows, columns] => [rows, columns],
            ref shape => {
                return Err(refuse(format!("it holds an array of shape {shape:?}, not a matrix of days x assets")));
            }
        };
        let what = format!("{}, with {n_rows} rows of {n_columns} columns,", path.display());
        memory::require(BYTES_A_CELL * n_rows as f64 * n_columns as f64, &what)?;
        let [n_rows, n_columns] = [n_rows as usize, n_columns as usize];
        let by_columns = header.order() == npyz::Order::Fortran;
        let values: Vec<f64> = match header.try_data::<f64>() {
            Ok(data) => data.collect::<std::io::Result<_>>().map_err(|_| damaged(path))?,
            Err(other) => match other.try_data::<f32>() {
                Ok(data) => {
                    data.map(|x| x.map(f64::from)).collect::<std::io::Result<_>>().map_err(|_| damaged(path))?
                }
                Err(other) => {
                    return Err(refuse(format!(
                        "it holds {}, not doubles (f8) or singles (f4)",
                        other.dtype().descr()
                    )));
                }
            },
        };
        if values.len() != n_rows * n_columns {
            return Err(damaged(path));
        }
        let at = |i: usize, j: usize| values[if by_columns { j * n_rows + i } else { i * n_columns + j }];
        let column = |j: usize| {
            let values: Vec<f64> = (0..n_rows).map(|i| at(i, j)).collect();
            Series::new(j.to_string().as_str().into(), values).into_column()
        };
        DataFrame::new_infer_height((0..n_columns).map(column).collect()).map_err(|_| damaged(path))
    })
}
