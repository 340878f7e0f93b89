//! `minvar data`: panels in and out.

use std::io::Write;
use std::path::PathBuf;

use crate::cli::DataFolder;
use crate::data::{self, Description, LOCK, Layout, Lock, Manifest, NotANumber, Options, ValueKind};
use crate::registry::check_name;
use crate::synthetic::SyntheticMarket;

/// Import, describe and simulate panels
///
/// A panel is a folder below the data folder; experiments name it: panel = "us_daily".
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Convert files of daily prices or returns to a panel
    ///
    /// Layouts, recognised from the files: indexed (calendar, assets, one row a return), long (date, asset, close or
    /// return), wide (date and one column per asset), folder (one OHLCV file per symbol: Stooq, Yahoo, Kaggle), crsp
    /// (daily stock file), french (Kenneth French's daily text files). See data/README.md.
    Import {
        /// File or folder
        source: PathBuf,
        /// Name of the panel [default: name of the source]
        #[arg(long)]
        name: Option<String>,
        /// Layout, if it is not recognised
        #[arg(long, value_enum)]
        layout: Option<Layout>,
        /// What the values of a wide file are
        #[arg(long, value_enum, default_value = "guess")]
        values: ValueKind,
        /// What a literal NaN means
        #[arg(long, value_enum, default_value = "refused")]
        nan: NotANumber,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Coverage by year, holes, duplicates, suspicious returns and a picture of what is missing
    Describe {
        /// Name of the panel
        name: String,
        /// Longest list of suspicious returns
        #[arg(long, default_value_t = 20)]
        most: usize,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Draw a synthetic market and save it as a panel
    Simulate {
        /// Name of the panel
        #[arg(long, default_value = "synthetic")]
        name: String,
        /// Number of assets
        #[arg(long, default_value_t = 1000)]
        assets: usize,
        /// Number of trading days
        #[arg(long, default_value_t = 2500)]
        days: usize,
        /// Seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        data: DataFolder,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Import { source, name, layout, values, nan, data } => {
            let options = Options { layout: *layout, values: *values, not_a_number: *nan };
            let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let name = name.clone().unwrap_or_else(|| stem.clone());
            check_name("--name", &name)?;
            let folder = data.path().join(&name);
            let _lock = Lock::take(&folder.join(LOCK))?;
            let imported = data::import(source, &options)?;
            note_replaced(&folder, &name);
            let origin = format!("{:?}: {stem}", imported.layout).to_lowercase();
            let manifest = data::save_panel(&imported.panel, &folder, &origin, None)?;
            imported.notes.iter().for_each(|note| println!("{note}"));
            print_manifest(&name, &manifest, &imported.panel);
            println!("saved in {}", folder.display());
        }
        Command::Describe { name, most, data } => {
            let (panel, manifest) = data::open_panel(&data.panel(name)?)?;
            print_manifest(name, &manifest, &panel);
            print_description(&data::describe(&panel), *most)?;
        }
        Command::Simulate { name, assets, days, seed, data } => {
            let market =
                SyntheticMarket { n_assets: *assets, n_days: *days, seed: *seed, ..SyntheticMarket::default() };
            check_name("--name", name)?;
            let (panel, _) = market.simulate()?;
            let folder = data.path().join(name);
            let _lock = Lock::take(&folder.join(LOCK))?;
            note_replaced(&folder, name);
            let manifest = data::save_panel(&panel, &folder, "synthetic", Some(market))?;
            print_manifest(name, &manifest, &panel);
            println!("saved in {}", folder.display());
        }
    }
    Ok(())
}

/// Says that an older panel goes.
fn note_replaced(folder: &std::path::Path, name: &str) {
    if let Some(old) = data::stored_manifest(folder) {
        let Manifest { n_assets, n_days, content_hash, .. } = old;
        let hash = content_hash.get(..12).unwrap_or_default();
        println!("replaces the panel {name} of {n_assets} assets x {n_days} days, content hash {hash}");
    }
}

fn print_manifest(name: &str, manifest: &Manifest, panel: &crate::panel::Panel) {
    let dates = panel.calendar().dates();
    println!(
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
    println!("source {}, schema {}, content hash {}", manifest.source, manifest.schema_version, manifest.content_hash);
}

fn print_description(description: &Description, most: usize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
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
    writeln!(out, "\nfields, share of the returns that have them")?;
    for (name, share) in &description.fields {
        writeln!(out, "  {name:<20} {:>6.2} %", 100.0 * share)?;
    }
    writeln!(out, "\nlongest holes inside a life (days without a return)")?;
    for (symbol, date, days) in &description.longest_holes {
        writeln!(out, "  {symbol:<12} from {date}  {days:>5}")?;
    }
    let suspicious = &description.suspicious;
    writeln!(out, "\nsuspicious returns: {} ({} shown)", suspicious.len(), suspicious.len().min(most))?;
    for (symbol, date, r, reason) in suspicious.iter().take(most) {
        writeln!(out, "  {symbol:<12} {date}  {:>9.1} %  {reason}", 100.0 * r)?;
    }
    writeln!(out, "\npairs with the same returns over a year: {}", description.duplicates.len())?;
    for (first, second) in description.duplicates.iter().take(most) {
        writeln!(out, "  {first} = {second}")?;
    }
    writeln!(out, "\nreturns present: # all, + half or more, . some; days left to right, oldest listing at the top")?;
    for line in &description.picture {
        writeln!(out, "  |{line}|")?;
    }
    Ok(())
}
