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

/// Kind of ledger row. The kinds from [`Entry::Commission`] on are charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// Capital paid in.
    Deposit,
    /// A trade at its reference price.
    Fill,
    /// Shares from a split; no money.
    Split,
    /// Cash for the fraction of a share that a split left, at the closing price.
    CashInLieu,
    /// A dividend received, or paid on a short position.
    Dividend,
    /// The end of a listing: shares are exchanged for money.
    Ending,
    /// The broker's commission.
    Commission,
    /// Clearing fees, and fees of exchanges and FINRA that are a share of the commission.
    Clearing,
    /// Section 31 fee.
    Section31,
    /// FINRA trading activity fee.
    Taf,
    /// Fee of an auction.
    AuctionFee,
    /// Half-spread and impact: the distance of the price paid from the reference price.
    Slippage,
    /// Fee for borrowed stock.
    BorrowFee,
    /// Interest paid on a loan.
    DebitInterest,
    /// Interest received on idle cash.
    CreditInterest,
    /// Interest received on the proceeds of short sales.
    ShortInterest,
}

impl Entry {
    /// Number of kinds.
    pub const N: usize = Entry::ShortInterest as usize + 1;

    /// Every kind, in order.
    pub const ALL: [Entry; Entry::N] = [
        Entry::Deposit,
        Entry::Fill,
        Entry::Split,
        Entry::CashInLieu,
        Entry::Dividend,
        Entry::Ending,
        Entry::Commission,
        Entry::Clearing,
        Entry::Section31,
        Entry::Taf,
        Entry::AuctionFee,
        Entry::Slippage,
        Entry::BorrowFee,
        Entry::DebitInterest,
        Entry::CreditInterest,
        Entry::ShortInterest,
    ];

    /// Entries that change equity apart from market moves.
    pub const CHARGES: &[Entry] = Entry::ALL.split_at(Entry::Commission as usize).1;

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Entry::Deposit => "deposit",
            Entry::Fill => "fill",
            Entry::Split => "split",
            Entry::CashInLieu => "cash_in_lieu",
            Entry::Dividend => "dividend",
            Entry::Ending => "ending",
            Entry::Commission => "commission",
            Entry::Clearing => "clearing",
            Entry::Section31 => "section31",
            Entry::Taf => "taf",
            Entry::AuctionFee => "auction_fee",
            Entry::Slippage => "slippage",
            Entry::BorrowFee => "borrow_fee",
            Entry::DebitInterest => "debit_interest",
            Entry::CreditInterest => "credit_interest",
            Entry::ShortInterest => "short_interest",
        }
    }

    /// Whether this entry changes equity apart from market moves.
    pub fn is_charge(self) -> bool {
        self >= Entry::Commission
    }

    /// Whether this entry accrues from night to night and is paid in cash in the next month.
    pub fn accrues(self) -> bool {
        matches!(self, Entry::BorrowFee | Entry::DebitInterest | Entry::CreditInterest | Entry::ShortInterest)
    }
}

/// An amount for each of [`Entry::CHARGES`]. Files hold them by name; entries that an older file lacks are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charges([f64; Entry::N - Entry::Commission as usize]);

impl Charges {
    fn place(entry: Entry) -> usize {
        assert!(entry.is_charge(), "{} is no charge", entry.name());
        entry as usize - Entry::Commission as usize
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
