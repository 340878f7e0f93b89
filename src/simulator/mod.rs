//! Trading day by day: orders, auctions, settlement, margin, interest.
//!
//! One day, in this order:
//!
//! 1. money settles; dividends, splits and endings of listings, before the open
//! 2. the policy gives target weights from what was known before the day; if the account keeps its capital, the difference
//!    is paid in or out; orders are sized at known prices
//! 3. orders in the opening auction
//! 4. maintenance margin at the worst prices of the day, on the positions held through it; forced liquidation
//! 5. orders in the closing auction
//! 6. marking at the close; Regulation T after the close; ruin
//! 7. interest and borrow fees for the calendar nights to the next session
//!
//! Every cent moves through a posting, and equity changes only by market moves and postings. What is paid in or out is no
//! return: that of a day is its change of equity without transfers, over the equity of the day before.
//!
//! # The parts of a day
//!
//! `simulator::Simulator::step` takes an account and returns it a day later. The steps are: dividends, splits and
//! endings before the open; targets from the policy, with orders sized at the open (or the last close, if the panel
//! has no open); the opening auction; maintenance margin at every position's worst price, on the positions held
//! through the day, with forced liquidation; the closing auction; marking, Regulation T and ruin; interest and borrow
//! fees for the calendar nights that follow. The margin check comes before the closing auction because shares bought
//! at the close were not held at the low.
//!
//! A `CostModel` sees each fill once and the positions once a day, and adds charges. An `Account` turns charges into
//! postings of whole cents and carries fractions to the next charge of the kind. A profile in
//! `src/costs/schedules.toml` is a list of cost models with a margin rule and rules of execution.
//! `experiment/simulation.rs` creates an account for every portfolio, profile, capital and leverage;
//! `experiment/accounts.rs` follows accounts of the same portfolio side by side, because they see the same prices, and
//! groups of them in parallel. Ledgers are streamed, so memory does not grow with the number of years.
//!
//! An account is opened on the day on which its portfolio first exists. Its returns begin on the day after, like
//! those of a run; the first return is relative to the capital and includes the costs of opening. The bridge of an
//! account explains its return. Each part is a sum over days of cents over the equity of the day before: gross (the
//! same targets as weights times returns) + tracking (the effect of whole shares, caps, and orders sized at earlier
//! prices) + charges = net.

mod actions;
mod outcome;
mod liquidation;
mod margin;
mod orders;

pub use margin::{Held, Margin, fraction_sold};
pub use outcome::{AccountOutcome, Followed, Observed, Setting, follow, follow_all};

use crate::account::{Account, Fill, Posting, Status};
use crate::calendar::Date;
use crate::costs::{BenchmarkRate, Charge, CostModel, Cycle, Day, Order, Profile, Schedules, Sizing};
use crate::error::Result;
use crate::panel::{AssetId, Quotes, SizeRanks};
use crate::policies::Policy;

/// An event that the user should know about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The trading day.
    pub day: usize,
    /// Kind of event.
    pub kind: EventKind,
    /// The asset concerned, if any.
    pub asset: Option<AssetId>,
    /// Description with numbers.
    pub detail: String,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Positions were sold because margin was insufficient.
    Liquidation,
    /// Equity fell to zero or below.
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

/// Record of a day.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Every change of money or shares.
    pub postings: Vec<Posting>,
    /// Events that the user should know about.
    pub events: Vec<Event>,
    /// Whether the policy gave new targets.
    pub rebalanced: bool,
    /// Number of orders cut to the allowed share of the volume.
    pub n_capped: usize,
    /// Number of positions and orders in assets that did not trade; their price is carried forward.
    pub n_unpriced: usize,
    /// Buffers that are reused from day to day.
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

/// Simulates accounts under one profile.
pub struct Simulator<'a> {
    profile: &'a Profile,
    schedules: &'a Schedules,
    models: Vec<Box<dyn CostModel>>,
    margin: Margin,
    benchmark: &'a BenchmarkRate,
    ranks: &'a SizeRanks,
    keeps_capital: bool,
}

impl<'a> Simulator<'a> {
    /// Builds the cost models and the margin rule of a profile. Fails if a cost model cannot be built.
    pub fn new(
        profile: &'a Profile,
        schedules: &'a Schedules,
        benchmark: &'a BenchmarkRate,
        ranks: &'a SizeRanks,
    ) -> Result<Self> {
        let models = profile.models(schedules)?;
        let margin = Margin::new(profile.margin, schedules);
        Ok(Self { profile, schedules, models, margin, benchmark, ranks, keeps_capital: false })
    }

    /// Whether every rebalance begins with the starting capital: what exceeds it is paid out, what is missing is paid in.
    pub fn keeping_capital(self, keeps_capital: bool) -> Self {
        Self { keeps_capital, ..self }
    }

    /// Simulates one day: takes the account, returns it after the day, and records what happened in the journal.
    /// Fails if the policy does.
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
        if self.keeps_capital && targets.is_some() {
            // A position without a price is worth its last close, as when the day ends.
            let price = |asset| if known(asset).is_finite() { known(asset) } else { today.of(asset).close };
            account.restore_capital(day, price, &mut journal.postings);
        }
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
            self.after_the_close(&mut account, today, journal);
        }
        if account.status == Status::Open {
            self.night(&mut account, today, journal);
        }
        Ok(account)
    }

    /// Books fills at their reference prices and the charges for them.
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
        // The last day of a panel is followed by one night.
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

    /// A day without fills, positions and nights, to be completed by the caller.
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
            // The series was checked to cover the simulation; with the lag only the first days can be before it.
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
