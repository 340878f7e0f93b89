//! Follows an account from its first day to its last.

use crate::account::{Account, Charges, Entry, Posting, Rounding, Status};
use crate::costs::Shares;
use crate::error::Result;
use crate::panel::{AssetId, Panel, Quotes};
use crate::policies::Policy;
use crate::simulator::{Event, EventKind, Journal, Simulator};

/// Market, period and capital of an account.
pub struct Setting<'a> {
    /// The market.
    pub panel: &'a Panel,
    /// Assets that the policy may want.
    pub assets: Vec<AssetId>,
    /// The first day; the account is opened before it, and returns begin the day after.
    pub first: usize,
    /// The day after the last one.
    pub end: usize,
    /// Capital paid in, dollars.
    pub capital_usd: f64,
}

/// A day as an observer sees it, after the night's interest.
pub struct Observed<'a> {
    /// The trading day.
    pub day: usize,
    /// Postings of the day.
    pub postings: &'a [Posting],
    /// The account after the day.
    pub account: &'a Account,
    /// Equity at the close, cents.
    pub equity: f64,
    /// Sum of the absolute values of the positions at the close, cents.
    pub gross: f64,
}

/// Outcome of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountOutcome {
    /// Daily returns after the first day; 0 after a ruin. The first return is relative to the capital, so that it
    /// includes the cost of opening the positions on the first day.
    pub returns: Vec<f64>,
    /// Equity after each day, including the first, dollars.
    pub equity_usd: Vec<f64>,
    /// Σ_t charges_t / equity_t−1 (on the first two days: the capital) by entry; negative when taken.
    pub charges: Charges,
    /// Σ_t market moves_t / equity_t−1: the sum of returns before charges.
    pub market: f64,
    /// Σ_t traded value_t / equity_t−1, without the first rebalance.
    pub turnover: f64,
    /// Mean ratio of gross to equity after the close.
    pub gross: f64,
    /// Number of days on which the policy gave targets.
    pub n_rebalances: usize,
    /// Number of trades.
    pub n_fills: usize,
    /// Number of orders cut to their participation cap.
    pub n_capped: usize,
    /// Number of positions and orders without a price, counted on each day.
    pub n_unpriced: usize,
    /// Forced liquidations, endings and ruin.
    pub events: Vec<Event>,
    /// The day of the ruin, if any.
    pub ruined: Option<usize>,
}

impl AccountOutcome {
    /// The days of forced liquidations.
    pub fn liquidations(&self) -> impl Iterator<Item = usize> {
        self.events.iter().filter(|event| event.kind == EventKind::Liquidation).map(|event| event.day)
    }
}

/// Simulates an account from its first day to its last. `observe` sees every day; postings that it does not keep are
/// dropped, so that memory does not grow with the ledger. Fails if the policy or `observe` does.
pub fn follow(
    simulator: &Simulator<'_>,
    setting: &Setting<'_>,
    policy: &mut dyn Policy,
    observe: &mut dyn FnMut(&Observed<'_>) -> Result<()>,
) -> Result<AccountOutcome> {
    let rounding = match simulator.profile.shares {
        Shares::Whole => Rounding::Whole,
        Shares::Fractional => Rounding::Exact,
    };
    let mut outcome = AccountOutcome::default();
    let mut journal = Journal::default();
    let mut today = Quotes::new(setting.panel, setting.assets.clone(), setting.first);
    let mut account = Account::open(setting.capital_usd, rounding, setting.first, &mut journal.postings);
    let capital = account.money();
    let mut before = capital;
    loop {
        account = simulator.step(account, &today, policy, &mut journal)?;
        let close = |asset: AssetId| today.of(asset).close;
        let (equity, gross) = (account.equity(close), account.gross(close));
        let day = today.day();
        observe(&Observed { day, postings: &journal.postings, account: &account, equity, gross })?;
        let base = if day <= setting.first + 1 { capital } else { before };
        outcome.record(&journal, base, before, equity, gross);
        if let Status::Ruined(day) = account.status {
            outcome.ruined = outcome.ruined.or(Some(day));
        }
        if day + 1 >= setting.end {
            break;
        }
        before = equity;
        journal.clear();
        today.advance();
    }
    outcome.gross /= outcome.equity_usd.len() as f64;
    Ok(outcome)
}

impl AccountOutcome {
    fn record(&mut self, journal: &Journal, base: f64, before: f64, equity: f64, gross: f64) {
        let is_over = self.ruined.is_some();
        let share = |cents: f64| if is_over { 0.0 } else { cents / base };
        let (mut posted, mut traded) = (0.0, 0.0);
        for posting in &journal.postings {
            if posting.entry.is_charge() {
                posted += posting.cents;
                self.charges[posting.entry] += share(posting.cents);
            } else if posting.entry == Entry::Fill {
                traded += 100.0 * (posting.shares * posting.price).abs();
                self.n_fills += 1;
            }
        }
        self.market += share(equity - before - posted);
        self.n_rebalances += usize::from(journal.rebalanced);
        if self.n_rebalances > 1 || !journal.rebalanced {
            self.turnover += share(traded);
        }
        self.gross += if is_over || equity <= 0.0 { 0.0 } else { gross / equity };
        self.n_capped += journal.n_capped;
        self.n_unpriced += journal.n_unpriced;
        self.events.extend(journal.events.iter().cloned());
        if !self.equity_usd.is_empty() {
            self.returns.push(share(equity - base));
        }
        self.equity_usd.push(equity / 100.0);
    }
}
