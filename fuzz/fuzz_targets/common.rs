//! Helpers that several targets share.

use std::path::{Path, PathBuf};

use minvar::data::{Options, import, read_returns};
use minvar::panel::Panel;

/// Writes the bytes to a file with the given ending and passes its path to `open`.
pub fn with_file(bytes: &[u8], ending: &str, open: impl Fn(&Path)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join(format!("fuzzed.{ending}"));
    std::fs::write(&path, bytes).expect("a temporary file");
    open(&path);
}

#[allow(dead_code, reason = "not every target reads tables")]
/// Reads a table with `import` and with `estimate`; values that they accept must be possible.
pub fn read(path: &Path) {
    if let Ok(imported) = import(path, &Options::default()) {
        let panel = &imported.panel;
        for asset in 0..panel.n_assets() {
            for r in panel.returns(asset).iter().filter(|r| !r.is_nan()) {
                assert!((-1.0..=Panel::HIGHEST_RETURN).contains(r), "a return of {r}");
            }
        }
    }
    if let Ok(read) = read_returns(path, &Options::default(), None) {
        for r in read.returns.matrix.entries() {
            assert!((-1.0..=Panel::HIGHEST_RETURN).contains(r), "a return of {r}");
        }
    }
}
