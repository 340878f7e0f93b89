//! A finished run as stored on disk, and what can be made from it without recomputing: figures, tables, tests, a
//! report page.
//!
//! ```text
//! results/<name>/               a run: run.toml, metrics.csv, returns.parquet … (src/experiment/output.rs)
//! results/<name>/n=<size>/, universe=<label>/   a run of a sweep
//! results/<name>/simulation*/   accounts: run.toml, accounts.csv, equity.parquet (src/experiment/simulation_output.rs)
//! ```
//! Everything here is a pure function of these files: the same files give the same bytes.

mod compare;
mod curves;
mod evidence;
#[cfg(feature = "figures")]
mod figures;
mod forecasts;
mod history;
#[cfg(feature = "figures")]
mod page;
mod paper;
mod read;
mod tables;

use std::path::{Path, PathBuf};

pub use compare::{Compared, Pairing, Side, compare};
pub use evidence::{
    Against, EXPLAINED, Evidence, Finding, GroupFinding, Named, PeriodFinding, Rivals, SeedFinding, Tested,
    discard_tests, evidence, evidence_markdown, evidence_table, periods_table, stars, write_evidence,
};
#[cfg(feature = "figures")]
pub use figures::{Drawn, FIGURES, FigureKind, Left, draw};
pub use forecasts::FORECASTS_EXPLAINED;
pub use history::{drawdown_sheet, monthly_sheet};
#[cfg(feature = "figures")]
pub use page::write_page;
pub use paper::{Check, Verdict, check_paper, paper_table};
pub use read::{DailyReturns, PortfolioReturns};
pub use tables::write_tables;

use crate::description::{ORACLE, PortfolioName, RunFile};
use crate::error::{Error, Result};
use crate::estimators::modules::networks_of;
use crate::registry::Choice;

/// Writes everything that is derived from the files of a run: tables and, with the feature `figures`, figures.
pub fn redraw(results: &Results) -> Result<()> {
    write_tables(results)?;
    #[cfg(feature = "figures")]
    draw(results, &[], &[])?;
    Ok(())
}

/// A finished run or simulation.
pub struct Results {
    /// Folder of the run; also if only a simulation inside it was opened.
    pub folder: PathBuf,
    /// Folder for its tests and its report page: the folder that was opened.
    pub home: PathBuf,
    /// The name of the experiment.
    pub name: String,
    /// The experiment's line on its purpose.
    pub about: String,
    /// The content of `run.toml`; if the run has none, that of its first simulation.
    pub run: RunFile,
    /// Whether there is a run, not only simulations.
    pub has_run: bool,
    /// Names of the folders of simulations: `simulation`, `simulation-TAG`.
    pub simulations: Vec<String>,
}

impl Results {
    /// Opens a folder that holds `run.toml`, or simulations, or is itself a simulation. Fails if nothing in it is
    /// finished.
    pub fn open(folder: &Path) -> Result<Self> {
        let holds_accounts = ["accounts.csv", "leverage.csv"].iter().any(|file| folder.join(file).exists());
        if is_simulation(&file_name(folder)) && holds_accounts {
            return Self::open_simulation(folder);
        }
        let is_finished = |name: &String| is_simulation(name) && folder.join(name).join("run.toml").exists();
        let simulations: Vec<String> = subfolders(folder).into_iter().filter(is_finished).collect();
        let has_run = folder.join("run.toml").exists();
        let file = match simulations.first() {
            Some(simulation) if !has_run => folder.join(simulation).join("run.toml"),
            _ => folder.join("run.toml"),
        };
        Self::from_file(folder, folder, &file, has_run, simulations)
    }

    /// Opens one simulation without the run that it belongs to.
    pub fn open_simulation(folder: &Path) -> Result<Self> {
        let parent = folder.parent().unwrap_or(Path::new("."));
        let mut results = Self::from_file(parent, folder, &folder.join("run.toml"), false, vec![file_name(folder)])?;
        results.name = format!("{}/{}", results.name, file_name(folder));
        Ok(results)
    }

