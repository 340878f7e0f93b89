//! Assets with the same returns under two names, and near copies.

use std::collections::{BTreeMap, HashMap};

use super::{Finding, Kind};
use crate::linalg::Matrix;
use crate::panel::{AssetId, Panel};

pub(super) const DUPLICATES: &str = "assets whose returns are the same, to the eighth decimal, on 99 of 100 common \
    days, of which at least 20 have a non-zero return";
pub(super) const TWINS: &str = "assets without a common issuer whose returns correlate above 0.97 in some year of the \
    panel (at least 20 days): share classes, near copies, funds on the same index; each is listed with its nearest \
    earlier asset";

/// Fewest common days with a non-zero return.
const FEWEST: usize = 20;
/// Days of a fingerprint: any twenty days in a row contain a whole block.
const BLOCK: usize = 10;
/// Share of common days on which duplicates agree.
const AGREE: f64 = 0.99;
/// Returns are compared after multiplication by this: to the eighth decimal.
const PARTS: f64 = 1e8;
/// Correlation above which assets are twins.
const TWIN: f64 = 0.97;
/// Days over which a correlation is taken.
const YEAR: usize = 252;

/// Finds duplicates, each group of assets once, and twins.
pub(super) fn copies(panel: &Panel) -> Vec<Finding> {
    let duplicates = duplicates(panel);
    let mut groups = Groups::new(panel.n_assets());
    duplicates.iter().for_each(|&(a, b)| groups.join(a, b));
    let mut found = Vec::new();
    for assets in groups.of_several() {
        let (first, last) = common(panel, &assets);
        let text = format!("the same returns under {} names", assets.len());
        found.push(Finding { kind: Kind::Duplicate, number: (last + 1 - first) as f64, assets, first, last, text });
    }
    // Each asset is paired with its nearest earlier one only: chains of twins would merge half a panel into one
    // group.
    let issuer = |asset: AssetId| panel.assets()[asset].issuer.as_str();
    let mut nearest: BTreeMap<AssetId, (f64, AssetId)> = BTreeMap::new();
    for (a, b, correlation) in correlated(panel) {
        let known = !issuer(a).is_empty() && issuer(a) == issuer(b);
        if !known && groups.root(a) != groups.root(b) {
            let entry = nearest.entry(b).or_insert((correlation, a));
            if correlation > entry.0 {
                *entry = (correlation, a);
            }
        }
    }
    for (asset, (correlation, twin)) in nearest {
        let assets = vec![twin, asset];
        let (first, last) = common(panel, &assets);
        let text = format!("a correlation of up to {correlation:.4} in a year");
        found.push(Finding { kind: Kind::Twin, number: correlation, assets, first, last, text });
    }
    found
}

/// First and last day on which all of the assets are listed; if there is no such day, the life of the first asset.
fn common(panel: &Panel, assets: &[AssetId]) -> (usize, usize) {
    let lives = || assets.iter().filter_map(|&asset| panel.life(asset));
    let days = (lives().map(|life| life.0).max().unwrap_or(0), lives().map(|life| life.1).min().unwrap_or(0));
    if days.0 <= days.1 { days } else { lives().next().unwrap_or((0, 0)) }
}

