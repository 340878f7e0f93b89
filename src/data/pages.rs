//! Checks the counts in the headers of a Parquet file's pages before it is decoded. The decoder of polars reserves
//! memory for as many values as a page claims to hold; one damaged bit there ends the process.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use polars::prelude::FileMetadata;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;
use polars_parquet_format::{PageHeader, PageType};

use crate::data::guard::damaged;
use crate::error::{Error, Result};
use crate::memory;

/// Most bytes of a page's header; the smallest and largest value of the page, which are text of any length, are part
/// of it.
const HEADER_BYTES: usize = 1 << 24;

/// Refuses a file whose pages do not hold the rows that its footer promises, or would not fit into memory.
pub(super) fn check_pages(path: &Path, footer: &FileMetadata) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let mut file = BufReader::new(file);
    let n_rows = footer.row_groups.iter().try_fold(0usize, |sum, group| sum.checked_add(group.num_rows()));
    if n_rows != Some(footer.num_rows) {
        return Err(damaged(path));
    }
    for group in &footer.row_groups {
        for chunk in group.parquet_columns() {
            let is_nested = chunk.descriptor().descriptor.max_rep_level > 0;
            let n_values = u64::try_from(chunk.num_values()).map_err(|_| damaged(path))?;
            if !is_nested && n_values != group.num_rows() as u64 {
                return Err(damaged(path));
            }
            file.seek(SeekFrom::Start(chunk.byte_range().start)).map_err(Error::io(path))?;
            check_chunk(path, &mut file, length, n_values)?;
        }
    }
    Ok(())
}

/// Walks over the pages of one column of one row group, of which the file stands at the first.
fn check_chunk(path: &Path, file: &mut BufReader<File>, length: u64, n_values: u64) -> Result<()> {
    let count = |n: i32| u64::try_from(n).map_err(|_| damaged(path));
    let mut n_seen = 0;
    while n_seen < n_values {
        let mut protocol = TCompactInputProtocol::new(&mut *file, HEADER_BYTES);
        let page = PageHeader::read_from_in_protocol(&mut protocol).map_err(|_| damaged(path))?;
        let (n_stored, n_unpacked) = (count(page.compressed_page_size)?, count(page.uncompressed_page_size)?);
        memory::require(n_unpacked as f64, &format!("a page of {}", path.display()))?;
        n_seen += match (page.type_, page.data_page_header, page.data_page_header_v2, page.dictionary_page_header) {
            (PageType::DATA_PAGE, Some(header), _, _) => count(header.num_values)?,
            (PageType::DATA_PAGE_V2, _, Some(header), _) => count(header.num_values)?,
            // Every entry of a dictionary takes a byte or more.
            (PageType::DICTIONARY_PAGE, _, _, Some(header)) if count(header.num_values)? <= n_unpacked => 0,
            (PageType::INDEX_PAGE, ..) => 0,
            _ => return Err(damaged(path)),
        };
        let end = file.stream_position().map_err(Error::io(path))? + n_stored;
        if end > length || n_seen > n_values {
            return Err(damaged(path));
        }
        file.seek_relative(n_stored as i64).map_err(Error::io(path))?;
    }
    Ok(())
}
