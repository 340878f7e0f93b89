//! A panel without some of its returns: what a user has looked at and does not believe.
//!
//! Only returns go. Listings begin and end as they did and every field stays, so that nothing decided before the first
//! excluded day can tell that the day will be excluded.

use std::collections::BTreeSet;

use crate::panel::{AssetId, Panel};

/// Returns of an asset that do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The asset.
    pub asset: AssetId,
    /// First and last day; all days, past ones too, if `None`: knowledge of the future.
    pub days: Option<(usize, usize)>,
}

/// What was excluded from a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Returns that were there and are missing now.
    pub n_returns: usize,
    /// Assets without any day, whatever was known when.
    pub whole: BTreeSet<AssetId>,
}

impl Panel {
    /// The panel with these returns missing. `source_hash` identifies where they are written down; it becomes part of the
    /// content hash.
    pub fn excluding(mut self, exclusions: &[Exclusion], source_hash: &str) -> Panel {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(b"minvar panel 1 excluding")
            .update(self.content_hash().as_bytes())
            .update(source_hash.as_bytes());
        let mut excluded = self.excluded.take().unwrap_or_default();
        for exclusion in exclusions {
            let last_day = self.n_days().saturating_sub(1);
            let (first, last) = exclusion.days.unwrap_or((0, last_day));
            if exclusion.days.is_none() {
                excluded.whole.insert(exclusion.asset);
            }
            for r in &mut self.returns.column_mut(exclusion.asset)[first..=last] {
                excluded.n_returns += usize::from(!r.is_nan());
                *r = f64::NAN;
            }
        }
        // Days that leave nothing of an asset are the whole asset, however they are written.
        let is_empty = |asset: AssetId| self.returns.column(asset).iter().all(|r| r.is_nan());
        excluded.whole.extend(exclusions.iter().map(|exclusion| exclusion.asset).filter(|asset| is_empty(*asset)));
        self.excluded = Some(excluded);
        self.hash = hasher.finalize().to_hex().to_string().into();
        self
    }

    /// What was excluded, if anything was asked to be.
    pub fn excluded(&self) -> Option<&Excluded> {
        self.excluded.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::calendar::Calendar;
    use crate::linalg::Matrix;
    use crate::panel::Asset;

    #[test]
    fn excluded_returns_are_missing_and_the_listing_stays() {
        let calendar = Calendar::weekdays(jiff::civil::date(2020, 1, 1), 4);
        let asset = |symbol: &str| Asset { symbol: symbol.into(), ..Asset::default() };
        let returns = Matrix::from_fn(4, 2, |day, asset| 0.01 * (day + asset) as f64);
        let panel = Panel::new(calendar, vec![asset("A"), asset("B")], returns, BTreeMap::new()).unwrap();
        let before = panel.content_hash().to_string();
        let rows = [Exclusion { asset: 0, days: Some((2, 3)) }, Exclusion { asset: 1, days: None }];
        let panel = panel.excluding(&rows, "file");
        assert_eq!(panel.returns(0)[..2], [0.0, 0.01]);
        assert!(panel.returns(0)[2..].iter().chain(panel.returns(1)).all(|r| r.is_nan()));
        assert_eq!((panel.life(0), panel.life(1)), (Some((0, 3)), Some((0, 3))));
        let excluded = panel.excluded().unwrap();
        assert_eq!((excluded.n_returns, excluded.whole.len()), (6, 1));
        assert_ne!(panel.content_hash(), before);
    }
}
