//! What an account wants to hold: past and account to target weights.

mod leveraged;
mod rounded;
mod stored;

pub use leveraged::Leveraged;
pub use rounded::Rounded;
pub use stored::{Rebalance, Stored, Targets};

use crate::account::Account;
use crate::error::Result;
use crate::panel::{AssetId, Past};

/// The wanted weight of an asset, as a share of the equity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// What.
    pub asset: AssetId,
    /// How much of the equity.
    pub weight: f64,
}

/// Decides what to hold.
pub trait Policy {
    /// Target weights for the day behind the past, by asset, or `None` to hold what is held. An asset without a target
    /// is sold.
    fn target(&mut self, past: Past<'_>, account: &Account) -> Result<Option<Vec<Target>>>;
}
