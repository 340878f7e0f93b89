//! Days missing in many assets at once, and how listings end.

use std::collections::BTreeMap;

use super::{Ends, Finding, Kind};
use crate::panel::{AssetId, Panel};

pub(super) const GAPS: &str = "the same first and last missing day inside the lives of at least 20 assets, or of half of a \
    panel of fewer than 40 (at least three)";
pub(super) const ENDS: &str = "at least 20 assets, or a tenth of a panel of fewer than 200 (at least three), end on \
    the same day before the panel does, without a delisting return: the source ended there, not the companies";

/// This many assets with the same gap or end are no coincidence.
const MANY: usize = 20;

/// Finds holes that many assets share.
pub(super) fn gaps(panel: &Panel) -> Vec<Finding> {
    let mut holes: BTreeMap<(usize, usize), Vec<AssetId>> = BTreeMap::new();
    for asset in 0..panel.n_assets() {
        let Some((first, last)) = panel.life(asset) else { continue };
        let mut day = first;
        for run in panel.returns(asset)[first..=last].chunk_by(|a, b| a.is_nan() == b.is_nan()) {
            if run[0].is_nan() {
                holes.entry((day, day + run.len() - 1)).or_default().push(asset);
            }
            day += run.len();
        }
    }
    let many = MANY.min(panel.n_assets().div_ceil(2)).max(3);
    let finding = |((first, last), assets): ((usize, usize), Vec<AssetId>)| {
        let (days, fate) = (last + 1 - first, fate(panel, last, &assets));
        let text =
            format!("no return for {days} {} in {} assets{fate}", if days == 1 { "day" } else { "days" }, assets.len());
        Finding { kind: Kind::Gap, number: (days * assets.len()) as f64, assets, first, last, text }
    };
    holes.into_iter().filter(|(_, assets)| assets.len() >= many).map(finding).collect()
}

/// How many of the assets with a gap end before the panel does, compared with those without the gap.
fn fate(panel: &Panel, gap: usize, assets: &[AssetId]) -> String {
    let leaves = |asset: AssetId| panel.life(asset).is_some_and(|(_, last)| last + 1 < panel.n_days());
    let alive = |asset: AssetId| panel.life(asset).is_some_and(|(first, last)| first <= gap && last > gap);
    let with = assets.iter().filter(|&&asset| leaves(asset)).count();
    let without = (0..panel.n_assets()).filter(|&a| alive(a) && assets.binary_search(&a).is_err());
    let (mut n_without, mut leaving) = (0, 0);
    without.for_each(|asset| (n_without, leaving) = (n_without + 1, leaving + usize::from(leaves(asset))));
    if with == 0 {
        return String::new();
    }
    format!("; {with} of them end before the panel does, and {leaving} of the {n_without} without the gap")
}

/// How listings end, and a finding for each day on which a source seems to end.
pub(super) fn ends(panel: &Panel) -> (Ends, Vec<Finding>) {
    let (mut ends, mut days) = (Ends::default(), BTreeMap::<usize, Vec<AssetId>>::new());
    for asset in 0..panel.n_assets() {
        match panel.life(asset) {
            Some((_, last)) if last + 1 == panel.n_days() => ends.panel += 1,
            Some(_) if panel.assets()[asset].delisting_return.is_some() => ends.announced.push(asset),
            Some((_, last)) => days.entry(last).or_default().push(asset),
            None => {}
        }
    }
    let many = MANY.min(panel.n_assets().div_ceil(10)).max(3);
    let (many, few): (Vec<_>, Vec<_>) = days.into_iter().partition(|(_, assets)| assets.len() >= many);
    ends.alone = few.into_iter().flat_map(|(_, assets)| assets).collect();
    ends.source = many.iter().map(|(_, assets)| assets.len()).sum();
    let finding = |(day, assets): (usize, Vec<AssetId>)| {
        let text = format!("{} assets end on this day without a delisting return", assets.len());
        Finding { kind: Kind::End, number: assets.len() as f64, assets, first: day, last: day, text }
    };
    (ends, many.into_iter().map(finding).collect())
}
