//! `minvar init`: writes an experiment file to start from.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::DataFolder;
use crate::cli::output::say;
use crate::data::{stored_manifest, write_text};
use crate::description::Experiment;
use crate::error::Error;

/// Write an experiment file with comments, ready to run and to edit
///
/// With --panel it is made for one of your panels: its look-back and universe size suit the days and assets of that
/// panel.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  minvar init first                    first.toml, on a synthetic market
  minvar init mine --panel mine        mine.toml, on the panel that 'minvar data import' has made
  minvar run mine.toml")]
pub(super) struct Arguments {
    /// Name of the experiment, with or without .toml
    name: PathBuf,
    /// Name of one of your panels
    #[arg(long)]
    panel: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

/// Common look-backs in days, longest first.
const LOOKBACKS: [usize; 8] = [1200, 800, 500, 400, 250, 120, 60, 30];

/// The table `[data]` of a panel.
fn for_panel(panel: &str) -> String {
    format!(
        "[data]\npanel = \"{panel}\"\n\
         # exclude = \"{panel}.suspects.csv\"   # returns to treat as missing; `minvar data describe {panel}` writes the file"
    )
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let file = match arguments.name.extension() {
        Some(ending) if ending == "toml" => arguments.name.clone(),
        _ => PathBuf::from(format!("{}.toml", arguments.name.display())),
    };
    if file.exists() {
        return Err(Error::data(file.display().to_string(), "the file exists already; choose another name").into());
    }
    let (data, n_assets, n_days) = match &arguments.panel {
        // Some of the 300 are not listed yet, or no longer.
        None => ("[data.synthetic]\nn_assets = 300\nn_days = 1500\nseed = 1".to_string(), 200, 1500),
        Some(panel) => {
            let folder = arguments.data.panel(panel)?;
            let manifest = stored_manifest(&folder)
                .ok_or_else(|| Error::data(folder.display().to_string(), "its panel.toml cannot be read"))?;
            (for_panel(panel), manifest.n_assets, manifest.n_days)
        }
    };
    let lookback = LOOKBACKS.into_iter().find(|days| 2 * days <= n_days).unwrap_or_else(|| (n_days / 2).max(2));
    let size = n_assets.min(1000);
    let most = size.min(100);
    let text = include_str!("init.toml")
        .replace("{least}", &(most / 3).max(2).min(most).to_string())
        .replace("{most}", &most.to_string())
        .replace("{short}", &lookback.min(60).to_string())
        .replace("{about}", &format!("Minimum variance, {size} assets from {lookback} days"))
        .replace("{data}", &data)
        .replace("{rules}", if arguments.panel.is_some() { "paper" } else { "none" })
        .replace("{size}", &size.to_string())
        .replace("{lookback}", &lookback.to_string());
    Experiment::parse(&text, &file.display().to_string())?;
    write_text(&file, &text)?;
    say!("{}; run it with: minvar run {}", file.display(), file.display());
    Ok(json!({ "file": file }))
}
