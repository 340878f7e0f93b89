//! A folder with one OHLCV file per symbol: Stooq (`<DATE>,<CLOSE>,<VOL>`), Yahoo (`Date,Close,Adj Close,Volume`) and
//! the Kaggle copies of both. The symbol is the file name without its endings and without Stooq's `.us`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::frame::Columns;
use crate::data::import::ohlcv;
use crate::data::observations::{Aligned, Observations};
use crate::data::options::Options;
use crate::data::roles::Roles;
use crate::data::units::ValueKind;
use crate::data::words::file_name;
use crate::data::words::{TEXT_ENDINGS, endings, symbol};
use crate::error::{Error, Result};

pub(super) fn import(path: &Path, options: &Options) -> Result<(Aligned, Vec<String>)> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    collect(path, &mut files, &mut others)?;
    files.sort();
    others.sort();
    if files.is_empty() {
        let rule = "the folder has no .csv, .txt, .tsv (or the same with .gz) or .parquet files, and no \
                    calendar.parquet and assets.parquet";
        return Err(Error::data(path.display().to_string(), rule));
    }
    check_symbols(&files)?;
    let mut observations = Observations::new(options.values, Some(ValueKind::Prices), true);
    let mut adjusted = Vec::new();
    let mut empty = 0;
    let mut read: BTreeMap<String, usize> = BTreeMap::new();
    for path in &files {
        if std::fs::metadata(path).map_err(Error::io(path))?.len() == 0 {
            empty += 1;
            continue;
        }
        let columns = Columns::read(path)?;
        let roles = Roles::find(&columns, options)?;
        columns.notes().iter().cloned().chain([roles.told()]).for_each(|note| *read.entry(note).or_default() += 1);
        adjusted.extend(ohlcv::observe(&columns, roles.dates()?, &symbol(path), options, &mut observations)?);
    }
    let mut notes = vec![format!("{} files, {empty} of them empty and left out", files.len())];
    notes.extend(read.into_iter().map(|(note, n)| format!("{note} ({n} {})", if n == 1 { "file" } else { "files" })));
    if !others.is_empty() {
        let shown: Vec<String> = others.iter().take(3).map(|path| file_name(path)).collect();
        let more = if others.len() > 3 { ", …" } else { "" };
        notes.push(format!("{} other files left out: {}{more}", others.len(), shown.join(", ")));
    }
    let n_adjusted = adjusted.iter().filter(|adjusted| **adjusted).count();
    notes.push(ohlcv::told(n_adjusted, adjusted.len()));
    Ok((observations.align()?, notes))
}

/// Refuses two files of the same symbol: prices adjusted on different days do not fit together.
fn check_symbols(files: &[PathBuf]) -> Result<()> {
    let mut seen: BTreeMap<String, &PathBuf> = BTreeMap::new();
    for path in files {
        let symbol = symbol(path);
        if let Some(first) = seen.get(&symbol) {
            let rule = format!(
                "asset {symbol} is also in {}; two files of one symbol may be adjusted to different days: keep one of \
                 them",
                first.display()
            );
            return Err(Error::data(path.display().to_string(), rule));
        }
        seen.insert(symbol, path);
    }
    Ok(())
}

/// Collects the data files below a folder, at any depth, and the other files.
fn collect(folder: &Path, files: &mut Vec<PathBuf>, others: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let (ending, inner) = endings(&path);
        let is_text = |ending: &str| TEXT_ENDINGS.contains(&ending);
        if path.is_dir() {
            collect(&path, files, others)?;
        } else if is_text(&ending) || ending == "parquet" || (ending == "gz" && is_text(&inner)) {
            files.push(path);
        } else {
            others.push(path);
        }
    }
    Ok(())
}
