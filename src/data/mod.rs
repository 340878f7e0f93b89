//! Files to panels and tables to files. Polars is named here and nowhere else.

mod describe;
mod files;
mod frame;
mod import;
mod observations;
mod store;
mod table;

pub use describe::{Description, YearCoverage, describe};
pub use files::{read_text, write_atomically};
pub use import::{Imported, Layout, NotANumber, Options, ValueKind, import};
pub use store::{Manifest, SCHEMA_VERSION, open_panel, save_panel};
pub use table::{Table, Values};
