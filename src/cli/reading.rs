//! Options that say how a user's table is to be read, shared by all commands that read one.

use std::path::Path;

use crate::cli::output::note;
use crate::data::{Layout, MissingCodes, NotANumber, Options, ValueKind};
use crate::experiment::{Rates, RatesTable};

/// Settings that the reader of tables finds by itself unless they are given.
#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Reading tables")]
pub(super) struct Reading {
    /// Column that holds the dates [default: found by its values]
    #[arg(long, value_name = "NAME")]
    date_column: Option<String>,
    /// Format of the dates, such as %d/%m/%Y [default: found]
    #[arg(long, value_name = "FORM")]
    date_format: Option<String>,
    /// Kind of the numbers
    #[arg(long, value_enum, default_value = "guess")]
    values: ValueKind,
    /// More codes for a missing value, besides the empty cell, NA, N/A, n/a, #N/A, null, NULL, None and a single point
    /// or dash; NaN counts as missing only if it is given here
    #[arg(long, value_name = "CODE,…", value_delimiter = ',', allow_hyphen_values = true)]
    missing: Vec<String>,
    /// Another way to write --missing NaN
    #[arg(long, value_enum, default_value = "refused")]
    nan: NotANumber,
}

impl Reading {
    /// These settings as the options of the library.
    pub fn options(&self, layout: Option<Layout>) -> Options {
        let nan = (self.nan == NotANumber::Missing).then_some("NaN");
        Options {
            layout,
            date_column: self.date_column.clone(),
            date_format: self.date_format.clone(),
            values: self.values,
            missing: MissingCodes::with(self.missing.iter().map(String::as_str).chain(nan)),
        }
    }

    /// A file of rates, to be read with these settings.
    pub fn rates(&self, file: &Path) -> Rates {
        let Self { date_column, date_format, .. } = self.clone();
        let missing = self.options(None).missing.added().to_vec();
        match (&date_column, &date_format, &missing[..]) {
            (None, None, []) => Rates::File(file.to_path_buf()),
            _ => Rates::Table(RatesTable { file: file.to_path_buf(), date_column, date_format, missing }),
        }
    }
}

/// Prints what was guessed while reading, in one line.
pub(super) fn say(notes: &[String]) {
    if !notes.is_empty() {
        note!("read: {}", notes.join("; "));
    }
}
