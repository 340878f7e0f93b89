//! Arguments that `run`, `train` and `simulate` share: an experiment, its data and the folder of its results.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context;

use crate::cli::DataFolder;
use crate::cli::output::note;
use crate::data::read_text;
use crate::error::{Error, toml_message};
use crate::experiment::{self, Experiment, MarketData};
use crate::registry::check_name;

/// The arguments that choose what to work on.
#[derive(clap::Args)]
pub(super) struct Work {
    /// Experiment file, such as experiments/quick.toml; the word quick means the built-in one
    file: PathBuf,
    /// Change a key for this run only, such as universe.size=50
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    data: DataFolder,
    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// An experiment with its data.
pub(super) struct Opened {
    pub experiment: Experiment,
    pub market: MarketData,
    /// The folder that its results go to.
    pub folder: PathBuf,
    /// The folder that holds the panels.
    pub data: PathBuf,
}

/// The built-in experiment: name and text.
const QUICK: (&str, &str) = ("quick", include_str!("../../experiments/quick.toml"));

impl Work {
    /// Name and text of the experiment file.
    fn text(&self) -> crate::error::Result<(String, String)> {
        Ok(match self.file.as_os_str() == QUICK.0 {
            true if !self.file.is_file() => ("the built-in quick.toml".to_string(), QUICK.1.to_string()),
            _ => {
                let near = self.file.with_extension("toml");
                if !self.file.exists() && near.is_file() {
                    let message = format!("there is no such file; did you mean {}?", near.display());
                    return Err(Error::Config { file: self.file.display().to_string(), message });
                }
                (self.file.display().to_string(), read_text(&self.file)?)
            }
        })
    }

    /// The experiment, with the changes of --set.
    fn experiment(&self) -> crate::error::Result<Experiment> {
        let (name, text) = self.text()?;
        // Without changes the text is parsed as it is, so that errors name its lines.
        if self.set.is_empty() { Experiment::parse(&text, &name) } else { self.changed(&text, &name) }
    }

    /// Whether the file or --set says which rule set the universe has.
    fn has_rules(&self) -> crate::error::Result<bool> {
        let table: toml::Table = toml::from_str(&self.text()?.1).unwrap_or_default();
        let is_written = table.get("universe").and_then(|universe| universe.get("rules")).is_some();
        let is_key = |words: &String| words.split('=').next().is_some_and(|key| key.trim() == "universe.rules");
        Ok(is_written || self.set.iter().any(is_key))
    }

    fn changed(&self, text: &str, name: &str) -> crate::error::Result<Experiment> {
        let config = |message: String| Error::Config { file: name.to_string(), message };
        let mut table: toml::Table = toml::from_str(text).map_err(|error| config(toml_message(&error, Some(text))))?;
        for words in &self.set {
            let refuse = |why: &str| Error::Config { file: format!("--set {words}"), message: why.to_string() };
            let (path, value) =
                words.split_once('=').ok_or_else(|| refuse("write KEY=VALUE, such as universe.size=50"))?;
            // A value that is not valid TOML is taken as text.
            let parsed = toml::from_str::<toml::Table>(&format!("x = {value}")).ok().and_then(|mut t| t.remove("x"));
            let mut keys: Vec<&str> = path.trim().split('.').collect();
            let last = keys.pop().filter(|key| !key.is_empty()).ok_or_else(|| refuse("the key is missing"))?;
            let mut at = &mut table;
            for key in keys {
                let inner = at.entry(key).or_insert_with(|| toml::Table::new().into());
                at = inner.as_table_mut().ok_or_else(|| refuse(&format!("'{key}' is not a table")))?;
            }
            at.insert(last.to_string(), parsed.unwrap_or_else(|| value.into()));
        }
        let stem = self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        table.entry("about").or_insert(stem.unwrap_or_default().into());
        let text = toml::to_string(&table).expect("a table of TOML is TOML");
        let parsed = Experiment::parse(&text, &format!("{name} with --set {}", self.set.join(" --set ")));
        // The lines are those of the changed text, which nobody sees.
        parsed.map_err(|error| match error {
            Error::Config { file, message } if message.starts_with("line ") => {
                let rule = message.split_once(": ").map_or(&*message, |(_, rule)| rule).to_string();
                Error::Config { file, message: rule }
            }
            other => other,
        })
    }

    /// Starts the threads, and reads the experiment and its data.
    pub fn open_quietly(&self) -> anyhow::Result<Opened> {
        super::start_threads(self.threads)?;
        let experiment = self.experiment()?;
        let market = market(&experiment, &self.data)?;
        let real = if market.truth.is_none() { experiment.without_oracle() } else { None };
        let experiment = real.unwrap_or(experiment);
        let name = self.file.file_stem().context("the experiment file has no name")?;
        check_name("the name of the experiment file", &name.to_string_lossy())?;
        let folder = self.out.join(name);
        Ok(Opened { experiment, market, folder, data: self.data.path() })
    }

    /// [`open_quietly`](Self::open_quietly), followed by notes on what a user should know before the estimation
    /// starts.
    pub fn open(&self) -> anyhow::Result<Opened> {
        if self.file.as_os_str() == QUICK.0 && self.file.is_file() {
            note!("note: the file named quick is read, not the built-in experiment");
        }
        let opened = self.open_quietly()?;
        let written = self.experiment()?.compare.estimators.len();
        if opened.experiment.compare.estimators.len() < written {
            note!("oracle is left out: the true covariance is known for synthetic data only");
        }
        if !self.has_rules()? {
            note!(
                "universe.rules is not written: it is \"paper\", the rules of the papers for stocks, as far as the panel answers \
                 them; files without it had none before, which is rules = \"none\" now"
            );
        }
        experiment::notes(&opened.experiment, &opened.market).iter().for_each(|note| note!("{note}"));
        Ok(opened)
    }
}

/// The data of an experiment. Fails with a list of the existing panels if the panel is unknown.
fn market(experiment: &Experiment, folder: &DataFolder) -> anyhow::Result<MarketData> {
    if let Some(panel) = &experiment.data.panel {
        folder.panel(panel)?;
    }
    Ok(MarketData::open(experiment, &folder.path())?)
}

/// Becomes true at the first Ctrl-C; a second one ends the program at once.
pub(super) fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stop) = STOP.get() {
        return Ok(stop.clone());
    }
    let stop = STOP.get_or_init(|| Arc::new(AtomicBool::new(false))).clone();
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        note!("stopping after the dates, accounts or training step in progress; press Ctrl-C again to stop at once");
    })?;
    Ok(stop)
}
