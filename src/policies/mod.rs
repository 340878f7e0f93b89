//! Policies, which decide what an account wants to hold: they map its past and its state to target weights.

mod leveraged;
mod rounded;
mod stored;

pub use leveraged::Leveraged;
pub use rounded::Rounded;
pub use stored::{Rebalance, Stored, Targets};

use crate::account::Account;
use crate::error::Result;
use crate::panel::{AssetId, Past};

/// The wanted weight of an asset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The asset.
    pub asset: AssetId,
    /// Weight as a share of equity; negative when short.
    pub weight: f64,
}

/// Decides what to hold.
///
/// ```
/// use minvar::account::Account;
/// use minvar::policies::{Policy, Target};
/// use minvar::prelude::*;
///
/// /// Asset 0 after a day on which it rose, nothing otherwise.
/// struct Momentum;
///
/// impl Policy for Momentum {
///     fn target(&mut self, past: Past<'_>, _: &Account) -> Result<Option<Vec<Target>>> {
///         let rose = past.returns(0, 1).is_some_and(|yesterday| yesterday[0] > 0.0);
///         Ok(Some(if rose { vec![Target { asset: 0, weight: 1.0 }] } else { vec![] }))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// use minvar::costs::{BenchmarkRate, Schedules};
/// use minvar::panel::SizeRanks;
/// use minvar::simulator::{Followed, Observed, Setting, Simulator, follow};
///
/// let (panel, _) = SyntheticMarket::complete(3, 120).simulate()?;
/// let schedules = Schedules::default();
/// let (benchmark, ranks) = (BenchmarkRate::yearly(&schedules), SizeRanks::new(&panel, 60, 120));
/// let simulator = Simulator::new(schedules.profile("realistic")?, &schedules, &benchmark, &ranks)?;
/// let setting = Setting { panel: &panel, assets: vec![0], first: 60, end: 120 };
/// let observe = &mut |_: &Observed<'_>| Ok(());
/// let account = Followed { simulator: &simulator, capital_usd: 1e6, policy: &mut Momentum, observe };
/// let outcome = follow(&setting, account)?;
/// assert!(outcome.n_fills > 10);
/// # Ok(())
/// # }
/// ```
pub trait Policy {
    /// Target weights for the day after the past, in ascending order of assets, or `None` to keep the positions as
    /// they are. An asset without a target is sold.
    fn target(&mut self, past: Past<'_>, account: &Account) -> Result<Option<Vec<Target>>>;
}
