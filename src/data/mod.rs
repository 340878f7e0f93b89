//! Reads files into panels and writes tables to files. No other module uses Polars.
//!
//! # Reading a table
//!
//! Every table of a user goes through `data::Columns`. Text files go from bytes to text (`encoding.rs`) and from text
//! to cells with their lines (`records.rs`, `text.rs`). Parquet and NumPy files give typed columns; their decoders
//! run under `guard.rs`, which turns a panic into an error that names the file. `Roles` finds out from the values
//! which column is the date and what the others are (`roles.rs`, `dates.rs`, `stamps.rs`); `MissingCodes` and
//! `numbers.rs` say what a cell means. Importers turn columns into `Observations`, which decide the unit
//! (`units.rs`), check every value and align them. `import` and `read_returns` share one function, which requires
//! dates or not, so the two cannot disagree.

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
mod pages;
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
    hash_file, list_folder, read_bytes, read_text, remove_file, remove_folder, remove_partial_files, write_atomically,
    write_text,
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
