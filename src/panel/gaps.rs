//! Gaps of a source: stretches of days that are missing in many assets at once. Such a hole says nothing about the assets.

use std::collections::BTreeMap;

use crate::panel::{AssetId, Panel};

/// Assets that must have a hole with the same first and last day for it to be a gap of the source.
pub const LEAST_HOLES: usize = 20;

/// Days on which a source has no returns of some assets, although they had returns before and have returns after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGap {
    /// First day without returns.
    pub first: usize,
    /// Last day without returns.
    pub last: usize,
    /// The assets, ascending.
    pub assets: Vec<AssetId>,
}

impl Panel {
    /// The gaps of the source, by first day, then by last day.
    pub fn source_gaps(&self) -> &[SourceGap] {
        self.gaps.get_or_init(|| {
            let mut holes: BTreeMap<(usize, usize), Vec<AssetId>> = BTreeMap::new();
            for asset in 0..self.n_assets() {
                let mut last_known = None;
                for (day, _) in self.returns(asset).iter().enumerate().filter(|(_, r)| !r.is_nan()) {
                    if let Some(before) = last_known.filter(|before| before + 1 < day) {
                        holes.entry((before + 1, day - 1)).or_default().push(asset);
                    }
                    last_known = Some(day);
                }
            }
            let shared = holes.into_iter().filter(|(_, assets)| assets.len() >= LEAST_HOLES);
            shared.map(|((first, last), assets)| SourceGap { first, last, assets }).collect()
        })
    }
}
