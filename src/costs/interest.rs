//! Interest on loans, idle cash and the proceeds of short sales.
//!
//! ```text
//! S = Σ_short |q| ⌈1.02 close⌉,   X = settled cash − S
//! per night: debit(max(−X, 0)), credit(max(X, 0)), short(S), each Σ_tiers balance in the tier · rate / 360
//! rate = benchmark + spread for loans, max(benchmark − discount, 0) for balances
//! ```
//! The proceeds of short sales do not reduce a loan. Below an equity of `full_rate_usd`, credit rates are
//! proportional to equity. Every calendar night counts, including those of weekends and holidays. Interactive
//! Brokers' example pages.

use crate::account::Entry;
use crate::costs::borrow::collateral;
use crate::costs::schedules::{Borrow, Discount, Financing, Spread, at};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

/// Rates applied: the broker's tiers, one spread for each kind of balance, or the benchmark itself.
enum Rates {
    Tiered,
    OneSpread,
    Benchmark,
}

struct Interest {
    rates: Rates,
    financing: Financing,
    borrow: Borrow,
}

/// Interest of a year, dollars: Σ over tiers of the balance in the tier times its rate. Tiers are upper ends with
/// rates in percent.
fn tiered(balance: f64, tiers: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut from) = (0.0, 0.0);
    for (up_to, percent) in tiers {
        sum += (balance.min(up_to) - from).max(0.0) * percent / 100.0;
        from = up_to;
    }
    sum
}

fn debit(balance: f64, tiers: &[Spread], benchmark: f64) -> f64 {
    tiered(balance, tiers.iter().map(|tier| (tier.up_to_usd, benchmark + tier.spread_percent)))
}

fn credit(balance: f64, tiers: &[Discount], benchmark: f64) -> f64 {
    tiered(balance, tiers.iter().map(|tier| (tier.up_to_usd, (benchmark - tier.discount_percent).max(0.0))))
}

impl CostModel for Interest {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        if day.nights == 0 {
            return;
        }
        let (f, benchmark) = (&self.financing, day.benchmark_percent);
        let shorts: f64 = collateral(day, &self.borrow).map(|(_, usd)| usd).sum();
        let excess = day.settled_usd - shorts;
        let (loan, idle) = ((-excess).max(0.0), excess.max(0.0));
        let flat = |usd: f64, percent: f64| usd * percent.max(0.0) / 100.0;
        let yearly = match self.rates {
            Rates::Tiered => {
                let schedule = at(&f.credit, day.date);
                let full = (day.equity_usd / schedule.full_rate_usd).clamp(0.0, 1.0);
                [
                    debit(loan, &at(&f.debit, day.date).tiers, benchmark),
                    full * credit(idle, &schedule.tiers, benchmark),
                    credit(shorts, &at(&f.short_proceeds, day.date).tiers, benchmark),
                ]
            }
            Rates::OneSpread => [
                flat(loan, benchmark + f.institutional.debit_spread_percent),
                flat(idle, benchmark - f.institutional.credit_discount_percent),
                flat(shorts, benchmark - f.institutional.short_discount_percent),
            ],
            Rates::Benchmark => [flat(loan, benchmark), flat(idle, benchmark), flat(shorts, benchmark)],
        };
        let share_of_year = f64::from(day.nights) / f.day_count;
        let entries = [(Entry::DebitInterest, 1.0), (Entry::CreditInterest, -1.0), (Entry::ShortInterest, -1.0)];
        for ((entry, sign), yearly) in entries.into_iter().zip(yearly) {
            if yearly != 0.0 {
                charges.push(Charge { entry, asset: None, usd: sign * yearly * share_of_year });
            }
        }
    }
}

fn build(choice: &Choice, schedules: &Schedules, rates: Rates) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    let (financing, borrow) = (schedules.financing.clone(), schedules.borrow.clone());
    Ok(Box::new(Interest { rates, financing, borrow }))
}

pub(super) fn ibkr(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Rates::Tiered)
}

pub(super) fn institutional(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Rates::OneSpread)
}

