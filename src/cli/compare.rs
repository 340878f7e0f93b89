//! `minvar compare`: finished runs side by side.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::output::say;
use crate::results::{Side, compare};

/// Compare finished runs, or two portfolios of them, on the days they share
///
/// Portfolios with the same label are compared with those of the first run: volatility by the test of Ledoit and Wolf
/// (2011), the Sharpe ratio by their test of 2008. Other differences between the runs (dates, data, universe) are
/// listed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  minvar compare us_gmv us_zoo
  minvar compare us_network:qis/gmv 'us_network:network, seed 0/gmv'
  minvar compare 'us_sim/simulation:qis/gmv_long_only, realistic, 10 M dollars, net' 'us_sim/simulation-mine:my_weights/weights'")]
pub(super) struct Arguments {
    /// Runs or their simulations, each with a portfolio if only one is meant: RUN, RUN/simulation or
    /// RUN:ESTIMATOR/ALLOCATOR; RUN:LABEL is enough where only one portfolio has this label
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<String>,
    /// Random seed of the resampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    let side = |text: &String| -> anyhow::Result<Side> {
        let (run, portfolio) = text.split_once(':').map_or((text.as_str(), None), |(run, name)| (run, Some(name)));
        Ok(Side { results: super::open_results(&arguments.out, run)?, portfolio: portfolio.map(str::to_string) })
    };
    let mut sides: Vec<Side> = arguments.runs.iter().map(side).collect::<anyhow::Result<_>>()?;
    // Runs of one name in different folders are called by their folders.
    let names: Vec<String> = sides.iter().map(|side| side.results.name.clone()).collect();
    let homes: Vec<PathBuf> = sides.iter().map(|side| side.results.home.clone()).collect();
    let is_shared = |k: usize| (0..names.len()).any(|j| names[j] == names[k] && homes[j] != homes[k]);
    for k in 0..names.len() {
        if is_shared(k) {
            sides[k].results.name = homes[k].display().to_string();
        }
    }
    let compared = compare(&sides, arguments.seed)?;
    let sheet = compared.sheet();
    say!("{}", sheet.caption);
    if !compared.pairings.is_empty() {
        say!("{}", sheet.terminal());
        say!("stars: * p < 0.05, ** p < 0.01, *** p < 0.001, by 4,999 studentised circular block resamples");
    }
    compared.notes.iter().for_each(|note| say!("note: {note}"));
    Ok(json!({ "table": sheet, "notes": compared.notes }))
}
