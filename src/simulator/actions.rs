//! Dividends, splits and endings of listings, before the open.

use crate::account::{Account, Entry, Position, Rounding};
use crate::costs::Delisting;
use crate::panel::{AssetId, Panel, Quotes, Venue};
use crate::simulator::{Event, EventKind, Journal, Simulator};

/// Share numbers this close to a whole number count as whole: split ratios have rounding errors.
const WHOLE: f64 = 1e-6;

impl Simulator<'_> {
    pub(super) fn corporate_actions(&self, account: &mut Account, today: &Quotes<'_>, journal: &mut Journal) {
        let counts_whole = account.rounding() == Rounding::Whole;
        for order in &mut account.working {
            let shares = order.shares * today.of(order.asset).split;
            order.shares = if counts_whole { shares.round() } else { shares };
        }
        account.working.retain(|order| !today.of(order.asset).ended);
        for position in account.positions().to_vec() {
            let quote = today.of(position.asset);
            if quote.ended {
                self.end(account, today, position, journal);
                continue;
            }
            if !quote.traded {
                journal.n_unpriced += 1;
                continue;
            }
            if quote.payout != 0.0 {
                // Longs receive and shorts owe the dividend in cash on this day, because the pay date is unknown.
                let usd = -position.shares * quote.payout;
                account.charge(
                    today.day(),
                    Entry::Dividend,
                    Some(position.asset),
                    usd,
                    today.day(),
                    &mut journal.postings,
                );
            }
            if quote.split != 1.0 {
                self.split(account, today, position, journal);
            }
        }
    }

    /// Books the new shares of a split, and cash at the close for a fraction of a share.
    fn split(&self, account: &mut Account, today: &Quotes<'_>, position: Position, journal: &mut Journal) {
        let (day, quote) = (today.day(), today.of(position.asset));
        let exact = position.shares * quote.split;
        let kept = match account.rounding() == Rounding::Whole {
            true => (exact.abs() + WHOLE).floor() * exact.signum(),
            false => exact,
        };
        let new = (position.asset, kept - position.shares, 0.0);
        account.exchange(day, Entry::Split, new, 0.0, day, &mut journal.postings);
        let fraction = exact - kept;
        if fraction.abs() > WHOLE {
            let money = 100.0 * fraction * quote.close;
            let row = (position.asset, 0.0, quote.close);
            account.exchange(day, Entry::CashInLieu, row, money, day, &mut journal.postings);
        }
    }

    /// Exchanges a position whose listing ended for cash: the last price with the delisting return.
    fn end(&self, account: &mut Account, today: &Quotes<'_>, position: Position, journal: &mut Journal) {
        let (day, panel) = (today.day(), today.panel());
        let r = panel.assets()[position.asset].delisting_return.unwrap_or_else(|| self.assumed(panel, position.asset));
        let price = today.of(position.asset).close * (1.0 + r);
        let settles = day + self.schedules.settlement.ending_sessions;
        let row = (position.asset, -position.shares, price);
        let money = 100.0 * position.shares * price;
        account.exchange(day, Entry::Ending, row, money, settles, &mut journal.postings);
        let detail = format!("{} shares at {price:.4}, {:.1} % from the last price", position.shares, 100.0 * r);
        journal.events.push(Event { day, kind: EventKind::Ending, asset: Some(position.asset), detail });
    }

    fn assumed(&self, panel: &Panel, asset: AssetId) -> f64 {
        let by_venue = &self.schedules.delisting;
        match self.profile.delisting {
            Delisting::Return(r) => r,
            Delisting::Rule(_) => match panel.assets()[asset].venue {
                Some(Venue::Nyse) => by_venue.nyse,
                Some(Venue::Amex) => by_venue.amex,
                Some(Venue::Nasdaq) => by_venue.nasdaq,
                None => by_venue.unknown,
            },
        }
    }
}
