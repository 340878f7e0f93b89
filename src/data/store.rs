//! The on-disk form of a panel: a folder with a manifest and three Parquet files.
//!
//! ```text
//! panel.toml            schema version, content hash, sizes, where the data came from
//! calendar.parquet      date                                          one row per trading day
//! assets.parquet        symbol, name, sector, issuer, delisting_return, venue, left  one row per asset
//! observations.parquet  asset, day, total_return, then the fields held  one row per return, sorted by asset, then day
//! ```
//! `asset` and `day` are row numbers of the other two files, from 0. Returns are doubles, fields single precision.
//! The content hash is that of the panel in memory and is checked on opening. A panel that replaces another is
//! written beside it, with the first digits of its hash in the file names, and takes effect when the manifest is
//! replaced: at any moment the folder holds either the old panel or the new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::data::files::{list_folder, read_text, write_atomically};
use crate::data::table::{Table, read_cells, read_columns, unusable};
use crate::error::{Error, Result, toml_message};
use crate::linalg::Matrix;
use crate::memory;
use crate::panel::{Asset, Field, Panel, Venue};
use crate::program::refused_format;
use crate::synthetic::SyntheticMarket;

/// Version of the layout described above.
pub const SCHEMA_VERSION: u32 = 1;

/// `panel.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the layout.
    pub schema_version: u32,
    /// Layout and file name of the source.
    pub source: String,
    /// BLAKE3 hash of the panel's content.
    pub content_hash: String,
    /// Number of assets.
    pub n_assets: usize,
    /// Number of trading days.
    pub n_days: usize,
    /// Number of returns present.
    pub n_returns: usize,
    /// Names of the fields held besides total returns.
    pub fields: Vec<String>,
    /// Notes on what was guessed and left out when the source was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Suffix of the file names; empty unless the panel has replaced another one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    /// The parameters of a synthetic panel, from which its true covariance can be computed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticMarket>,
}

/// Names of the Parquet files of a panel, without suffix and ending.
const FILES: [&str; 3] = ["calendar", "assets", "observations"];

impl Manifest {
    fn file(&self, folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{name}{}.parquet", self.suffix))
    }
}

/// The manifest in a folder, if there is one and it can be read.
pub fn stored_manifest(folder: &Path) -> Option<Manifest> {
    toml::from_str(&read_text(&folder.join("panel.toml")).ok()?).ok()
}

