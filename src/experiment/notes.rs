//! Notes before a run begins, on differences between the panel and what the experiment assumes.

use crate::calendar::Period;
use crate::experiment::start::universe_of;
use crate::experiment::{Experiment, MarketData};
use crate::universe::{RankBy, RuleSet};

/// The notes, one sentence each.
pub fn notes(experiment: &Experiment, market: &MarketData) -> Vec<String> {
    let (panel, rules) = (&market.panel, &experiment.universe);
    let mut notes = Vec::new();
    let periodicity = panel.calendar().periodicity();
    let unusual = periodicity.period != Period::Weekdays || periodicity.stray_weekend_days > 0;
    match experiment.data.periods_per_year {
        Some(periods) => {
            notes.push(format!("{periods} days a year, as set in [data]; calendar: {}", periodicity.sentence()))
        }
        None if unusual => notes.push(format!("calendar: {}", periodicity.sentence())),
        None => {}
    }
    if let Some(excluded) = market.exclusion_count() {
        let whole = match excluded.whole_assets {
            0 => String::new(),
            n => format!(", {n} whole assets among them, which is knowledge of the future"),
        };
        notes.push(format!("{} returns are excluded{whole}", excluded.returns));
    }
    if let Ok((_, unanswered)) = universe_of(experiment, panel) {
        notes.extend(unanswered);
    }
    match market.ranked_by(experiment).filter(|_| rules.rules == RuleSet::None) {
        Some(RankBy::PanelOrder) => {
            notes.push(
                "the panel has no volume and no market value: its assets rank in the order of the panel".to_string(),
            );
        }
        Some(_) => notes.push("the panel has no volume: its assets rank by market value".to_string()),
        None => {}
    }
    let sizes = experiment.points().iter().map(|point| point.size).max();
    let (size, n_assets) = (sizes.unwrap_or(rules.size), panel.n_assets());
    if size > n_assets {
        let key = if sizes.is_some() { "sweep.size" } else { "universe.size" };
        notes.push(format!(
            "{key} = {size}, but the panel has {n_assets} assets: all that pass the other rules take part"
        ));
    }
    notes
}
