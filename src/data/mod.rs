//! Files to panels and tables to files. Polars is named here and nowhere else.

mod describe;
mod files;
mod frame;
mod import;
mod lock;
mod matrix;
mod observations;
mod rows;
mod store;
mod table;
mod targets;

pub use describe::{Description, YearCoverage, describe};
pub use files::{hash_file, list_folder, read_bytes, read_text, remove_partial_files, write_atomically, write_text};
pub use frame::Columns;
pub use import::{Imported, Layout, NotANumber, Options, ValueKind, import};
pub use lock::{LOCK, Lock};
pub use matrix::{NamedMatrix, NamedRows, read_returns, write_matrix};
pub use rows::TableStream;
pub use store::{Manifest, SCHEMA_VERSION, open_panel, save_panel, stored_manifest};
pub use table::{Table, Values};
pub use targets::{WeightRows, read_rates, read_weights};
