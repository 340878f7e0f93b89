//! The past of a day: the only view of a panel that a decision gets.

use crate::calendar::Date;
use crate::panel::{AssetId, Field, Panel, SourceGap, Venue};

/// Longest public notice before a listing ends, in trading days (Form 25 takes effect after ten days).
pub const DELISTING_NOTICE_DAYS: usize = 10;

/// Everything known at the close of day `end - 1`. Later days cannot be reached.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    panel: &'a Panel,
    end: usize,
}

impl<'a> Past<'a> {
    pub(super) fn new(panel: &'a Panel, end: usize) -> Self {
        assert!(end <= panel.n_days(), "day {end} is beyond a panel of {} days", panel.n_days());
        Self { panel, end }
    }

    /// The past of an earlier day, or this one again. Panics for a later day.
    pub fn at(&self, end: usize) -> Past<'a> {
        assert!(end <= self.end, "day {end} is after the end of a past of {} days", self.end);
        Self { panel: self.panel, end }
    }

    /// Number of days known.
    pub fn n_days(&self) -> usize {
        self.end
    }

    /// Number of assets of the panel, listed or not.
    pub fn n_assets(&self) -> usize {
        self.panel.n_assets()
    }

    /// Number of trading days in a year; the trading calendar is public.
    pub fn periods_per_year(&self) -> f64 {
        self.panel.periods_per_year()
    }

    /// Date of the decision: the trading day after the last known one (the trading calendar is public).
    pub fn decision_date(&self) -> Date {
        let dates = self.panel.calendar().dates();
        dates.get(self.end).or(dates.last()).copied().unwrap_or(Date::MIN)
    }

    /// The first known day on or after a date, or the end of the past.
    pub fn first_on_or_after(&self, date: Date) -> usize {
        self.panel.calendar().first_on_or_after(date).min(self.end)
    }

    /// The symbol of an asset.
    pub fn symbol(&self, asset: AssetId) -> &'a str {
        &self.panel.assets()[asset].symbol
    }

    /// The issuer that an asset shares with its share classes and near copies; empty if it shares it with none.
    ///
    /// [`Asset`](crate::panel::Asset) as a whole is not accessible: its delisting return belongs to the future.
    pub fn issuer(&self, asset: AssetId) -> &'a str {
        &self.panel.assets()[asset].issuer
    }

    /// The exchange of an asset, if known: the same for all days.
    pub fn venue(&self, asset: AssetId) -> Option<Venue> {
        self.panel.assets()[asset].venue
    }

    /// The sector of an asset, empty if unknown: the same for all days.
    pub fn sector(&self, asset: AssetId) -> &'a str {
        &self.panel.assets()[asset].sector
    }

    /// Returns of the last `lookback` days, oldest first, NaN where missing; `None` if the past is shorter.
    pub fn returns(&self, asset: AssetId, lookback: usize) -> Option<&'a [f64]> {
        let start = self.end.checked_sub(lookback)?;
        Some(&self.panel.returns(asset)[start..self.end])
    }

    /// All values of a field up to the last known day, oldest first; `None` if the panel lacks the field.
    pub fn field(&self, field: Field, asset: AssetId) -> Option<&'a [f32]> {
        Some(&self.panel.field(field, asset)?[..self.end])
    }

    /// ln(high/low) of the last `lookback` days, oldest first, NaN where unknown; `None` if the panel has no highs and lows.
    pub fn ranges(&self, asset: AssetId, lookback: usize) -> Option<impl Iterator<Item = f64> + 'a> {
        let (high, low) = (self.field(Field::High, asset)?, self.field(Field::Low, asset)?);
        let start = self.end.checked_sub(lookback)?;
        let range = |(high, low): (&f32, &f32)| ((1.0 + f64::from(*high)) / (1.0 + f64::from(*low))).ln();
        Some(high[start..].iter().zip(&low[start..]).map(range))
    }

    /// The newest known value of a field.
    pub fn last_known(&self, field: Field, asset: AssetId) -> Option<f64> {
        let newest = self.field(field, asset)?.iter().rev().find(|x| !x.is_nan())?;
        Some(f64::from(*newest))
    }

    /// Whether the panel holds a field at all.
    pub fn has(&self, field: Field) -> bool {
        self.panel.fields().any(|held| held == field)
    }

    /// Whether the asset had a return on the last known day. Nothing else tells a listing from an end: a hole in a series and
    /// its end look the same until the series goes on.
    pub fn is_listed(&self, asset: AssetId) -> bool {
        self.returns(asset, 1).is_some_and(|newest| !newest[0].is_nan())
    }

    /// The gaps of the source that had ended, and were followed by returns, before the decision.
    pub fn source_gaps(&self) -> impl Iterator<Item = &'a SourceGap> {
        let end = self.end;
        self.panel.source_gaps().iter().filter(move |gap| gap.last + 1 < end)
    }

    /// Whether the user has excluded all days of the asset, past and future.
    pub fn is_excluded(&self, asset: AssetId) -> bool {
        self.panel.excluded().is_some_and(|excluded| excluded.whole.contains(&asset))
    }

    /// Whether any asset is excluded on all days.
    pub fn excludes_assets(&self) -> bool {
        self.panel.excluded().is_some_and(|excluded| !excluded.whole.is_empty())
    }

    /// Whether the listing is announced to end within `days` trading days, of which at most ten count, the public
    /// notice. Ends that the source does not call ends of a listing are never known in advance.
    pub fn ends_within(&self, asset: AssetId, days: usize) -> bool {
        let days = days.min(DELISTING_NOTICE_DAYS);
        let ends = self.panel.life(asset).is_some_and(|(_, last)| last < self.end + days);
        ends && self.panel.is_end_announced(asset)
    }
}
