//! The data of an experiment: a panel, synthetic or read, without the returns that `[data] exclude` removes.
//!
//! Every command sees the same panel, because this is the one place where it is made.

use std::path::{Path, PathBuf};

use crate::calendar::TRADING_DAYS;
use crate::data::{open_panel, read_exclusions};
use crate::description::{Data, ExclusionCount, Experiment, Provenance};
use crate::error::{Error, Result};
use crate::panel::Panel;
use crate::program::Program;
use crate::synthetic::Truth;
use crate::universe::RankBy;

/// Data of a run.
pub struct MarketData {
    /// The panel.
    pub panel: Panel,
    /// The true covariance, if the panel is synthetic.
    pub truth: Option<Truth>,
}

impl MarketData {
    /// Opens the data of an experiment; `folder` holds the panels. Fails if the panel or the file of exclusions cannot
    /// be read.
    pub fn open(experiment: &Experiment, folder: &Path) -> Result<Self> {
        let data = &experiment.data;
        let (panel, truth) = match &data.synthetic {
            Some(synthetic) => {
                let (panel, truth) = synthetic.simulate()?;
                (panel, Some(truth))
            }
            None => {
                let (panel, manifest) = open_panel(&folder.join(data.panel.as_deref().unwrap_or_default()))?;
                let truth = manifest.synthetic.map(|market| market.simulate()).transpose()?;
                (panel, truth.map(|(_, truth)| truth))
            }
        };
        let panel = match &data.exclude {
            None => panel,
            Some(file) => {
                let (exclusions, hash) = read_exclusions(&place(file, data, folder)?, &panel)?;
                panel.excluding(&exclusions, &hash)
            }
        };
        let panel = match data.periods_per_year {
            None => panel,
            Some(periods) => panel.with_periods_per_year(periods),
        };
        Ok(Self { panel, truth })
    }

    /// The quantity that assets rank by, if the panel cannot provide the one that the rules ask for.
    pub fn ranked_by(&self, experiment: &Experiment) -> Option<RankBy> {
        let rules = &experiment.universe;
        let ranked = rules.ranks_by(|field| self.panel.fields().any(|held| held == field));
        Some(ranked).filter(|ranked| *ranked != rules.rank_by)
    }

    /// The provenance that every result on this market carries; seconds are rounded to tenths.
    pub(super) fn provenance(&self, device: &str, seconds: f64) -> Provenance {
        Provenance {
            program: Program::this(),
            data_hash: self.panel.content_hash().to_string(),
            device: device.to_string(),
            threads: rayon::current_num_threads(),
            duration_seconds: (10.0 * seconds).round() / 10.0,
            periods_per_year: Some(self.panel.periods_per_year()).filter(|periods| *periods != TRADING_DAYS),
            excluded: self.exclusion_count(),
            ..Provenance::default()
        }
    }

    /// The count of excluded returns, for the provenance.
    pub fn exclusion_count(&self) -> Option<ExclusionCount> {
        let excluded = self.panel.excluded()?;
        Some(ExclusionCount { returns: excluded.n_returns, whole_assets: excluded.whole.len() })
    }
}

/// Finds a file of exclusions: in the data folder, in the folder of the panel, or in the current directory.
fn place(file: &Path, data: &Data, folder: &Path) -> Result<PathBuf> {
    let panel = data.panel.as_ref().map(|panel| folder.join(panel).join(file));
    let places: Vec<PathBuf> = [folder.join(file)].into_iter().chain(panel).chain([file.to_path_buf()]).collect();
    let mut found: Vec<&PathBuf> = Vec::new();
    for path in places.iter().filter(|path| path.is_file()) {
        let same = |known: &&PathBuf| known.canonicalize().ok() == path.canonicalize().ok();
        if !found.iter().any(same) {
            found.push(path);
        }
    }
    let named = |paths: &mut dyn Iterator<Item = &PathBuf>| {
        paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    match found[..] {
        [only] => Ok(only.clone()),
        [] => {
            let rule =
                format!("no such file in any of {}; 'minvar data describe' writes suspects", named(&mut places.iter()));
            Err(Error::data(format!("[data] exclude = \"{}\"", file.display()), rule))
        }
        _ => {
            let rule = format!("several files have this name: {}; write its full path", named(&mut found.into_iter()));
            Err(Error::data(format!("[data] exclude = \"{}\"", file.display()), rule))
        }
    }
}