pub(super) fn benchmark(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Rates::Benchmark)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::account::Position;
    use crate::costs::tests::{charged, close};

    /// A year of 360 nights.
    fn yearly(words: &str, y: i16, cash: f64, benchmark: f64, short: f64) -> Vec<Charge> {
        let positions = [Position { asset: 0, shares: short }];
        charged(words, date(y, 1, 1), |day| {
            (day.nights, day.settled_usd, day.benchmark_percent) = (360, cash, benchmark);
            day.positions = if short == 0.0 { &[] } else { Box::leak(Box::new(positions)) };
        })
    }

    fn of(charges: &[Charge], entry: Entry) -> f64 {
        charges.iter().filter(|charge| charge.entry == entry).map(|charge| charge.usd).sum()
    }

    #[test]
    fn loans_pay_the_published_rates_by_tier() {
        // At a benchmark of 5.33 the table of 2024 shows 6.83, 6.33, 6.08 and 5.83 %.
        let loan = |usd: f64| of(&yearly("ibkr_interest", 2024, -usd, 5.33, 0.0), Entry::DebitInterest);
        close(loan(100_000.0), 6_830.0, 1e-6);
        close(loan(1e6) - loan(1e5), 9e5 * 0.0633, 1e-6);
        close(loan(5e7) - loan(1e6), 4.9e7 * 0.0608, 1e-3);
        close(loan(2e8) - loan(5e7), 1.5e8 * 0.0583, 1e-3);
        // The older schedule at 2.18.
        let older = |usd: f64| of(&yearly("ibkr_interest", 2019, -usd, 2.18, 0.0), Entry::DebitInterest);
        close(older(4e6), 1e5 * 0.0368 + 9e5 * 0.0318 + 2e6 * 0.0268 + 1e6 * 0.0248, 1e-6);
    }

    #[test]
    fn idle_cash_earns_nothing_on_the_first_ten_thousand() {
        let idle = |usd: f64, y| -of(&yearly("ibkr_interest", y, usd, 1.92, 0.0), Entry::CreditInterest);
        close(idle(10_000.0, 2018), 0.0, 0.0);
        close(idle(110_000.0, 2018), 1_420.0, 1e-9); // 1.42 % above
        close(idle(200_000.0, 2010), 90_000.0 * 0.0142 + 100_000.0 * 0.0167, 1e-9);
        let poor = charged("ibkr_interest", date(2018, 1, 1), |day| {
            (day.nights, day.settled_usd, day.benchmark_percent, day.equity_usd) = (360, 60_000.0, 1.92, 60_000.0);
        });
        close(-of(&poor, Entry::CreditInterest), 0.6 * 50_000.0 * 0.0142, 1e-9);
        close(-of(&yearly("ibkr_interest", 2018, 1e6, 0.3, 0.0), Entry::CreditInterest), 0.0, 0.0);
    }

    #[test]
    fn proceeds_of_short_sales_earn_their_own_tiers_and_do_not_repay_the_loan() {
        let charges = yearly("ibkr_interest", 2018, 0.0, 1.16, -100_000.0);
        let (short, loan) = (-of(&charges, Entry::ShortInterest), of(&charges, Entry::DebitInterest));
        let s = 100_000.0 * 50.0; // a close of 49 dollars, 1.02 times and rounded up
        close(short, 2e6 * 0.0066 + (s - 3e6) * 0.0091, 1e-3); // nothing to 1 million: 1.16 - 1.25 < 0
        close(loan, debit(s, &Schedules::default().financing.debit[0].tiers, 1.16), 1e-3);
        // The broker's case: 5 million short at a benchmark of 1.16 earn 0.628 %.
        let tiers = &Schedules::default().financing.short_proceeds[0].tiers;
        close(100.0 * credit(5e6, tiers, 1.16) / 5e6, 0.628, 5e-4);
    }

    #[test]
    fn short_collateral_and_excess_cash_of_one_account_earn_their_own_tiers() {
        // The broker's example at a benchmark of 1.00: 1,650,000 settled, of which 1,500,000 are collateral.
        let f = Schedules::default().financing;
        close(credit(1.5e6, &f.short_proceeds[0].tiers, 1.0), 0.0 + 5e5 * 0.005, 1e-9); // the second tier pays nothing
        close(credit(1.5e5, &f.credit[0].tiers, 1.0), 9e4 * 0.005 + 5e4 * 0.0075, 1e-9);
    }

    #[test]
    fn the_books_of_two_long_short_funds_cost_what_is_published() {
        // At a benchmark of 5.33 and 10 million of equity: -0.88 % a year, including 0.30 % borrow, for 15 long and 5 short.
        let f = Schedules::default().financing;
        let cost = |short: f64, benchmark: f64| {
            // The longs use up equity and proceeds, so the collateral of 102 % has to be borrowed.
            let collateral = 1.02 * short;
            let (d, p) = (&f.debit[1].tiers, &f.short_proceeds[0].tiers);
            let net = debit(collateral, d, benchmark) - credit(collateral, p, benchmark) + 0.003 * collateral;
            100.0 * net / 10e6
        };
        for (short, benchmark, published) in
            [(5e6, 5.33, 0.88), (20e6, 5.33, 2.87), (5e6, 0.10, 0.62), (20e6, 0.10, 2.38)]
        {
            close(cost(short, benchmark), published, 0.005);
        }
    }

    #[test]
    fn one_spread_and_no_spread() {
        let loan = |words| of(&yearly(words, 2018, -1e6, 2.0, 0.0), Entry::DebitInterest);
        close(loan("institutional_interest"), 25_000.0, 1e-6);
        close(loan("benchmark_interest"), 20_000.0, 1e-6);
        close(of(&yearly("institutional_interest", 2018, 1e6, 2.0, 0.0), Entry::CreditInterest), -17_500.0, 1e-6);
    }
}
