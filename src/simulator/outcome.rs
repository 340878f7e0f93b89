//! An account from its first day to its last.

use crate::account::{Account, Charges, Entry, Posting, Rounding, Status};
use crate::costs::Shares;
use crate::error::Result;
use crate::panel::{AssetId, Panel, Quotes};
use crate::policies::Policy;
use crate::simulator::{Event, EventKind, Journal, Simulator};

/// Where and when an account trades.
pub struct Setting<'a> {
    /// The market.
    pub panel: &'a Panel,
    /// Assets that may be wanted.
    pub assets: Vec<AssetId>,
    /// The first day; the account is opened before it, and returns begin the day after.
    pub first: usize,
    /// The day behind the last.
    pub end: usize,
    /// Paid in, dollars.
    pub capital_usd: f64,
}

/// A day as an observer sees it, behind the night's interest.
pub struct Observed<'a> {
    /// The trading day.
    pub day: usize,
    /// What was posted.
    pub postings: &'a [Posting],
    /// The account.
    pub account: &'a Account,
    /// Equity at the close, cents.
    pub equity: f64,
    /// Value of all positions without sign at the close, cents.
    pub gross: f64,
}

/// What became of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountOutcome {
    /// Returns of all days after the first; 0 after a ruin. The first return is against the capital, so that it carries what
    /// opening the positions on the first day has cost.
    pub returns: Vec<f64>,
    /// Equity after each day, the first one too, dollars.
    pub equity_usd: Vec<f64>,
    /// Σ_t charges_t / equity_t−1 (on the first two days: the capital) by entry; negative when taken.
    pub charges: Charges,
    /// Σ_t market moves_t / equity_t−1: what is left of the returns without charges.
    pub market: f64,
    /// Σ_t traded value_t / equity_t−1, without the first rebalance.
    pub turnover: f64,
    /// Mean gross over equity behind the close.
    pub gross: f64,
    /// Days on which the policy named targets.
    pub n_rebalances: usize,
    /// Trades.
    pub n_fills: usize,
    /// Orders that met their participation cap.
    pub n_capped: usize,
    /// Positions and orders that had to wait for a price, counted by day.
    pub n_unpriced: usize,
    /// Forced liquidations and their days, endings, ruin.
    pub events: Vec<Event>,
    /// The day of the ruin.
    pub ruined: Option<usize>,
}

impl AccountOutcome {
    /// The days of forced liquidations.
    pub fn liquidations(&self) -> impl Iterator<Item = usize> {
        self.events.iter().filter(|event| event.kind == EventKind::Liquidation).map(|event| event.day)
    }
}

/// Follows an account through its days. `observe` sees every day; what it does not keep is forgotten, so that memory does
/// not grow with the ledger.
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
