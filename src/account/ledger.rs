//! What happens to an account, a row each.

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

/// A trade at the reference price of its auction; what it costs beyond is charged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// What was traded.
    pub asset: AssetId,
    /// Bought; negative when sold.
    pub shares: f64,
    /// Reference price, dollars.
    pub price: f64,
    /// Where.
    pub auction: Auction,
}

impl Fill {
    /// Traded value, dollars, without sign.
    pub fn value(&self) -> f64 {
        (self.shares * self.price).abs()
    }
}

/// What a row of the ledger is. Those from [`Entry::Commission`] on are charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// Capital paid in.
    Deposit,
    /// A trade at its reference price.
    Fill,
    /// Shares out of a split; no money.
    Split,
    /// The fraction of a share that a split left, paid out at the close.
    CashInLieu,
    /// A dividend received, or paid on a short position.
    Dividend,
    /// The end of a listing: shares against money.
    Ending,
    /// The broker's commission.
    Commission,
    /// Clearing and what exchanges and FINRA take from a commission.
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
    pub const N: usize = 16;

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

    /// What lowers or raises equity beside the market.
    pub const CHARGES: [Entry; 10] = [
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

    /// Whether this changes equity beside the market.
    pub fn is_charge(self) -> bool {
        self >= Entry::Commission
    }

    /// Whether this accrues from night to night and reaches the cash in the next month.
    pub fn accrues(self) -> bool {
        self >= Entry::BorrowFee
    }
}

/// A row of the ledger. All rows up to a day sum to the money and the shares of that day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posting {
    /// The trading day.
    pub day: usize,
    /// What happened.
    pub entry: Entry,
    /// To which asset, if to one.
    pub asset: Option<AssetId>,
    /// Change of the position.
    pub shares: f64,
    /// Dollars a share; 0 where there is none.
    pub price: f64,
    /// Money to the account, cents; negative when taken.
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
}
