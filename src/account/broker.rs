//! An account at a broker: money in whole cents, positions in shares, and a posting for every change of either.
//!
//! ```text
//! equity = settled + unsettled + accrued + Σ round(shares · price)        cents
//! ```
//! If a charge is not a whole number of cents, its fraction is carried to the next charge of its kind, so that the
//! amounts posted and owed never differ by more than half a cent. Cents are kept in doubles: whole numbers are exact
//! up to 2⁵³ cents, ninety thousand billion dollars.

use std::collections::VecDeque;

use crate::account::{Entry, Fill, Posting};
use crate::calendar::Date;
use crate::panel::AssetId;

/// Whether money and shares are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Whole cents and whole shares.
    Whole,
    /// Fractional cents and shares, for comparison with weights times returns.
    Exact,
}

/// Shares of an asset, held or wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// The asset.
    pub asset: AssetId,
    /// Number of shares; negative when short.
    pub shares: f64,
}

/// Whether an account still trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The account trades.
    Open,
    /// Its equity fell to zero or below on this day; everything was sold and it no longer trades.
    Ruined(usize),
}

/// The state of an account between two days.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    rounding: Rounding,
    /// Starting capital, cents.
    capital: f64,
    settled: f64,
    unsettled: VecDeque<(usize, f64)>,
    accrued: f64,
    /// Accrued in an earlier month and not yet paid, cents.
    due: f64,
    positions: Vec<Position>,
    /// Fractions of cents not yet posted, by kind of entry.
    fractions: [f64; Entry::N],
    /// Positions wanted by orders that were not filled completely, by asset.
    pub working: Vec<Position>,
    /// Shares traded in this calendar month.
    pub month_shares: f64,
    /// Special memorandum account of Regulation T, cents.
    pub sma: f64,
    /// Whether the account still trades.
    pub status: Status,
    /// First day of the calendar month of the last day.
    month: Option<Date>,
}

impl Account {
    /// Opens an account with its capital in dollars; posts the deposit to `journal`.
    pub fn open(capital_usd: f64, rounding: Rounding, day: usize, journal: &mut Vec<Posting>) -> Self {
        let mut account = Self {
            rounding,
            capital: 0.0,
            settled: 0.0,
            unsettled: VecDeque::new(),
            accrued: 0.0,
            due: 0.0,
            positions: Vec::new(),
            fractions: [0.0; Entry::N],
            working: Vec::new(),
            month_shares: 0.0,
            sma: 0.0,
            status: Status::Open,
            month: None,
        };
        let cents = account.cents(100.0 * capital_usd);
        account.capital = cents;
        account.settled = cents;
        account.sma = cents;
        journal.push(Posting { day, entry: Entry::Deposit, asset: None, shares: 0.0, price: 0.0, cents });
        account
    }

    /// An amount in cents, rounded as this account counts money.
    pub fn cents(&self, cents: f64) -> f64 {
        match self.rounding {
            Rounding::Whole => cents.round(),
            Rounding::Exact => cents,
        }
    }

    /// Whether money and shares are whole numbers.
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// Positions held, ordered by asset; none is zero.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Shares held of an asset; negative when short.
    pub fn shares(&self, asset: AssetId) -> f64 {
        self.place(asset).map_or(0.0, |place| self.positions[place].shares)
    }

    /// Money in the account, cents: settled and unsettled, with accrued interest.
    pub fn money(&self) -> f64 {
        self.settled + self.unsettled.iter().map(|(_, cents)| cents).sum::<f64>() + self.accrued + self.due
    }

    /// Settled cash, cents, on which interest is computed.
    pub fn settled(&self) -> f64 {
        self.settled
    }

    /// Value of the positions at given prices (dollars), cents; each position is rounded separately.
    pub fn value(&self, price: impl Fn(AssetId) -> f64) -> f64 {
        self.positions.iter().map(|p| self.cents(100.0 * p.shares * price(p.asset))).sum()
    }

    /// Equity at given prices (dollars), cents: money plus positions.
    pub fn equity(&self, price: impl Fn(AssetId) -> f64) -> f64 {
        self.money() + self.value(price)
    }

    /// Pays in or out what brings the equity at given prices (dollars) back to the starting capital.
    pub fn restore_capital(&mut self, day: usize, price: impl Fn(AssetId) -> f64, journal: &mut Vec<Posting>) {
        let cents = self.capital - self.cents(self.equity(price));
        if cents != 0.0 {
            self.settled += cents;
            self.sma += cents;
            journal.push(Posting { day, entry: Entry::Transfer, asset: None, shares: 0.0, price: 0.0, cents });
        }
    }

    /// Sum of the absolute values of the positions at given prices (dollars), cents.
    pub fn gross(&self, price: impl Fn(AssetId) -> f64) -> f64 {
        self.positions.iter().map(|p| (100.0 * p.shares * price(p.asset)).abs()).sum()
    }

