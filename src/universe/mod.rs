//! Assets eligible on a day, chosen by rules that see only the past, and their complete window of returns.
//!
//! Rules and their order: Bongiorno, Manolakis, Mantegna (2026), arXiv:2607.23068, section on data; the liquidity
//! and ranking variants for panels without market values are our choice.

mod answers;
mod ranked;
mod rules;
mod window;
mod written;

pub use ranked::RankedUniverse;
pub use rules::{Frequency, GapDays, RankBy, RuleSet, Rules};
pub use window::{Filled, Missing};
pub use written::Variant;

use crate::error::Result;
use crate::panel::{AssetId, Past};

/// The members chosen on one date and what each rule removed: one entry of the universe certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Asset ids in ascending order.
    pub members: Vec<AssetId>,
    /// Rules in the order in which they were applied, with the number of assets that each removed.
    pub removed: Vec<(&'static str, usize)>,
    /// Members with a gap of the source inside the look-back, whose days count neither for nor against them.
    pub n_with_gaps: usize,
}

impl Selection {
    /// First 16 hexadecimal digits of the BLAKE3 hash of the members' symbols, in order.
    pub fn hash(&self, past: Past<'_>) -> String {
        let mut hasher = blake3::Hasher::new();
        for &asset in &self.members {
            hasher.update(past.symbol(asset).as_bytes()).update(&[0]);
        }
        hasher.finalize().to_hex()[..16].to_string()
    }
}

/// A point-in-time choice of assets.
///
/// ```
/// use minvar::panel::AssetId;
/// use minvar::prelude::*;
/// use minvar::universe::{Selection, Universe};
///
/// /// All assets with a return on each of the last ten days.
/// struct Lively;
///
/// impl Universe for Lively {
///     fn select(&self, past: Past<'_>) -> Result<Selection> {
///         let trades = |asset: &AssetId| past.returns(*asset, 10).is_some_and(|r| r.iter().all(|r| !r.is_nan()));
///         let members: Vec<AssetId> = (0..past.n_assets()).filter(trades).collect();
///         let removed = vec![("ten_returns", past.n_assets() - members.len())];
///         Ok(Selection { members, removed, n_with_gaps: 0 })
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let (panel, _) = SyntheticMarket { n_assets: 50, n_days: 300, ..SyntheticMarket::default() }.simulate()?;
/// let selection = Lively.select(panel.past(200))?; // days 200 and later are out of reach
/// assert!(!selection.members.is_empty() && selection.members.len() < 50);
/// # Ok(())
/// # }
/// ```
pub trait Universe: Send + Sync {
    /// The members on the decision date of `past`, and the numbers of assets removed. Fails if no asset is eligible
    /// or the past is too short.
    fn select(&self, past: Past<'_>) -> Result<Selection>;
}
