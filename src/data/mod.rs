//! Files to panels and tables to files. Polars is named here and nowhere else.
//!
//! # Reading a table
//!
//! Every table of a user goes through `data::Columns`: bytes to text (`encoding.rs`), text to cells with their lines (`records.rs`, `text.rs`), or
//! typed columns from Parquet and NumPy, whose decoders run under `guard.rs`, so that a panic of theirs is an error that names the file.
//! `Roles` says which column is the date and what the others are, by their values (`roles.rs`, `dates.rs`, `stamps.rs`); `MissingCodes` and
//! `numbers.rs` what a cell means. Importers turn columns into `Observations`, which settle the unit (`units.rs`), check every value and
//! align them. `import` and `read_returns` are the same function with and without the need for dates, so the two cannot disagree.

mod append;
mod clocks;
mod dates;
mod describe;
mod encoding;
mod evidence;
mod exclusions;
mod files;
mod frame;
mod guard;
mod import;
mod levels;
mod lock;
mod matrix;
mod npy;
mod numbers;
mod observations;
mod options;
mod records;
mod roles;
mod rows;
mod stamps;
mod store;
mod table;
mod targets;
mod text;
mod units;
mod words;

pub use append::{Appended, append};
pub use describe::{
    Description, Ends, Finding, Kind, Suspects, YearCoverage, describe, findings, rules, worst_findings, worst_of,
    write_suspects,
};
pub use exclusions::read_exclusions;
pub use files::{
    hash_file, list_folder, read_bytes, read_text, remove_folder, remove_partial_files, write_atomically, write_text,
};
pub use frame::Columns;
pub use import::{Imported, import};
pub use lock::{LOCK, Lock};
pub use matrix::{NamedMatrix, NamedRows, ReadReturns, read_returns, write_matrix};
pub use numbers::MissingCodes;
pub use options::{Layout, NotANumber, Options};
pub use rows::TableStream;
pub use store::{Manifest, SCHEMA_VERSION, open_panel, save_panel, stored_manifest};
pub use table::{Table, Values};
pub use targets::{RateRows, WeightRows, read_rates, read_weights};
pub use units::ValueKind;
pub use words::table_name;