    /// Begins a day: settles money that is due, starts counting a new month, and pays the interest of the last month
    /// from the trading day `pay_on_session` of the month on.
    pub fn begin(&mut self, day: usize, date: Date, session_of_month: usize, pay_on_session: usize) {
        while self.unsettled.front().is_some_and(|(due, _)| *due <= day) {
            self.settled += self.unsettled.pop_front().map_or(0.0, |(_, cents)| cents);
        }
        let month = date.first_of_month();
        if self.month.is_some_and(|last| last != month) {
            self.month_shares = 0.0;
            self.due += std::mem::take(&mut self.accrued);
        }
        self.month = Some(month);
        if session_of_month >= pay_on_session {
            self.settled += std::mem::take(&mut self.due);
        }
    }

    /// Trades at the reference price; the money settles on day `settles`.
    pub fn trade(&mut self, day: usize, fill: &Fill, settles: usize, journal: &mut Vec<Posting>) {
        self.month_shares += fill.shares.abs();
        let money = -100.0 * fill.shares * fill.price;
        self.exchange(day, Entry::Fill, (fill.asset, fill.shares, fill.price), money, settles, journal);
    }

    /// Exchanges shares for money (cents): a trade, a split, cash for a fraction of a share, an ending.
    pub fn exchange(
        &mut self,
        day: usize,
        entry: Entry,
        (asset, shares, price): (AssetId, f64, f64),
        cents: f64,
        settles: usize,
        journal: &mut Vec<Posting>,
    ) {
        let cents = self.cents(cents);
        match self.place(asset) {
            Ok(place) => {
                self.positions[place].shares += shares;
                if self.positions[place].shares == 0.0 {
                    self.positions.remove(place);
                }
            }
            Err(place) if shares != 0.0 => self.positions.insert(place, Position { asset, shares }),
            Err(_) => {}
        }
        self.pay(day, cents, settles);
        journal.push(Posting { day, entry, asset: Some(asset), shares, price, cents });
    }

    /// Takes a charge in dollars, or pays it if negative. Fractions of a cent are carried to the next charge of the
    /// kind.
    pub fn charge(
        &mut self,
        day: usize,
        entry: Entry,
        asset: Option<AssetId>,
        usd: f64,
        settles: usize,
        journal: &mut Vec<Posting>,
    ) {
        let owed = self.fractions[entry as usize] - 100.0 * usd;
        let cents = self.cents(owed);
        self.fractions[entry as usize] = owed - cents;
        if cents == 0.0 {
            return;
        }
        if entry.accrues() {
            self.accrued += cents;
        } else {
            self.pay(day, cents, settles);
        }
        journal.push(Posting { day, entry, asset, shares: 0.0, price: 0.0, cents });
    }

    fn pay(&mut self, day: usize, cents: f64, settles: usize) {
        if settles <= day {
            self.settled += cents;
            return;
        }
        match self.unsettled.iter_mut().find(|(due, _)| *due == settles) {
            Some((_, sum)) => *sum += cents,
            None => {
                let place = self.unsettled.partition_point(|(due, _)| *due < settles);
                self.unsettled.insert(place, (settles, cents));
            }
        }
    }

    fn place(&self, asset: AssetId) -> Result<usize, usize> {
        self.positions.binary_search_by_key(&asset, |p| p.asset)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::account::Auction;

    fn account() -> (Account, Vec<Posting>) {
        let mut journal = Vec::new();
        (Account::open(1000.0, Rounding::Whole, 0, &mut journal), journal)
    }

    #[test]
    fn a_trade_moves_money_on_its_settlement_day_and_equity_not_at_all() {
        let (mut account, mut journal) = account();
        let fill = Fill { asset: 3, shares: 7.0, price: 33.333, auction: Auction::Close };
        account.trade(0, &fill, 2, &mut journal);
        assert_eq!((account.settled(), account.money()), (100_000.0, 100_000.0 - 23_333.0));
        assert_eq!(account.equity(|_| 33.333), 100_000.0);
        account.begin(2, date(2020, 1, 3), 2, 3);
        assert_eq!(account.settled(), 76_667.0);
        account.trade(2, &Fill { shares: -7.0, ..fill }, 2, &mut journal);
        assert!(account.positions().is_empty());
        assert_eq!(account.month_shares, 14.0);
        assert_eq!(journal.iter().map(|row| row.cents).sum::<f64>(), account.money());
    }

    #[test]
    fn fractions_of_cents_are_posted_when_they_have_become_cents() {
        let (mut account, mut journal) = account();
        (0..1000).for_each(|_| account.charge(0, Entry::Clearing, None, 0.0002, 0, &mut journal));
        assert_eq!(account.money(), 100_000.0 - 20.0);
        assert!(journal[1..].iter().all(|row| row.cents == -1.0));
    }

    #[test]
    fn interest_accrues_and_reaches_the_cash_on_its_session_of_the_next_month() {
        let (mut account, mut journal) = account();
        account.begin(0, date(2020, 1, 31), 22, 3);
        account.charge(0, Entry::DebitInterest, None, 1.0, 0, &mut journal);
        assert_eq!((account.settled(), account.money()), (100_000.0, 99_900.0));
        account.begin(1, date(2020, 2, 3), 1, 3);
        assert_eq!(account.settled(), 100_000.0);
        account.begin(3, date(2020, 2, 5), 3, 3);
        assert_eq!((account.settled(), account.money()), (99_900.0, 99_900.0));
    }
}
