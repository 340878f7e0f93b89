//! The ledger of an account: one row per change of money or shares.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::panel::AssetId;

/// Where an order was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auction {
    /// The opening auction.
    Open,
    /// The closing auction.
    Close,
    /// Continuous trading: a forced liquidation.
    Liquidation,
}

/// A trade at the reference price of its auction; slippage and fees are charged separately.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Asset traded.
    pub asset: AssetId,
    /// Shares bought; negative when sold.
    pub shares: f64,
    /// Reference price, dollars.
    pub price: f64,
    /// Where the order was filled.
    pub auction: Auction,
}

impl Fill {
    /// Traded value, dollars, without sign.
    pub fn value(&self) -> f64 {
        (self.shares * self.price).abs()
    }
}

/// How an entry of the ledger changes equity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It does not: it moves value between cash and positions, or capital in.
    Move,
    /// A charge, paid at once.
    Charge,
    /// A charge that accrues from night to night and is paid in cash in the next month.
    Accrual,
}

/// Defines [`Entry`] from one table, so that no list of entries can lack one.
macro_rules! entries {
    ($($(#[$documentation:meta])* $entry:ident, $name:literal, $effect:ident;)*) => {
        /// Kind of a row of the ledger.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Entry {
            $($(#[$documentation])* $entry,)*
        }

        impl Entry {
            /// Every kind, in order.
            pub const ALL: &[Entry] = &[$(Entry::$entry,)*];

            /// The name used in files.
            pub fn name(self) -> &'static str {
                match self {
                    $(Entry::$entry => $name,)*
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Entry::$entry => Effect::$effect,)*
                }
            }
        }
    };
}

entries! {
    /// Capital paid in.
    Deposit, "deposit", Move;
    /// Capital paid in, or out if negative, at a rebalance that begins with the starting capital.
    Transfer, "transfer", Move;
    /// A trade at its reference price.
    Fill, "fill", Move;
    /// Shares from a split; no money.
    Split, "split", Move;
    /// Cash for the fraction of a share that a split left, at the closing price.
    CashInLieu, "cash_in_lieu", Move;
    /// A dividend received, or paid on a short position.
    Dividend, "dividend", Move;
    /// The end of a listing: shares are exchanged for money.
    Ending, "ending", Move;
    /// The broker's commission.
    Commission, "commission", Charge;
    /// Clearing fees, and fees of exchanges and FINRA that are a share of the commission.
    Clearing, "clearing", Charge;
    /// Section 31 fee.
    Section31, "section31", Charge;
    /// FINRA trading activity fee.
    Taf, "taf", Charge;
    /// Fee of an auction.
    AuctionFee, "auction_fee", Charge;
    /// Half-spread and impact: the distance of the price paid from the reference price.
    Slippage, "slippage", Charge;
    /// Fee for borrowed stock.
    BorrowFee, "borrow_fee", Accrual;
    /// Interest paid on a loan.
    DebitInterest, "debit_interest", Accrual;
    /// Interest received on idle cash.
    CreditInterest, "credit_interest", Accrual;
    /// Interest received on the proceeds of short sales.
    ShortInterest, "short_interest", Accrual;
}

impl Entry {
    /// Number of kinds.
    pub const N: usize = Entry::ALL.len();

    /// Entries that change equity apart from market moves, in order.
    pub const CHARGES: &[Entry] = &charges();

    /// Whether this entry changes equity apart from market moves.
    pub const fn is_charge(self) -> bool {
        !matches!(self.effect(), Effect::Move)
    }

    /// Whether this entry accrues from night to night and is paid in cash in the next month.
    pub fn accrues(self) -> bool {
        self.effect() == Effect::Accrual
    }
}

const N_CHARGES: usize = {
    let (mut count, mut k) = (0, 0);
    while k < Entry::N {
        count += Entry::ALL[k].is_charge() as usize;
        k += 1;
    }
    count
};

const fn charges() -> [Entry; N_CHARGES] {
    let mut charges = [Entry::ALL[0]; N_CHARGES];
    let (mut count, mut k) = (0, 0);
    while k < Entry::N {
        if Entry::ALL[k].is_charge() {
            charges[count] = Entry::ALL[k];
            count += 1;
        }
        k += 1;
    }
    charges
}

/// An amount for each of [`Entry::CHARGES`]. Files hold them by name; entries that an older file lacks are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charges([f64; N_CHARGES]);

impl Charges {
    fn place(entry: Entry) -> usize {
        let place = Entry::CHARGES.iter().position(|charge| *charge == entry);
        place.unwrap_or_else(|| panic!("{} is not a charge", entry.name()))
    }

    /// The amounts, in the order of [`Entry::CHARGES`].
    pub fn iter(&self) -> impl Iterator<Item = (Entry, f64)> {
        Entry::CHARGES.iter().copied().zip(self.0)
    }

    /// The sum of all.
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// Applies a function to each amount.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.map(change))
    }
}

impl Index<Entry> for Charges {
    type Output = f64;
    fn index(&self, entry: Entry) -> &f64 {
        &self.0[Self::place(entry)]
    }
}

impl IndexMut<Entry> for Charges {
    fn index_mut(&mut self, entry: Entry) -> &mut f64 {
        &mut self.0[Self::place(entry)]
    }
}

impl Serialize for Charges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(entry, amount)| (entry.name(), amount)))
    }
}

impl<'de> Deserialize<'de> for Charges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut charges = Self::default();
        for (name, amount) in BTreeMap::<String, Option<f64>>::deserialize(deserializer)? {
            let entry = Entry::CHARGES.iter().find(|entry| entry.name() == name);
            let entry = entry.ok_or_else(|| D::Error::custom(format!("no charge is called '{name}'")))?;
            // A format without NaN writes null.
            charges[*entry] = amount.unwrap_or(f64::NAN);
        }
        Ok(charges)
    }
}

/// A row of the ledger. The rows up to a day add up to the money and the shares of that day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posting {
    /// The trading day.
    pub day: usize,
    /// Kind of row.
    pub entry: Entry,
    /// The asset concerned, if any.
    pub asset: Option<AssetId>,
    /// Change of the position, shares.
    pub shares: f64,
    /// Price, dollars per share; 0 if there is none.
    pub price: f64,
    /// Money added to the account, cents; negative when taken.
    pub cents: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_the_order_of_their_numbers() {
        assert!(Entry::ALL.iter().enumerate().all(|(k, entry)| *entry as usize == k));
        assert!(Entry::CHARGES.iter().all(|entry| entry.is_charge()));
        assert_eq!(Entry::ALL.iter().filter(|entry| entry.is_charge()).count(), Entry::CHARGES.len());
    }

    #[test]
    fn amounts_go_by_their_names_and_those_of_a_newer_program_are_zero_in_older_files() {
        let mut charges = Charges::default();
        (charges[Entry::Taf], charges[Entry::ShortInterest]) = (-1.5, 2.0);
        let written = toml::to_string(&charges).unwrap();
        assert_eq!(toml::from_str::<Charges>(&written).unwrap(), charges);
        let older = written.replace("borrow_fee = 0.0\n", "");
        assert_ne!(older, written);
        assert_eq!(toml::from_str::<Charges>(&older).unwrap(), charges);
        assert!(
            toml::from_str::<Charges>("rent = 1.0").unwrap_err().to_string().contains("no charge is called 'rent'")
        );
    }
}
