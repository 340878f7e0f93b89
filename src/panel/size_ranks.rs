//! Ranks of all assets by size, recomputed once a year.

use std::collections::BTreeMap;

use crate::panel::{AssetId, Field, Panel};

/// Size ranks by calendar year; rank 1 is the largest. Size is the newest market value before the year or, if the
/// panel has few market values, the mean dollar volume over the year of days (252) before it. Assets of unknown size
/// get the last rank.
pub struct SizeRanks(BTreeMap<i16, Vec<u32>>);

impl SizeRanks {
    /// Ranks for the calendar years of the days `first..end`, each from data known before the year begins.
    pub fn new(panel: &Panel, first: usize, end: usize) -> Self {
        let calendar = panel.calendar();
        let window = panel.periods_per_year().round() as usize;
        let years = calendar.date(first).year()..=calendar.date(end - 1).year();
        // The newest market values and the day up to which they are known; each year adds its own.
        let (mut newest, mut seen) = (vec![None; panel.n_assets()], 0);
        let ranks = |year: i16| {
            let start = calendar.first_on_or_after(jiff::civil::date(year, 1, 1));
            let past = panel.past(start);
            let volume = |asset: AssetId| {
                let days = &past.field(Field::DollarVolume, asset)?[start.saturating_sub(window)..];
                let known = || days.iter().filter(|v| !v.is_nan());
                let n = known().count();
                (n > 0).then(|| known().map(|&v| f64::from(v)).sum::<f64>() / n as f64)
            };
            for (asset, newest) in newest.iter_mut().enumerate() {
                let values = past.field(Field::MarketValue, asset).map_or(&[][..], |values| &values[seen..]);
                *newest = values.iter().rfind(|v| !v.is_nan()).copied().map(f64::from).or(*newest);
            }
            seen = start;
            let value = |asset: AssetId| newest[asset].filter(|_| past.is_listed(asset));
            // All assets are ranked by the same measure: if few market values are known, by volume.
            let values: Vec<Option<f64>> = (0..panel.n_assets()).map(value).collect();
            let volumes: Vec<Option<f64>> = (0..panel.n_assets()).map(volume).collect();
            let n_known = |sizes: &[Option<f64>]| sizes.iter().flatten().count();
            let sizes = if 2 * n_known(&values) > n_known(&volumes) { values } else { volumes };
            let mut sized: Vec<(AssetId, f64)> =
                sizes.into_iter().enumerate().filter_map(|(asset, size)| Some((asset, size?))).collect();
            sized.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let mut ranks = vec![panel.n_assets() as u32; panel.n_assets()];
            sized.iter().zip(1..).for_each(|((asset, _), rank)| ranks[*asset] = rank);
            (year, ranks)
        };
        Self(years.map(ranks).collect())
    }

    /// The ranks of a calendar year, by asset. Panics for a year outside those of [`Self::new`].
    pub fn of_year(&self, year: i16) -> &[u32] {
        &self.0[&year]
    }
}