/// Removes the files of a panel that was replaced.
fn remove_others(folder: &Path, manifest: &Manifest) -> Result<()> {
    let ours: Vec<PathBuf> = FILES.iter().map(|name| manifest.file(folder, name)).collect();
    for name in list_folder(folder)? {
        let path = folder.join(&name);
        let rest = FILES.iter().find_map(|kind| name.strip_prefix(kind)?.strip_suffix(".parquet"));
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) && !ours.contains(&path) {
            std::fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

/// Writes a panel into a folder. The manifest is written last, so a folder with a manifest is complete.
pub fn save_panel(
    panel: &Panel,
    folder: &Path,
    source: &str,
    read: &[String],
    synthetic: Option<SyntheticMarket>,
) -> Result<Manifest> {
    let manifest_file = folder.join("panel.toml");
    let replaces = manifest_file.exists();
    let manifest = Manifest {
        suffix: if replaces { format!("-{}", &panel.content_hash()[..12]) } else { String::new() },
        schema_version: SCHEMA_VERSION,
        source: source.to_string(),
        content_hash: panel.content_hash().to_string(),
        n_assets: panel.n_assets(),
        n_days: panel.n_days(),
        n_returns: panel.n_returns(),
        fields: panel.fields().map(|field| field.name().to_string()).collect(),
        read: read.to_vec(),
        synthetic,
    };
    let text = toml::to_string(&manifest).expect("a manifest is plain data");
    let dates = panel.calendar().dates().iter().copied();
    Table::default().with_dates("date", dates).write_parquet(&manifest.file(folder, "calendar"))?;
    let assets = panel.assets();
    let mut described = Table::default()
        .with_texts("symbol", assets.iter().map(|a| &a.symbol))
        .with_texts("name", assets.iter().map(|a| &a.name))
        .with_texts("sector", assets.iter().map(|a| &a.sector))
        .with_texts("issuer", assets.iter().map(|a| &a.issuer))
        .with_numbers("delisting_return", assets.iter().map(|a| a.delisting_return.unwrap_or(f64::NAN)))
        .with_texts("venue", assets.iter().map(|a| a.venue.map_or("", Venue::name)));
    if assets.iter().any(|asset| asset.left.is_some()) {
        let left = |asset: &Asset| asset.left.map_or("", |left| if left { "yes" } else { "no" });
        described = described.with_texts("left", assets.iter().map(left));
    }
    described.write_parquet(&manifest.file(folder, "assets"))?;
    write_observations(panel, &manifest.file(folder, "observations"))?;
    write_atomically(&manifest_file, |file| {
        std::io::Write::write_all(file, text.as_bytes()).map_err(Error::io(&manifest_file))
    })?;
    remove_others(folder, &manifest)?;
    Ok(manifest)
}

fn write_observations(panel: &Panel, path: &Path) -> Result<()> {
    let present = |asset: usize| panel.returns(asset).iter().enumerate().filter(|(_, r)| !r.is_nan());
    let rows = || (0..panel.n_assets()).flat_map(|asset| present(asset).map(move |(day, _)| (asset, day)));
    let mut columns: Vec<Column> = vec![
        Series::new("asset".into(), rows().map(|(asset, _)| asset as u32).collect::<Vec<u32>>()).into_column(),
        Series::new("day".into(), rows().map(|(_, day)| day as u32).collect::<Vec<u32>>()).into_column(),
        Series::new("total_return".into(), rows().map(|(asset, day)| panel.returns(asset)[day]).collect::<Vec<f64>>())
            .into_column(),
    ];
    for field in panel.fields() {
        let value = |(asset, day): (usize, usize)| panel.field(field, asset).map_or(f32::NAN, |series| series[day]);
        columns.push(Series::new(field.name().into(), rows().map(value).collect::<Vec<f32>>()).into_column());
    }
    let mut frame = DataFrame::new_infer_height(columns).map_err(unusable(path))?;
    write_atomically(path, |file| ParquetWriter::new(file).finish(&mut frame).map(|_| ()).map_err(unusable(path)))
}

/// Reads a panel folder. Fails if its schema version is another one or its content does not match the hash in the
/// manifest.
pub fn open_panel(folder: &Path) -> Result<(Panel, Manifest)> {
    let file = folder.join("panel.toml");
    let config = |message: String| Error::Config { file: file.display().to_string(), message };
    let text = read_text(&file)?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| config(toml_message(&error, Some(&text))))?;
    if manifest.suffix.contains(['/', '\\']) {
        return Err(config("the suffix must not contain a slash".to_string()));
    }
    if let Some(why) = refused_format(manifest.schema_version, SCHEMA_VERSION) {
        return Err(config(why));
    }
    // An inconsistent panel means damaged files, so the error must name the folder.
    let in_folder = |error: Error| match error {
        Error::Data { place, rule } if !place.contains(&*folder.to_string_lossy()) => {
            Error::data(format!("{}, {place}", folder.display()), rule)
        }
        other => other,
    };
    let calendar = Calendar::new(Table::read_dates(&manifest.file(folder, "calendar"), "date")?).map_err(in_folder)?;
    let assets = read_assets(&manifest.file(folder, "assets"))?;
    let path = manifest.file(folder, "observations");
    let cells = read_cells(&path, calendar.n_days(), assets.len())?;
    let n_cells = calendar.n_days() as f64 * assets.len() as f64;
    let bytes = memory::DOUBLE * n_cells * (1.0 + manifest.fields.len() as f64 / 2.0);
    let what = format!("a panel of {} assets x {} days", assets.len(), calendar.n_days());
    memory::require(bytes, &format!("{}, {what},", folder.display()))?;
    let mut returns = vec![f64::NAN; calendar.n_days() * assets.len()];
    let frame = read_columns(&path, &["total_return"])?;
    let column = frame.column("total_return").and_then(|c| Ok(c.f64()?.clone())).map_err(unusable(&path))?;
    cells.iter().zip(column.iter()).for_each(|(&cell, r)| returns[cell] = r.unwrap_or(f64::NAN));
    let mut fields = BTreeMap::new();
    for field in Field::ALL.into_iter().filter(|field| manifest.fields.iter().any(|name| name == field.name())) {
        let frame = read_columns(&path, &[field.name()])?;
        let column = frame.column(field.name()).and_then(|c| Ok(c.f32()?.clone())).map_err(unusable(&path))?;
        let mut series = vec![f32::NAN; returns.len()];
        cells.iter().zip(column.iter()).for_each(|(&cell, x)| series[cell] = x.unwrap_or(f32::NAN));
        fields.insert(field, series);
    }
    let returns = Matrix::from_column_major(calendar.n_days(), assets.len(), returns);
    let panel = Panel::new(calendar, assets, returns, fields).map_err(in_folder)?;
    if panel.content_hash() != manifest.content_hash {
        let rule = "the content does not match the hash in panel.toml: files were changed or damaged; import the panel \
                    again";
        return Err(Error::data(folder.display().to_string(), rule));
    }
    Ok((panel, manifest))
}

fn read_assets(path: &Path) -> Result<Vec<Asset>> {
    let texts = |name| Table::read_texts(path, name);
    let (symbols, names) = (texts("symbol")?, texts("name")?);
    let (sectors, issuers) = (texts("sector")?, texts("issuer")?);
    let delisting_returns = Table::read_numbers(path, "delisting_return")?;
    // Panels written by earlier versions lack these columns.
    let columns = Table::names(path)?;
    let optional = |wanted: &'static str| match columns.iter().any(|name| name == wanted) {
        true => texts(wanted),
        false => Ok(vec![String::new(); symbols.len()]),
    };
    let (venues, left) = (optional("venue")?, optional("left")?);
    let asset = |row: usize| Asset {
        symbol: symbols[row].clone(),
        name: names[row].clone(),
        sector: sectors[row].clone(),
        issuer: issuers[row].clone(),
        delisting_return: Some(delisting_returns[row]).filter(|r| !r.is_nan()),
        venue: Venue::named(&venues[row]),
        left: Some(left[row] == "yes").filter(|_| !left[row].is_empty()),
    };
    Ok((0..symbols.len()).map(asset).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_survives_its_folder_and_damage_is_noticed() {
        let market = SyntheticMarket { n_assets: 7, n_days: 60, missing_rate: 0.1, ..Default::default() };
        let (panel, _) = market.simulate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let manifest = save_panel(&panel, folder.path(), "synthetic", &[], Some(market)).unwrap();
        let (again, read) = open_panel(folder.path()).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(again.content_hash(), panel.content_hash());
        // Files that a killed import has left in the folder change nothing.
        std::fs::write(folder.path().join("assets-0123456789ab.parquet"), "half").unwrap();
        assert_eq!(open_panel(folder.path()).unwrap().0.content_hash(), panel.content_hash());
        // A new panel replaces the old one at once, and no file of the old one stays.
        let market = SyntheticMarket { n_assets: 5, n_days: 40, ..Default::default() };
        let (other, _) = market.simulate().unwrap();
        let manifest = save_panel(&other, folder.path(), "synthetic", &[], Some(market)).unwrap();
        assert_eq!(open_panel(folder.path()).unwrap().0.content_hash(), other.content_hash());
        assert_eq!(list_folder(folder.path()).unwrap().len(), 4);
        let file = folder.path().join("panel.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(&manifest.content_hash, "0")).unwrap();
        assert!(open_panel(folder.path()).err().unwrap().to_string().contains("does not match the hash"));
    }
}
