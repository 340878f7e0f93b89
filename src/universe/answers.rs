//! Which rules of the papers a panel answers.

use crate::error::Result;
use crate::panel::{Field, Panel};
use crate::universe::{RankBy, RankedUniverse, RuleSet};

/// Share of the candidates that must have a value on every decision date for a rule of the papers to apply.
const ANSWERED: f64 = 0.99;

impl RankedUniverse {
    /// The universe without those rules of the papers that a panel does not answer on some decision days, and a sentence on each.
    /// A rule is answered if at least 99 % of the candidates (listed, with enough returns) have its value on every day; it is
    /// on or off for all days, so that none begins in the middle of a test. Other rule sets stay as they are.
    pub fn answered_by(mut self, panel: &Panel, days: &[usize]) -> Result<(Self, Vec<String>)> {
        let mut notes = Vec::new();
        if self.rules.rules != RuleSet::Paper {
            return Ok((self, notes));
        }
        let mut off = |what: &str, why: String| notes.push(format!("universe: {what} for the whole run: {why}"));
        for field in [Field::Price, Field::SharesOutstanding, Field::MarketValue] {
            let Some(why) = self.gap_in_answers(panel, field, days) else { continue };
            let rules = &mut self.rules;
            match field {
                Field::Price if rules.price_range.take().is_some() => off("price_range is off", why),
                Field::SharesOutstanding => {
                    let is_on = rules.min_shares_outstanding.take().is_some();
                    if is_on || rules.recent_days.is_some() {
                        off("min_shares_outstanding and the volume in shares of recent_days are off", why);
                    }
                }
                Field::MarketValue => {
                    let volume = panel.fields().any(|held| held == Field::DollarVolume);
                    if rules.rank_by == RankBy::MarketValue {
                        rules.rank_by = if volume { RankBy::DollarVolume } else { RankBy::PanelOrder };
                        let what = format!("assets rank by {}, not by market_value", rules.rank_by.name());
                        off(&what, why.clone());
                    }
                    if rules.recent_days.is_some() {
                        off("the dollar volume of recent_days is not compared with market values", why);
                    }
                }
                _ => {}
            }
            self.unanswered.push(field);
        }
        if self.rules.delisting_within.is_some() && !panel.knows_ends() {
            self.rules.delisting_within = None;
            off("delisting_within is off", "the panel does not say how listings ended".to_string());
        }
        Ok((self, notes))
    }

    /// Why too few candidates have a value of a field on one of some days; `None` if enough have it on all.
    fn gap_in_answers(&self, panel: &Panel, field: Field, days: &[usize]) -> Option<String> {
        if !panel.fields().any(|held| held == field) {
            return Some(format!("the panel has no {}", field.name()));
        }
        days.iter().find_map(|&day| {
            let past = panel.past(day);
            let candidates = self.candidates(past);
            let known = candidates.iter().filter(|asset| past.last_known(field, **asset).is_some()).count();
            let is_answered = known as f64 >= ANSWERED * candidates.len() as f64;
            (!is_answered).then(|| {
                let (field, of, date) = (field.name(), candidates.len(), past.decision_date());
                format!("{field} is known for {known} of {of} candidates on {date}, less than 99 %")
            })
        })
    }
}
