//! Writes a Parquet file part by part, so that memory does not grow with its length.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{DataFrame, ParquetCompression, ParquetWriter, StatisticsOptions};
use tempfile::NamedTempFile;

use crate::data::files::partial_file;
use crate::data::table::{Table, unusable};
use crate::error::{Error, Result};

/// Tables with the same columns, written one after the other into one file. If it is dropped unfinished, no file is
/// left.
pub struct TableStream {
    path: PathBuf,
    /// The temporary file and its writer; created with the first rows.
    writer: Option<(NamedTempFile, BatchedWriter<File>)>,
}

impl TableStream {
    /// A stream whose file will be at `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), writer: None }
    }

    /// Adds rows.
    pub fn append(&mut self, rows: Table) -> Result<()> {
        let path = &self.path;
        let frame: DataFrame = rows.frame(path)?;
        let (_, writer) = match &mut self.writer {
            Some(open) => open,
            closed => {
                let file = partial_file(path)?;
                let handle = file.reopen().map_err(Error::io(path))?;
                // The files are long: the time to write them matters more than their size.
                let writer = ParquetWriter::new(handle)
                    .with_compression(ParquetCompression::Snappy)
                    .with_statistics(StatisticsOptions::empty());
                let writer = writer.batched(frame.schema()).map_err(unusable(path))?;
                closed.insert((file, writer))
            }
        };
        writer.write_batch(&frame).map_err(unusable(path))
    }

    /// Completes the file and moves it to its path. Without rows no file is written.
    pub fn finish(self) -> Result<()> {
        let Some((file, writer)) = self.writer else { return Ok(()) };
        writer.finish().map_err(unusable(&self.path))?;
        crate::data::files::persist(file, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_and_an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut file = TableStream::new(&path);
        file.append(Table::default().with_counts("n", [1, 2])).unwrap();
        file.append(Table::default().with_counts("n", [3])).unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        assert_eq!(Table::read_counts(&path, "n").unwrap(), [1, 2, 3]);
        let mut file = TableStream::new(&folder.path().join("other.parquet"));
        file.append(Table::default().with_counts("n", [1])).unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