    fn from_file(folder: &Path, home: &Path, file: &Path, has_run: bool, simulations: Vec<String>) -> Result<Self> {
        if !file.exists() {
            let is_begun = ["windows", "accounts"].iter().any(|part| home.join(part).is_dir());
            let rule = match is_begun {
                true => "the run is not finished; repeat the command that began it to continue",
                false => "no finished run: run.toml is missing; 'minvar run' or 'minvar simulate' writes it",
            };
            return Err(Error::data(folder.display().to_string(), rule));
        }
        let run = RunFile::read(file)?;
        let about = run.experiment.about.clone();
        // The name of one run of a sweep includes that of the sweep.
        let own = file_name(folder);
        let name = match folder.parent() {
            Some(parent) if is_of_sweep(&own) => format!("{}/{own}", file_name(parent)),
            _ => own,
        };
        Ok(Self { folder: folder.to_path_buf(), home: home.to_path_buf(), name, about, run, has_run, simulations })
    }

    /// Number of returns per year: 252 unless the run says otherwise.
    pub fn periods_per_year(&self) -> f64 {
        self.run.provenance.periods_per_year.unwrap_or(crate::metrics::DAYS_PER_YEAR)
    }

    /// Whether it is a sweep; a sweep's own files hold no returns.
    pub fn is_sweep(&self) -> bool {
        self.run.experiment.sweep.is_some()
    }

    /// Whether the run has this file.
    pub fn has(&self, file: &str) -> bool {
        self.folder.join(file).exists()
    }

    /// Labels of estimators in colour; the others are pale or left out. All are in colour if empty.
    #[cfg(feature = "figures")]
    fn highlight(&self) -> &[String] {
        &self.run.experiment.figures.highlight
    }

    /// Whether a portfolio's covariance is that of a trained network, or has a part of one.
    pub fn is_network(&self, name: &PortfolioName) -> bool {
        let uses_network = |choice: &Choice| networks_of(choice).is_ok_and(|networks| !networks.is_empty());
        self.choice(name).is_some_and(uses_network)
    }

    /// Whether a portfolio's covariance is the true one of a synthetic market.
    fn is_truth(&self, name: &PortfolioName) -> bool {
        self.choice(name).is_some_and(|choice| choice.name == ORACLE)
    }

    /// The estimator of a portfolio, as the experiment writes it.
    fn choice(&self, name: &PortfolioName) -> Option<&Choice> {
        let choices = &self.run.experiment.compare.estimators;
        name.estimator.as_ref().and_then(|label| choices.iter().find(|choice| choice.label == *label))
    }
}

/// Names of the subfolders of a folder, sorted.
fn subfolders(folder: &Path) -> Vec<String> {
    let entries = crate::data::list_folder(folder).unwrap_or_default();
    let mut names: Vec<String> = entries.into_iter().filter(|name| folder.join(name).is_dir()).collect();
    names.sort();
    names
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a folder holds a run or a simulation.
fn has_run(folder: &Path) -> bool {
    let simulations = subfolders(folder).into_iter().filter(|name| is_simulation(name)).map(|name| folder.join(name));
    std::iter::once(folder.to_path_buf()).chain(simulations).any(|place| place.join("run.toml").exists())
}

/// Whether this is the name of a folder of a simulation: `simulation`, `simulation-TAG`.
fn is_simulation(name: &str) -> bool {
    name == "simulation" || name.starts_with("simulation-")
}

/// Whether this is the name of a folder of one run of a sweep: `n=50`, `universe=none`, `phase=3`.
fn is_of_sweep(name: &str) -> bool {
    ["n=", "universe=", "phase="].iter().any(|start| name.starts_with(start))
}

/// All runs below a folder of results, including those of sweeps.
pub fn find(root: &Path) -> Vec<PathBuf> {
    let runs = subfolders(root).into_iter().map(|name| root.join(name));
    let with_parts = runs.flat_map(|run| {
        let parts = subfolders(&run).into_iter().filter(|name| is_of_sweep(name));
        let parts: Vec<PathBuf> = parts.map(|part| run.join(part)).collect();
        std::iter::once(run).chain(parts)
    });
    // A run with damaged files is listed, so that opening it reports the damage.
    with_parts.filter(|folder| has_run(folder)).collect()
}
