//! `minvar data`: importing, extending, describing and simulating panels.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::DataFolder;
use crate::cli::output::{say, stdout};
use crate::cli::reading::{self, Reading};
use crate::data::{self, Description, Ends, Finding, LOCK, Layout, Lock, Manifest, Suspects};
use crate::panel::{AssetId, Panel};
use crate::registry::check_name;
use crate::synthetic::SyntheticMarket;

/// Import, describe and synthesize panels
///
/// A panel is a folder inside the data folder; experiments refer to it by name: panel = "us_daily".
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Convert files of daily prices or returns to a panel
    ///
    /// Layouts, recognised from the files: indexed (calendar, assets, one row per return), long (date, asset, close or
    /// return), wide (date and one column per asset), ohlcv (open to volume of one symbol, or of several as yfinance
    /// writes them), folder (one such file per symbol: Stooq, Yahoo, Kaggle), crsp (daily stock file), french (Kenneth
    /// French's daily text files). Every guess is reported and stored in panel.toml. See data/README.md.
    Import {
        /// File or folder
        source: PathBuf,
        /// Name of the panel [default: name of the source]
        #[arg(long)]
        name: Option<String>,
        /// Layout, if it is not recognised
        #[arg(long, value_enum)]
        layout: Option<Layout>,
        #[command(flatten)]
        reading: Reading,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Extend a panel with newer files, and report what changed
    ///
    /// The panel keeps every value it has; later days, new assets and missing returns are added. If more than one in a
    /// hundred of the returns that both have differ by more than 0.01 %, or if the files have earlier days that the
    /// panel lacks, nothing is changed. Newer prices should begin on the panel's last day, because the first price has
    /// no return.
    Append {
        /// Name of the panel
        name: String,
        /// File or folder
        source: PathBuf,
        /// Layout, if it is not recognised
        #[arg(long, value_enum)]
        layout: Option<Layout>,
        #[command(flatten)]
        reading: Reading,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Show coverage by year, holes, suspicious data, and a picture of what is missing
    ///
    /// The findings are also written to a file of suspects (asset, first, last, finding). Look at them, delete the
    /// rows whose data are correct, and name the file in an experiment: exclude = "NAME.suspects.csv" in [data] makes
    /// the returns of the remaining rows missing. An existing file with other content is never overwritten.
    #[command(after_long_help = format!("Rules:\n{}", data::rules()))]
    Describe {
        /// Name of the panel
        name: String,
        /// Most findings to list per kind
        #[arg(long, default_value_t = 8)]
        most: usize,
        /// File of suspects [default: NAME.suspects.csv in the data folder]
        #[arg(long, value_name = "FILE")]
        suspects: Option<PathBuf>,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Draw a synthetic market and save it as a panel
    Synthesize {
        /// Name of the panel
        #[arg(long, default_value = "synthetic")]
        name: String,
        /// Number of assets
        #[arg(long, default_value_t = 1000)]
        assets: usize,
        /// Number of trading days
        #[arg(long, default_value_t = 2500)]
        days: usize,
        /// Random seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        data: DataFolder,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<Value> {
    match command {
        Command::Import { source, name, layout, reading, data } => {
            let options = reading.options(*layout);
            let stem = data::table_name(source);
            let name = name.clone().unwrap_or_else(|| stem.clone());
            check_name("--name", &name)?;
            let folder = data.path().join(&name);
            let _lock = Lock::take(&folder.join(LOCK))?;
            let imported = data::import(source, &options)?;
            note_replaced(&folder, &name);
            let origin = format!("{:?}: {stem}", imported.layout).to_lowercase();
            let manifest = data::save_panel(&imported.panel, &folder, &origin, &imported.notes, None)?;
            reading::say(&imported.notes);
            print_manifest(&name, &manifest, &imported.panel);
            say!("saved in {}", folder.display());
            print_worst(&name, &imported.panel);
            Ok(told(&name, &folder, &manifest, &imported.panel, json!({})))
        }
        Command::Append { name, source, layout, reading, data } => {
            let options = reading.options(*layout);
            let folder = data.panel(name)?;
            let _lock = Lock::take(&folder.join(LOCK))?;
            let (panel, before) = data::open_panel(&folder)?;
            let imported = data::import(source, &options)?;
            reading::say(&imported.notes);
            let appended = data::append(&panel, &imported.panel)?;
            appended.lines().iter().for_each(|line| say!("{line}"));
            if appended.new_returns == 0 {
                say!("nothing new: panel {name} is unchanged");
                return Ok(told(name, &folder, &before, &panel, json!({ "changed": appended.lines() })));
            }
            let stem = data::table_name(source);
            let origin = format!("{}, {stem}", before.source);
            let read = [before.read, imported.notes].concat();
            let manifest = data::save_panel(&appended.panel, &folder, &origin, &read, None)?;
            print_manifest(name, &manifest, &appended.panel);
            print_worst(name, &appended.panel);
            Ok(told(name, &folder, &manifest, &appended.panel, json!({ "changed": appended.lines() })))
        }
        Command::Describe { name, most, suspects, data } => {
            let folder = data.panel(name)?;
            let (panel, manifest) = data::open_panel(&folder)?;
            print_manifest(name, &manifest, &panel);
            let description = data::describe(&panel);
            print_description(&panel, &description, *most)?;
            let default = data.path().join(format!("{name}.suspects.csv"));
            let path = suspects.as_ref().unwrap_or(&default);
            let (outcome, n_rows) = data::write_suspects(&panel, &description.findings, path)?;
            let shown = path.display();
            match outcome {
                Suspects::Written => say!("\n{n_rows} suspects written to {shown}"),
                Suspects::Same => say!("\n{n_rows} suspects, as in {shown}"),
                Suspects::Kept => say!(
                    "\n{n_rows} suspects; {shown} has other content, perhaps your edits, and was not changed: \
                     remove it, or write to another file with --suspects FILE"
                ),
            }
            let found = |finding: &Finding| {
                let symbols: Vec<&str> = finding.assets.iter().map(|&id| panel.assets()[id].symbol.as_str()).collect();
                json!({
                    "kind": finding.kind.name(),
                    "assets": symbols,
                    "first": panel.calendar().date(finding.first).to_string(),
                    "last": panel.calendar().date(finding.last).to_string(),
                    "number": finding.number,
                    "text": finding.text,
                })
            };
            let findings: Vec<Value> = description.findings.iter().map(found).collect();
            Ok(told(name, &folder, &manifest, &panel, json!({ "findings": findings, "suspects": path })))
        }
        Command::Synthesize { name, assets, days, seed, data } => {
            let market =
                SyntheticMarket { n_assets: *assets, n_days: *days, seed: *seed, ..SyntheticMarket::default() };
            check_name("--name", name)?;
            let (panel, _) = market.simulate()?;
            let folder = data.path().join(name);
            let _lock = Lock::take(&folder.join(LOCK))?;
            note_replaced(&folder, name);
            let manifest = data::save_panel(&panel, &folder, "synthetic", &[], Some(market))?;
            print_manifest(name, &manifest, &panel);
            say!("saved in {}", folder.display());
            Ok(told(name, &folder, &manifest, &panel, json!({})))
        }
    }
}

/// A panel as JSON, together with anything else the command found.
fn told(name: &str, folder: &std::path::Path, manifest: &Manifest, panel: &Panel, more: Value) -> Value {
    let dates = panel.calendar().dates();
    let mut told = json!({
        "panel": name,
        "folder": folder,
        "n_assets": manifest.n_assets,
        "n_days": manifest.n_days,
        "n_returns": manifest.n_returns,
        "first": dates.first().map(ToString::to_string),
        "last": dates.last().map(ToString::to_string),
        "periods_per_year": panel.periods_per_year(),
        "fields": manifest.fields,
        "content_hash": manifest.content_hash,
        "read": manifest.read,
    });
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

/// Announces that an existing panel of this name will be replaced.
fn note_replaced(folder: &std::path::Path, name: &str) {
    if let Some(old) = data::stored_manifest(folder) {
        let Manifest { n_assets, n_days, content_hash, .. } = old;
        let hash = content_hash.get(..12).unwrap_or_default();
        say!("replaces the panel {name} of {n_assets} assets x {n_days} days, content hash {hash}");
    }
}

fn print_manifest(name: &str, manifest: &Manifest, panel: &crate::panel::Panel) {
    let dates = panel.calendar().dates();
    say!(
        "panel {name}: {} assets x {} days ({} to {}), {} returns; {}",
        manifest.n_assets,
        manifest.n_days,
        dates.first().map(ToString::to_string).unwrap_or_default(),
        dates.last().map(ToString::to_string).unwrap_or_default(),
        manifest.n_returns,
        if manifest.fields.is_empty() {
            "returns only".to_string()
        } else {
            format!("with {}", manifest.fields.join(", "))
        }
    );
    say!("calendar: {}", panel.calendar().periodicity().sentence());
    let today = jiff::Zoned::now().date();
    let future = panel.n_days() - panel.calendar().first_on_or_after(today.tomorrow().unwrap_or(today));
    // The days of a synthetic market are invented, so they may be in the future.
    if future > 0 && manifest.synthetic.is_none() {
        say!("{future} {} after today, {today}", if future == 1 { "day is" } else { "days are" });
    }
    say!("source {}, schema {}, content hash {}", manifest.source, manifest.schema_version, manifest.content_hash);
}

/// Prints the worst findings of a panel that was just saved.
fn print_worst(name: &str, panel: &Panel) {
    let worst = data::worst_findings(panel, 3);
    if !worst.is_empty() {
        say!("look at this first; 'minvar data describe {name}' shows all:");
        worst.iter().for_each(|line| say!("  {line}"));
    }
}

fn print_description(panel: &Panel, description: &Description, most: usize) -> std::io::Result<()> {
    let mut out = stdout();
    writeln!(out, "\n  year   days  assets     returns   holes  zero returns")?;
    for year in &description.years {
        writeln!(
            out,
            "  {}  {:>5}  {:>6}  {:>10}  {:>6}  {:>10.2} %",
            year.year,
            year.n_days,
            year.n_assets,
            year.n_returns,
            year.n_holes,
            100.0 * year.zero_share
        )?;
    }
    if !description.fields.is_empty() {
        writeln!(out, "\nfields, share of the returns that have them")?;
        for (name, share) in &description.fields {
            writeln!(out, "  {name:<20} {:>6.2} %", 100.0 * share)?;
        }
    }
    if !description.longest_holes.is_empty() {
        writeln!(out, "\nlongest holes inside a life (days without a return)")?;
    }
    for (symbol, date, days) in &description.longest_holes {
        writeln!(out, "  {symbol:<12} from {date}  {days:>5}")?;
    }
    let Ends { announced, source, panel: living, alone } = &description.ends;
    let named = |assets: &[AssetId]| {
        let symbols = assets.iter().take(most).map(|&asset| panel.assets()[asset].symbol.as_str());
        let more = if assets.len() > most { ", …" } else { "" };
        let names = symbols.collect::<Vec<_>>().join(", ");
        if names.is_empty() { String::new() } else { format!(" ({names}{more})") }
    };
    writeln!(
        out,
        "\nends: {living} with the panel, {} with a delisting return{}, {source} on a day when many end, {} for unknown reasons{}",
        announced.len(),
        named(announced),
        alone.len(),
        named(alone)
    )?;
    writeln!(out, "\nfindings: {}", description.findings.len())?;
    for group in description.findings.chunk_by(|a, b| a.kind == b.kind) {
        print_group(&mut out, panel, group, most)?;
    }
    writeln!(out, "\nreturns present: # all, + half or more, . some; days left to right, oldest listing at the top")?;
    for line in &description.picture {
        writeln!(out, "  |{line}|")?;
    }
    Ok(())
}

/// Prints the worst findings of one kind. A single asset with several of them is listed once, with their number.
fn print_group(out: &mut impl Write, panel: &Panel, group: &[Finding], most: usize) -> std::io::Result<()> {
    let mut counts: BTreeMap<&[AssetId], usize> = BTreeMap::new();
    group.iter().for_each(|finding| *counts.entry(&finding.assets).or_default() += 1);
    let single = |finding: &Finding| finding.assets.len() == 1;
    let n_assets = counts.keys().filter(|assets| assets.len() == 1).count();
    let spread = if n_assets > 0 { format!(" in {n_assets} assets") } else { String::new() };
    writeln!(out, "\n{}: {}{spread}", group[0].kind.name(), group.len())?;
    let mut told = std::collections::BTreeSet::new();
    let worst = group.iter().filter(|finding| !single(finding) || told.insert(&finding.assets[..]));
    for finding in worst.take(most) {
        let others = if single(finding) { counts[&finding.assets[..]] - 1 } else { 0 };
        let others = if others > 0 { format!(" ({others} more)") } else { String::new() };
        writeln!(out, "  {}{others}", finding.sentence(panel))?;
    }
    Ok(())
}
