//! A finished run as it lies on disk, and what can be made of it without computing it again: figures, tables, tests, a page.
//!
//! ```text
//! results/<name>/               a run: run.toml, metrics.csv, returns.parquet … (src/experiment/output.rs)
//! results/<name>/n=<size>/      a run of a sweep
//! results/<name>/simulation*/   accounts: run.toml, accounts.csv, equity.parquet (src/experiment/simulation_output.rs)
//! ```
//! Everything here is a function of these files: the same files give the same bytes.

mod compare;
mod evidence;
mod evidence_tables;
#[cfg(feature = "figures")]
mod figures;
#[cfg(feature = "figures")]
mod page;
mod paper;
mod read;
mod tables;

use std::path::{Path, PathBuf};

pub use compare::{Compared, Pairing, Side, compare};
pub use evidence::{Evidence, Finding, GroupFinding, SeedFinding, Tested, evidence};
pub use evidence_tables::{EXPLAINED, evidence_markdown, evidence_table, stars, write_evidence};
#[cfg(feature = "figures")]
pub use figures::{Drawn, FIGURES, FigureKind, Left, draw};
#[cfg(feature = "figures")]
pub use page::write_page;
pub use paper::{Check, Verdict, check_paper, paper_table};
pub use read::{Course, Courses};
pub use tables::write_tables;

use crate::data::read_text;
use crate::error::{Error, Result, toml_message};

/// Writes everything that is made of the files of a run: tables and, with the feature `figures`, figures.
pub fn redraw(results: &Results) -> Result<()> {
    write_tables(results)?;
    #[cfg(feature = "figures")]
    draw(results, &[], &[])?;
    Ok(())
}

/// A run, or a simulation, that has finished.
pub struct Results {
    /// Where it lies; the folder of the run, where a simulation was opened alone.
    pub folder: PathBuf,
    /// Where its tests and its page go: the folder that was opened.
    pub home: PathBuf,
    /// The name of the experiment.
    pub name: String,
    /// What the experiment says it is for.
    pub about: String,
    /// `run.toml`, that of the first simulation if there is no other.
    pub run: toml::Table,
    /// Whether there is more than simulations.
    pub has_run: bool,
    /// Folders of simulations: `simulation`, `simulation-TAG`.
    pub simulations: Vec<String>,
}

impl Results {
    /// Opens a folder that holds `run.toml`, or simulations with theirs, or is itself one of these.
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

    /// Opens one simulation, without the run that it belongs to.
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
                true => "the run is not finished; the command that began it goes on where it was stopped",
                false => "no finished run: run.toml is missing; 'minvar run' or 'minvar simulate' writes it",
            };
            return Err(Error::data(folder.display().to_string(), rule));
        }
        let text = read_text(file)?;
        let run: toml::Table = toml::from_str(&text)
            .map_err(|error| Error::data(file.display().to_string(), toml_message(&error, Some(&text))))?;
        let about = lookup(&run, &["experiment", "about"]).and_then(|v| v.as_str()).unwrap_or("").to_string();
        // A size of a sweep is named with its sweep.
        let own = file_name(folder);
        let name = match folder.parent() {
            Some(parent) if own.starts_with("n=") => format!("{}/{own}", file_name(parent)),
            _ => own,
        };
        Ok(Self { folder: folder.to_path_buf(), home: home.to_path_buf(), name, about, run, has_run, simulations })
    }

    /// A value of `run.toml`.
    pub fn value(&self, path: &[&str]) -> Option<&toml::Value> {
        lookup(&self.run, path)
    }

    /// A string of the provenance, as it is shown.
    pub fn provenance(&self, key: &str) -> Option<String> {
        let value = self.value(&["provenance", key])?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_string))
    }

    /// Returns in a year: 252 unless the run says otherwise.
    pub fn periods_per_year(&self) -> f64 {
        let written = self.value(&["provenance", "periods_per_year"]);
        written.and_then(|v| v.as_float().or(v.as_integer().map(|n| n as f64))).unwrap_or(crate::metrics::DAYS_PER_YEAR)
    }

    /// Whether a file of the run is there.
    pub fn has(&self, file: &str) -> bool {
        self.folder.join(file).exists()
    }

    /// Labels in colour; the others are pale or left out. All, if empty.
    #[cfg(feature = "figures")]
    fn highlight(&self) -> Vec<String> {
        let labels = self.value(&["experiment", "figures", "highlight"]).and_then(|v| v.as_array());
        labels.into_iter().flatten().filter_map(|label| label.as_str().map(str::to_string)).collect()
    }

    /// Entries of `compare.estimators` as tables or names, with the label of each.
    fn estimators(&self) -> Vec<(String, toml::Value)> {
        let entries = self.value(&["experiment", "compare", "estimators"]).and_then(|v| v.as_array());
        let label = |entry: &toml::Value| match entry {
            toml::Value::String(name) => name.clone(),
            other => ["label", "name"].iter().find_map(|k| other.get(k)?.as_str()).unwrap_or("").to_string(),
        };
        entries.into_iter().flatten().map(|entry| (label(entry), entry.clone())).collect()
    }

    /// Whether a label is that of a trained network.
    pub fn is_network(&self, label: &str) -> bool {
        self.is_estimator(label, |entry| entry.get("train").is_some() || entry.get("model").is_some())
    }

    /// Whether a label is that of the true covariance of a synthetic market.
    fn is_truth(&self, label: &str) -> bool {
        self.is_estimator(label, |entry| {
            entry.as_str().or(entry.get("name").and_then(|n| n.as_str())) == Some("oracle")
        })
    }

    fn is_estimator(&self, label: &str, is_so: impl Fn(&toml::Value) -> bool) -> bool {
        self.estimators().iter().any(|(known, entry)| known == label && is_so(entry))
    }
}

fn lookup<'a>(table: &'a toml::Table, path: &[&str]) -> Option<&'a toml::Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// Names of the folders in a folder, sorted.
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

/// `simulation`, `simulation-TAG`.
fn is_simulation(name: &str) -> bool {
    name == "simulation" || name.starts_with("simulation-")
}

/// All runs below a folder of results, the sizes of sweeps too.
pub fn find(root: &Path) -> Vec<PathBuf> {
    let runs = subfolders(root).into_iter().map(|name| root.join(name));
    let with_sizes = runs.flat_map(|run| {
        let sizes = subfolders(&run).into_iter().filter(|name| name.starts_with("n="));
        let sizes: Vec<PathBuf> = sizes.map(|size| run.join(size)).collect();
        std::iter::once(run).chain(sizes)
    });
    // A run whose files are damaged is found, so that whoever opens it learns what is wrong.
    with_sizes.filter(|folder| has_run(folder)).collect()
}
