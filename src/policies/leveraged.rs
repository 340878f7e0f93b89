//! The weights of another policy times a leverage.

use crate::account::Account;
use crate::error::Result;
use crate::panel::Past;
use crate::policies::{Policy, Target};

/// A policy at a leverage. Leverage 2 holds twice the weights and borrows as much as the equity.
pub struct Leveraged<P> {
    /// The policy at leverage 1.
    pub policy: P,
    /// The factor applied to every weight.
    pub leverage: f64,
}

impl<P: Policy> Policy for Leveraged<P> {
    fn target(&mut self, past: Past<'_>, account: &Account) -> Result<Option<Vec<Target>>> {
        let mut targets = self.policy.target(past, account)?;
        for target in targets.iter_mut().flatten() {
            target.weight *= self.leverage;
        }
        Ok(targets)
    }
}
