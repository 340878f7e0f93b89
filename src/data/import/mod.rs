//! Importers, one file per layout. All work on columns whose roles were found from their values.

mod crsp;
mod folder;
mod french;
mod indexed;
mod long;
mod ohlcv;
mod wide;

pub(super) use long::ASSET;

use std::path::Path;

use crate::data::frame::Columns;
use crate::data::observations::{Aligned, impossible_fields};
use crate::data::options::{Layout, Options};
use crate::data::roles::{Role, Roles};
use crate::error::{Error, Result};
use crate::panel::{AssetId, Field, Panel};

/// A panel and notes on how its source was read.
pub struct Imported {
    /// The panel.
    pub panel: Panel,
    /// The layout used.
    pub layout: Layout,
    /// Lines for the user: rows left out, guesses made.
    pub notes: Vec<String>,
    /// Assets in the order of the source.
    pub order: Vec<AssetId>,
    /// Whether the dates are those of the source; otherwise they only count its rows.
    pub dated: bool,
    /// The number of the source's first row, if every row is a day and days are in the order of the source.
    pub(super) first_row: u32,
}

/// Whether a table must have dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dated {
    Must,
    May,
}

/// Reads a file or folder into a panel. Fails if its layout, dates, units or values cannot be understood, or if it
/// has no return.
pub fn import(path: &Path, options: &Options) -> Result<Imported> {
    let imported = read(path, options, Dated::Must)?;
    match imported.panel.n_returns() {
        0 => Err(Error::data(path.display().to_string(), "no returns: two days with prices are needed")),
        _ => Ok(imported),
    }
}

/// [`import`] that also accepts a panel without returns and, with [`Dated::May`], a table without dates, whose rows
/// are days.
pub(super) fn read(path: &Path, options: &Options, dated: Dated) -> Result<Imported> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
    let done = |layout: Layout, aligned: Aligned, mut notes: Vec<String>| {
        let Aligned { panel, order, notes: more } = aligned;
        notes.extend(more);
        Ok(Imported { panel, layout, notes, order, dated: true, first_row: 0 })
    };
    if metadata.is_dir() {
        let is_indexed = path.join("calendar.parquet").exists() && path.join("assets.parquet").exists();
        if options.layout.map_or(is_indexed, |layout| layout == Layout::Indexed) {
            if *options != (Options { layout: options.layout, ..Options::default() }) {
                let rule = "this layout fixes its columns, units and codes: --date-column, --date-format, --values and \
                            --missing do not apply to it";
                return Err(Error::data(path.display().to_string(), rule));
            }
            let (panel, notes) = indexed::import(path)?;
            check_values(&panel, path)?;
            let order = (0..panel.n_assets()).collect();
            return Ok(Imported { panel, layout: Layout::Indexed, notes, order, dated: true, first_row: 0 });
        }
        if let Some(layout) = options.layout.filter(|layout| *layout != Layout::Folder) {
            let rule = format!("--layout {} is for a file, but this is a folder", layout.word());
            return Err(Error::data(path.display().to_string(), rule));
        }
        let (aligned, notes) = folder::import(path, options)?;
        return done(Layout::Folder, aligned, notes);
    }
    if options.layout.map_or_else(|| french::looks_like(path), |layout| layout == Layout::French) {
        let (aligned, notes) = french::import(path, options)?;
        return done(Layout::French, aligned, notes);
    }
    let columns = Columns::read(path)?;
    let layout = match options.layout {
        Some(layout) => Some(layout),
        None if is_crsp(&columns) => Some(Layout::Crsp),
        None => None,
    };
    let mut notes = columns.notes().to_vec();
    if layout == Some(Layout::Crsp) {
        let (aligned, more) = crsp::import(&columns, options)?;
        return done(Layout::Crsp, aligned, [notes, more].concat());
    }
    let roles = Roles::find(&columns, options)?;
    let layout = layout.map_or_else(|| recognise(&columns, &roles), Ok)?;
    if dated == Dated::Must || layout != Layout::Wide {
        roles.dates()?;
    }
    notes.push(roles.told());
    let (aligned, more) = match layout {
        Layout::Long => long::import(&columns, &roles, options)?,
        Layout::Ohlcv => ohlcv::import(&columns, &roles, options)?,
        Layout::Wide => wide::import(&columns, &roles, options)?,
        Layout::Indexed | Layout::Folder => {
            return Err(Error::data(path.display().to_string(), "this layout is for a folder, but this is a file"));
        }
        Layout::Crsp | Layout::French => unreachable!("handled above"),
    };
    notes.extend(more);
    let is_dated = roles.date.is_some();
    let mut imported = done(layout, aligned, notes)?;
    (imported.dated, imported.first_row) = (is_dated, columns.row_number(0));
    Ok(imported)
}

/// Refuses impossible dates and values of the indexed layout; the other layouts are checked row by row.
fn check_values(panel: &Panel, path: &Path) -> Result<()> {
    let dates = panel.calendar().dates();
    if let Some(date) = dates.iter().find(|date| !(1900..=2100).contains(&date.year())) {
        return Err(Error::data(path.display().to_string(), format!("{date} is outside the years 1900 to 2100")));
    }
    for (id, asset) in panel.assets().iter().enumerate() {
        let returns = panel.returns(id);
        let fields = Field::ALL.map(|field| panel.field(field, id));
        let rule = |day: usize| match returns[day] {
            r if r.is_nan() => None,
            r if r > Panel::HIGHEST_RETURN => Some(format!("a return of {r:.3e} is impossible")),
            _ => impossible_fields(&fields.map(|series| series.map_or(f32::NAN, |series| series[day]))),
        };
        if let Some((day, rule)) = (0..returns.len()).find_map(|day| Some((day, rule(day)?))) {
            return Err(Error::data(format!("{}, asset {}, {}", path.display(), asset.symbol, dates[day]), rule));
        }
    }
    Ok(())
}

fn is_crsp(columns: &Columns) -> bool {
    columns.position(&["permno"]).is_some() && columns.position(&["prc", "ret", "dlyprc"]).is_some()
}

/// The layout that a table looks like.
fn recognise(columns: &Columns, roles: &Roles<'_>) -> Result<Layout> {
    if columns.levels().is_some() {
        return Ok(Layout::Ohlcv);
    }
    let named = columns.position(long::ASSET).filter(|_| roles.date.is_some());
    let has_value = columns.position(long::VALUE).is_some();
    // ID, NAME and DAY are tickers too: a long file also has a value column, or at least assets that are not numbers.
    let is_long = match named {
        Some(asset) => has_value || roles.role(asset)? != Role::Values,
        None => false,
    };
    if is_long || (named.is_none() && long::asset_by_values(columns, roles)?.is_some()) {
        return Ok(Layout::Long);
    }
    Ok(if ohlcv::looks_like(columns) { Layout::Ohlcv } else { Layout::Wide })
}
