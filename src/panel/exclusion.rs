//! A panel without some of its returns: those that a user has reviewed and does not trust.
//!
//! Only returns are removed. Listings begin and end as before and every field stays, so that a decision before the
//! first excluded day cannot depend on the later exclusion.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::panel::{AssetId, Panel};

/// Returns of an asset to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The asset.
    pub asset: AssetId,
    /// First and last day. `None` excludes all days of the asset from the start, which uses knowledge of the future.
    pub days: Option<(usize, usize)>,
}

/// Summary of the exclusions of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Number of returns removed.
    pub n_returns: usize,
    /// Assets of which no return is left.
    pub whole: BTreeSet<AssetId>,
}

impl Panel {
    /// The panel with these returns missing. `source_hash` is the hash of the file that lists them; it becomes part
    /// of the content hash.
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
        // If no return of an asset is left, the whole asset is excluded, even if only days were listed.
        let is_empty = |asset: AssetId| self.returns.column(asset).iter().all(|r| r.is_nan());
        excluded.whole.extend(exclusions.iter().map(|exclusion| exclusion.asset).filter(|asset| is_empty(*asset)));
        self.excluded = Some(excluded);
        self.gaps = OnceLock::new();
        self.hash = hasher.finalize().to_hex().to_string().into();
        self
    }

    /// Summary of the exclusions; `None` if none were requested.
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
