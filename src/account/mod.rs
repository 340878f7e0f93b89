//! The state of a portfolio: either drifting weights without costs, or cash and shares with a ledger.

mod broker;
mod holdings;
mod ledger;

pub use broker::{Account, Position, Rounding, Status};
pub use holdings::Holdings;
pub use ledger::{Auction, Charges, Entry, Fill, Posting};
