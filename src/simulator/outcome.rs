//! Follows accounts from their first day to their last.

use crate::account::{Account, Charges, Entry, Posting, Rounding, Status};
use crate::costs::Shares;
use crate::error::Result;
use crate::panel::{AssetId, Panel, Quotes};
use crate::policies::Policy;
use crate::simulator::{Event, EventKind, Journal, Simulator};

/// Market and period of accounts.
pub struct Setting<'a> {
    /// The market.
    pub panel: &'a Panel,
    /// Assets that the policies may want.
    pub assets: Vec<AssetId>,
    /// The first day; accounts are opened before it, and returns begin the day after.
    pub first: usize,
    /// The day after the last one.
    pub end: usize,
}

/// An account to follow.
pub struct Followed<'a> {
    /// The rules under which it trades.
    pub simulator: &'a Simulator<'a>,
    /// Capital paid in, dollars.
    pub capital_usd: f64,
    /// Decides what it wants to hold.
    pub policy: &'a mut dyn Policy,
    /// Sees every day; postings that it does not keep are dropped, so that memory does not grow with the ledger.
    pub observe: &'a mut dyn FnMut(&Observed<'_>) -> Result<()>,
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
    /// Paid out at rebalances, less what was paid in, dollars; 0 unless the account keeps its capital.
    pub paid_out_usd: f64,
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

/// Simulates an account from its first day to its last. Fails if its policy or its observer does.
pub fn follow(setting: &Setting<'_>, account: Followed<'_>) -> Result<AccountOutcome> {
    Ok(follow_all(setting, vec![account])?.remove(0))
}

/// Simulates accounts side by side, so that the prices of a day are computed once for all. The outcome of each is what
/// it would be alone. Fails if a policy or an observer does.
pub fn follow_all(setting: &Setting<'_>, accounts: Vec<Followed<'_>>) -> Result<Vec<AccountOutcome>> {
    let mut today = Quotes::new(setting.panel, setting.assets.clone(), setting.first);
    let mut walks: Vec<Walk<'_>> = accounts.into_iter().map(|account| Walk::begin(account, setting.first)).collect();
    loop {
        walks.iter_mut().try_for_each(|walk| walk.step(&today))?;
        if today.day() + 1 >= setting.end {
            return Ok(walks.into_iter().map(Walk::outcome).collect());
        }
        today.advance();
    }
}

/// An account on its way through the days.
struct Walk<'a> {
    followed: Followed<'a>,
    first: usize,
    /// `None` only while a day is simulated.
    account: Option<Account>,
    journal: Journal,
    /// Capital, cents.
    capital: f64,
    /// Equity after the last day, cents.
    before: f64,
    outcome: AccountOutcome,
}

impl<'a> Walk<'a> {
    fn begin(followed: Followed<'a>, first: usize) -> Self {
        let rounding = match followed.simulator.profile.shares {
            Shares::Whole => Rounding::Whole,
            Shares::Fractional => Rounding::Exact,
        };
        let mut journal = Journal::default();
        let account = Account::open(followed.capital_usd, rounding, first, &mut journal.postings);
        let capital = account.money();
        let outcome = AccountOutcome::default();
        Self { followed, first, account: Some(account), journal, capital, before: capital, outcome }
    }

    fn step(&mut self, today: &Quotes<'_>) -> Result<()> {
        let Followed { simulator, policy, observe, .. } = &mut self.followed;
        let account = self.account.take().expect("an account is open between two days");
        let account = simulator.step(account, today, *policy, &mut self.journal)?;
        let close = |asset: AssetId| today.of(asset).close;
        let (equity, gross) = (account.equity(close), account.gross(close));
        let day = today.day();
        observe(&Observed { day, postings: &self.journal.postings, account: &account, equity, gross })?;
        let base = if day <= self.first + 1 { self.capital } else { self.before };
        self.outcome.record(&self.journal, base, self.before, equity, gross);
        if let Status::Ruined(day) = account.status {
            self.outcome.ruined = self.outcome.ruined.or(Some(day));
        }
        self.before = equity;
        self.journal.clear();
        self.account = Some(account);
        Ok(())
    }

    fn outcome(self) -> AccountOutcome {
        let mean_gross = self.outcome.gross / self.outcome.equity_usd.len() as f64;
        AccountOutcome { gross: mean_gross, ..self.outcome }
    }
}

impl AccountOutcome {
    fn record(&mut self, journal: &Journal, base: f64, before: f64, equity: f64, gross: f64) {
        let is_over = self.ruined.is_some();
        let share = |cents: f64| if is_over { 0.0 } else { cents / base };
        let (mut posted, mut traded, mut paid_in) = (0.0, 0.0, 0.0);
        for posting in &journal.postings {
            if posting.entry.is_charge() {
                posted += posting.cents;
                self.charges[posting.entry] += share(posting.cents);
            } else if posting.entry == Entry::Transfer {
                paid_in += posting.cents;
            } else if posting.entry == Entry::Fill {
                traded += 100.0 * (posting.shares * posting.price).abs();
                self.n_fills += 1;
            }
        }
        self.market += share(equity - before - posted - paid_in);
        self.paid_out_usd -= paid_in / 100.0;
        self.n_rebalances += usize::from(journal.rebalanced);
        if self.n_rebalances > 1 || !journal.rebalanced {
            self.turnover += share(traded);
        }
        self.gross += if is_over || equity <= 0.0 { 0.0 } else { gross / equity };
        self.n_capped += journal.n_capped;
        self.n_unpriced += journal.n_unpriced;
        self.events.extend(journal.events.iter().cloned());
        if !self.equity_usd.is_empty() {
            self.returns.push(share(equity - base - paid_in));
        }
        self.equity_usd.push(equity / 100.0);
    }
}