/// Pairs with the same returns. Only pairs that agree on a whole block of days are compared over all common days.
fn duplicates(panel: &Panel) -> Vec<(AssetId, AssetId)> {
    let parts = |r: f64| (r * PARTS).round() as i64;
    let mut blocks: HashMap<(usize, u64), Vec<AssetId>> = HashMap::new();
    for asset in 0..panel.n_assets() {
        for (block, days) in panel.returns(asset).chunks_exact(BLOCK).enumerate() {
            // Blocks with more than two days without a move are too common to identify an asset.
            if days.iter().filter(|r| !r.is_nan() && parts(**r) != 0).count() + 2 < BLOCK || days[0].is_nan() {
                continue;
            }
            let mut hasher = std::hash::DefaultHasher::new();
            days.iter().for_each(|r| std::hash::Hash::hash(&parts(*r), &mut hasher));
            blocks.entry((block, std::hash::Hasher::finish(&hasher))).or_default().push(asset);
        }
    }
    let mut pairs: Vec<(AssetId, AssetId)> = Vec::new();
    blocks.into_values().filter(|assets| assets.len() > 1).for_each(|assets| {
        pairs.extend(assets[1..].iter().map(|&asset| (assets[0], asset)));
    });
    pairs.sort_unstable();
    pairs.dedup();
    let same = |&(a, b): &(AssetId, AssetId)| {
        let both = || panel.returns(a).iter().zip(panel.returns(b)).filter(|(x, y)| !x.is_nan() && !y.is_nan());
        let equal = both().filter(|(x, y)| (*x - *y).abs() * PARTS < 1.0).count();
        let moving = both().filter(|(x, y)| (*x - *y).abs() * PARTS < 1.0 && parts(**x) != 0).count();
        moving >= FEWEST && equal as f64 >= AGREE * both().count() as f64
    };
    pairs.retain(same);
    pairs
}

/// Pairs whose correlation exceeds [`TWIN`] in some year, with the correlation.
fn correlated(panel: &Panel) -> Vec<(AssetId, AssetId, f64)> {
    let n_years = (panel.n_days() / YEAR).max(1);
    let mut pairs = Vec::new();
    for year in 0..n_years {
        let days = year * panel.n_days() / n_years..(year + 1) * panel.n_days() / n_years;
        let mut assets = Vec::new();
        let mut entries = Vec::new();
        for asset in 0..panel.n_assets() {
            if let Some(column) = standardised(&panel.returns(asset)[days.clone()]) {
                assets.push(asset);
                entries.extend(column);
            }
        }
        if assets.len() < 2 {
            continue;
        }
        let correlation = Matrix::from_column_major(days.len(), assets.len(), entries).gram();
        for (j, &b) in assets.iter().enumerate() {
            let column = &correlation.column(j)[..j];
            let twins = column.iter().zip(&assets).filter(|(c, _)| **c > TWIN);
            pairs.extend(twins.map(|(c, &a)| (a, b, *c)));
        }
    }
    pairs
}

/// Returns scaled to mean zero and unit length, missing ones set to zero; `None` for an asset that lacks more than a
/// tenth of the days or moves on fewer than half of them.
fn standardised(returns: &[f64]) -> Option<Vec<f64>> {
    let present = || returns.iter().filter(|r| !r.is_nan());
    let n = present().count();
    let moves = present().filter(|r| **r != 0.0).count();
    if n < FEWEST || 10 * n < 9 * returns.len() || 2 * moves < n {
        return None;
    }
    let mean = present().sum::<f64>() / n as f64;
    let norm = present().map(|r| (r - mean).powi(2)).sum::<f64>().sqrt();
    let column = returns.iter().map(|r| if r.is_nan() { 0.0 } else { (r - mean) / norm }).collect();
    (norm > 1e-12).then_some(column)
}

/// Disjoint groups of assets (union-find).
struct Groups(Vec<AssetId>);

impl Groups {
    fn new(n_assets: usize) -> Self {
        Self((0..n_assets).collect())
    }

    fn root(&self, mut asset: AssetId) -> AssetId {
        while self.0[asset] != asset {
            asset = self.0[asset];
        }
        asset
    }

    fn join(&mut self, a: AssetId, b: AssetId) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    /// The groups of more than one asset, each in ascending order.
    fn of_several(&self) -> Vec<Vec<AssetId>> {
        let mut groups: BTreeMap<AssetId, Vec<AssetId>> = BTreeMap::new();
        (0..self.0.len()).for_each(|asset| groups.entry(self.root(asset)).or_default().push(asset));
        groups.into_values().filter(|group| group.len() > 1).collect()
    }
}
