//! Choices that a user may make when a table is read.

use crate::data::numbers::MissingCodes;
use crate::data::units::ValueKind;

/// Layout of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Layout {
    /// A folder with `<name>_daily.parquet` (asset, day, ret_e6, …), `assets.parquet` and `calendar.parquet`.
    Indexed,
    /// One row per date and asset.
    Long,
    /// One row per date, one column per asset.
    Wide,
    /// Open, high, low, close and volume of one symbol, or of several under a header of two lines (yfinance).
    Ohlcv,
    /// A folder with one OHLCV file per symbol: Stooq, Yahoo or Kaggle columns.
    Folder,
    /// CRSP daily stock file.
    Crsp,
    /// Kenneth French's daily text files, in percent.
    French,
}

impl Layout {
    /// The word on the command line.
    pub(super) fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Meaning of a literal NaN in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum NotANumber {
    /// An error: sources leave missing values empty.
    Refused,
    /// A missing value.
    Missing,
}

/// Choices that a user may make when a table is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The layout; recognised from the files if `None`.
    pub layout: Option<Layout>,
    /// Name of the date column; found by its values if `None`.
    pub date_column: Option<String>,
    /// Format of the dates in the notation of strptime; recognised if `None`.
    pub date_format: Option<String>,
    /// Kind of the values: prices, returns, percent or logarithmic returns.
    pub values: ValueKind,
    /// Codes for missing values besides the standard ones.
    pub missing: MissingCodes,
}
