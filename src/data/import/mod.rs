//! Importers: one file a layout.

mod crsp;
mod folder;
mod french;
mod indexed;
mod long;
mod wide;

use std::path::Path;

use clap::ValueEnum;

use crate::data::frame::Columns;
use crate::error::{Error, Result};
use crate::panel::Panel;

/// How a source is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// A folder with `<name>_daily.parquet` (asset, day, ret_e6, …), `assets.parquet` and `calendar.parquet`.
    Indexed,
    /// One row per date and asset.
    Long,
    /// One row per date, one column per asset.
    Wide,
    /// A folder with one OHLCV file per symbol: Stooq, Yahoo or Kaggle columns.
    Folder,
    /// CRSP daily stock file.
    Crsp,
    /// Kenneth French's daily text files, in percent.
    French,
}

/// What the values of a wide file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValueKind {
    /// Returns if any value is negative, else prices.
    Guess,
    /// Simple returns as fractions.
    Returns,
    /// Prices.
    Prices,
}

/// What a literal NaN in a source means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NotANumber {
    /// An error: sources leave missing values empty.
    Refused,
    /// A missing value.
    Missing,
}

/// Choices an import leaves to the user.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The layout; recognised from the files if `None`.
    pub layout: Option<Layout>,
    /// Prices or returns, for wide files.
    pub values: ValueKind,
    /// The meaning of a literal NaN.
    pub not_a_number: NotANumber,
}

/// A panel and what was noticed on the way.
pub struct Imported {
    /// The panel.
    pub panel: Panel,
    /// The layout used.
    pub layout: Layout,
    /// Rows left out, guesses made: lines for the user.
    pub notes: Vec<String>,
}

/// Reads a file or folder into a panel.
pub fn import(path: &Path, options: &Options) -> Result<Imported> {
    std::fs::metadata(path).map_err(Error::io(path))?;
    let layout = match options.layout {
        Some(layout) => layout,
        None => recognise(path)?,
    };
    let (panel, notes) = match layout {
        Layout::Indexed => indexed::import(path),
        Layout::Long => long::import(path, options.not_a_number),
        Layout::Wide => wide::import(path, options),
        Layout::Folder => folder::import(path, options.not_a_number),
        Layout::Crsp => crsp::import(path),
        Layout::French => french::import(path),
    }?;
    Ok(Imported { panel, layout, notes })
}

/// The layout that the files look like.
fn recognise(path: &Path) -> Result<Layout> {
    if path.is_dir() {
        let indexed = path.join("calendar.parquet").exists() && path.join("assets.parquet").exists();
        return Ok(if indexed { Layout::Indexed } else { Layout::Folder });
    }
    if french::looks_like(path) {
        return Ok(Layout::French);
    }
    let frame = Columns::read(path)?;
    // ID, NAME and DAY are tickers too: a long file has a value column, or at least assets that are no numbers.
    let asset = frame.find(long::ASSET).filter(|_| frame.find(long::DATE).is_some());
    let is_long = asset
        .is_some_and(|asset| frame.find(long::VALUE).is_some() || frame.numbers(&asset, NotANumber::Missing).is_err());
    Ok(if frame.find(&["permno"]).is_some() {
        Layout::Crsp
    } else if is_long {
        Layout::Long
    } else {
        Layout::Wide
    })
}

/// The name of a file without folders, for messages and provenance.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
