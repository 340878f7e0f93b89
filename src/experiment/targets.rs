//! Stored target weights, by portfolio.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::calendar::Date;
use crate::data::read_weights;
use crate::error::{Error, Result};
use crate::panel::Panel;
use crate::policies::{Target, Targets};

/// A portfolio with the weights it wants.
pub struct Portfolio {
    /// Label of the estimator; empty where a file names none.
    pub estimator: String,
    /// Label of the allocator; empty where a file names none.
    pub allocator: String,
    /// Its weights.
    pub targets: Targets,
}

impl Portfolio {
    /// What figures call it: the estimator, or the allocator where there is none.
    pub fn name(&self) -> &str {
        if ["", "none"].contains(&self.estimator.as_str()) { &self.allocator } else { &self.estimator }
    }
}

/// Reads the weights that a run has stored, or those of another program, in the order in which portfolios first appear.
///
/// Every date must be a trading day of the panel, every asset one of its symbols, none twice on a date.
pub fn read_portfolios(path: &Path, panel: &Panel) -> Result<Vec<Portfolio>> {
    let rows = read_weights(path)?;
    let assets: HashMap<&str, usize> =
        panel.assets().iter().enumerate().map(|(id, asset)| (asset.symbol.as_str(), id)).collect();
    let mut days: HashMap<Date, usize> = HashMap::new();
    let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
    let mut found: Vec<BTreeMap<usize, Vec<Target>>> = Vec::new();
    let mut names: Vec<(&str, &str)> = Vec::new();
    for row in 0..rows.dates.len() {
        let date = rows.dates[row];
        let day = match days.get(&date) {
            Some(day) => *day,
            None => {
                let day = panel.calendar().first_on_or_after(date);
                if panel.calendar().dates().get(day) != Some(&date) {
                    return Err(Error::data(rows.place(row), "the date is no trading day of the panel"));
                }
                days.insert(date, day);
                day
            }
        };
        let asset = *assets
            .get(rows.assets[row].as_str())
            .ok_or_else(|| Error::data(rows.place(row), "the panel has no such asset"))?;
        let name = (rows.estimators[row].as_str(), rows.allocators[row].as_str());
        let number = *numbers.entry(name).or_insert_with(|| {
            names.push(name);
            found.push(BTreeMap::new());
            found.len() - 1
        });
        found[number].entry(day).or_default().push(Target { asset, weight: rows.weights[row] });
    }
    let mut portfolios = Vec::with_capacity(found.len());
    for (name, by_day) in names.into_iter().zip(found) {
        let mut days: Vec<(usize, Vec<Target>)> = by_day.into_iter().collect();
        for (day, targets) in &mut days {
            targets.sort_by_key(|target| target.asset);
            if let Some(pair) = targets.windows(2).find(|pair| pair[0].asset == pair[1].asset) {
                let (asset, date) = (&panel.assets()[pair[0].asset].symbol, panel.calendar().date(*day));
                let place = format!("{}, asset {asset}, {date}", path.display());
                return Err(Error::data(place, "the asset stands twice on the date"));
            }
        }
        portfolios.push(Portfolio {
            estimator: name.0.to_string(),
            allocator: name.1.to_string(),
            targets: Targets { days },
        });
    }
    if portfolios.is_empty() {
        return Err(Error::data(path.display().to_string(), "no weights"));
    }
    Ok(portfolios)
}
