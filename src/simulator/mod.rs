//! Trading day by day: orders, auctions, settlement, margin, interest.
//!
//! One day, in this order:
//!
//! 1. settled money arrives; dividends, splits and endings, before the open
//! 2. the policy names target weights from what was known before the day; orders are counted at known prices
//! 3. orders in the opening auction
//! 4. maintenance margin at the worst prices of the day, on what was held through it; forced liquidation
//! 5. orders in the closing auction
//! 6. marking at the close; Regulation T behind the close; ruin
//! 7. interest and borrow fees for the calendar nights to the next session
//!
//! Every cent moves through a posting, and equity changes by market moves and postings alone.
//!
//! # What a day is made of
//!
//! `simulator::Simulator::step` takes an account and returns it a day later: dividends, splits and endings before the open; targets
//! from the policy, orders counted at the open (or, where the panel has none, the last close); the opening auction; maintenance margin at
//! every position's worst price on what was held through the day, with forced liquidation; the closing auction; marking, Regulation T
//! and ruin; interest and borrow for the calendar nights that follow. The margin check precedes the closing auction because what is
//! bought at the close was not held at the low.
//!
//! A `CostModel` sees fills once and positions once a day and adds charges; an `Account` turns them into postings of whole cents,
//! keeping fractions for the next charge of the kind. A profile of `src/costs/schedules.toml` is a list of cost models with a margin rule
//! and rules of execution. `experiment/simulation.rs` makes an account for every portfolio, profile, capital and leverage,
//! `experiment/accounts.rs` follows one, in parallel over accounts; ledgers are streamed, so memory does not grow with the years.
//!
//! An account is opened on the day on which its portfolio first exists, and its returns begin on the day after, as those of a run do; the
//! first one is against the capital and carries the costs of opening. The bridge of an account is a sum over days of cents over the equity of the day before: gross (the same targets as weights times
//! returns) + tracking (what whole shares, caps and orders counted at earlier prices change) + charges = net.

mod actions;
mod outcome;
mod liquidation;
mod margin;
mod orders;

pub use margin::{Held, Margin, fraction_sold};
pub use outcome::{AccountOutcome, Observed, Setting, follow};

use crate::account::{Account, Fill, Posting, Status};
use crate::calendar::Date;
use crate::costs::{Benchmark, Charge, CostModel, Cycle, Day, Order, Profile, Schedules, Sizing};
use crate::error::Result;
use crate::panel::{AssetId, Quotes, SizeRanks};
use crate::policies::Policy;

/// Something that a person would want to be told about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The trading day.
    pub day: usize,
    /// What kind.
    pub kind: EventKind,
    /// About which asset, if about one.
    pub asset: Option<AssetId>,
    /// In words, with numbers.
    pub detail: String,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Positions were sold because margin was missing.
    Liquidation,
    /// Equity was gone.
    Ruin,
    /// A listing ended while it was held.
    Ending,
}

impl EventKind {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Liquidation => "liquidation",
            EventKind::Ruin => "ruin",
            EventKind::Ending => "ending",
        }
    }
}

/// What happened on a day.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Every change of money or shares.
    pub postings: Vec<Posting>,
    /// What stands out.
    pub events: Vec<Event>,
    /// Whether the policy named new targets.
    pub rebalanced: bool,
    /// Orders that were larger than their share of the volume.
    pub n_capped: usize,
    /// Positions and orders in assets that did not trade; their price is carried.
    pub n_unpriced: usize,
    /// Buffers of a day.
    fills: Vec<Fill>,
    charges: Vec<Charge>,
}

impl Journal {
    fn clear(&mut self) {
        self.postings.clear();
        self.events.clear();
        (self.rebalanced, self.n_capped, self.n_unpriced) = (false, 0, 0);
    }
}

/// A profile put to work on a market.
pub struct Simulator<'a> {
    profile: &'a Profile,
    schedules: &'a Schedules,
    models: Vec<Box<dyn CostModel>>,
    margin: Margin,
    benchmark: &'a Benchmark,
    ranks: &'a SizeRanks,
}

impl<'a> Simulator<'a> {
    /// Builds the cost models and the margin rule of a profile.
    pub fn new(
        profile: &'a Profile,
        schedules: &'a Schedules,
        benchmark: &'a Benchmark,
        ranks: &'a SizeRanks,
    ) -> Result<Self> {
        let models = profile.models(schedules)?;
        let margin = Margin::new(profile.margin, schedules);
        Ok(Self { profile, schedules, models, margin, benchmark, ranks })
    }

    /// One day of an account: state in, state out, and what happened in the journal.
    pub fn step(
        &self,
        mut account: Account,
        today: &Quotes<'_>,
        policy: &mut dyn Policy,
        journal: &mut Journal,
    ) -> Result<Account> {
        if account.status != Status::Open {
            return Ok(account);
        }
        let (panel, day) = (today.panel(), today.day());
        let date = panel.calendar().date(day);
        account.begin(day, date, session_of_month(today), self.schedules.financing.post_on_session);
        self.corporate_actions(&mut account, today, journal);

        let targets = policy.target(panel.past(day), &account)?;
        journal.rebalanced = targets.is_some();
        let known = |asset: AssetId| {
            let quote = today.of(asset);
            match (self.profile.sizing, self.profile.order) {
                (Sizing::Fill, Order::MarketOnClose) => quote.close,
                (Sizing::Fill, Order::MarketOnOpen) | (Sizing::Open, Order::MarketOnClose) => quote.open,
                (Sizing::PreviousClose, _) | (Sizing::Open, Order::MarketOnOpen) => quote.previous,
            }
        };
        let wanted = match targets {
            Some(targets) => self.wanted(&account, &targets, known, date, journal),
            None => std::mem::take(&mut account.working),
        };
        if self.profile.order == Order::MarketOnOpen {
            self.trade(&mut account, today, &wanted, journal);
        }
        self.maintenance(&mut account, today, journal);
        if self.profile.order == Order::MarketOnClose && account.status == Status::Open {
            self.trade(&mut account, today, &wanted, journal);
        }
        if account.status == Status::Open {
            self.behind_the_close(&mut account, today, journal);
        }
        if account.status == Status::Open {
            self.night(&mut account, today, journal);
        }
        Ok(account)
    }

    /// Trades at their reference prices and everything that is charged for them.
    fn execute(&self, account: &mut Account, today: &Quotes<'_>, fills: &[Fill], journal: &mut Journal) {
        if fills.is_empty() {
            return;
        }
        let (day, before) = (today.day(), account.month_shares);
        let date = today.panel().calendar().date(day);
        let settles = day + self.cycle(date).sessions;
        for fill in fills {
            account.trade(day, fill, settles, &mut journal.postings);
        }
        let mut charges = std::mem::take(&mut journal.charges);
        self.charges_of(&Day { fills, month_shares: before, ..self.day(account, today) }, &mut charges);
        for charge in &charges {
            account.charge(day, charge.entry, charge.asset, charge.usd, settles, &mut journal.postings);
        }
        journal.charges = charges;
    }

    fn charges_of(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        charges.clear();
        self.models.iter().for_each(|model| model.charge(day, charges));
    }

    /// Interest and borrow fees until the next session.
    fn night(&self, account: &mut Account, today: &Quotes<'_>, journal: &mut Journal) {
        let (day, calendar) = (today.day(), today.panel().calendar());
        // Behind the last day of a panel lies one night.
        let next = calendar.dates().get(day + 1);
        let nights = next.map_or(1, |next| (*next - calendar.date(day)).get_days() as u32);
        let mut charges = std::mem::take(&mut journal.charges);
        let positions = account.positions();
        self.charges_of(&Day { positions, nights, ..self.day(account, today) }, &mut charges);
        for charge in &charges {
            account.charge(day, charge.entry, charge.asset, charge.usd, day, &mut journal.postings);
        }
        journal.charges = charges;
    }

    /// A day without fills, positions and nights.
    fn day<'b>(&'b self, account: &Account, today: &'b Quotes<'b>) -> Day<'b> {
        let (day, calendar) = (today.day(), today.panel().calendar());
        let date = calendar.date(day);
        let known = calendar.date(day.saturating_sub(self.schedules.financing.benchmark_lag_sessions));
        Day {
            date,
            fills: &[],
            month_shares: 0.0,
            positions: &[],
            nights: 0,
            settled_usd: account.settled() / 100.0,
            equity_usd: account.equity(|asset| today.of(asset).close) / 100.0,
            // The series was checked to cover the simulation; only a first day can lie before it.
            benchmark_percent: self.benchmark.at(known).or_else(|| self.benchmark.at(date)).unwrap_or(0.0),
            quotes: today,
            ranks: self.ranks.of_year(date.year()),
        }
    }

    fn cycle(&self, date: Date) -> &Cycle {
        let cycles = &self.schedules.settlement.cycles;
        &cycles[cycles.partition_point(|cycle| cycle.from <= date).saturating_sub(1)]
    }
}

/// The number of today's session within its month, from 1.
fn session_of_month(today: &Quotes<'_>) -> usize {
    let calendar = today.panel().calendar();
    let first = calendar.first_on_or_after(calendar.date(today.day()).first_of_month());
    today.day() - first + 1
}
