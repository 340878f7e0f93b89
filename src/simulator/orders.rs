//! Turns target weights into orders, and orders into fills.

use crate::account::{Account, Auction, Fill, Position, Rounding};
use crate::calendar::Date;
use crate::costs::Order;
use crate::panel::{AssetId, Quotes};
use crate::policies::Target;
use crate::simulator::{Journal, Simulator};

impl Simulator<'_> {
    /// Wanted shares by asset: w · equity / price at known prices, rounded if shares are whole; zero for assets
    /// without a target.
    ///
    /// If the weights exceed the gross that the margin rule allows, all are scaled down by the same factor.
    pub(super) fn wanted(
        &self,
        account: &Account,
        targets: &[Target],
        known: impl Fn(AssetId) -> f64 + Copy,
        date: Date,
        journal: &mut Journal,
    ) -> Vec<Position> {
        let equity = account.equity(known) / 100.0;
        let gross: f64 = targets.iter().map(|target| target.weight.abs()).sum();
        let scale = (self.margin.max_gross(date, equity) / gross).min(1.0);
        let mut wanted = Vec::with_capacity(targets.len() + account.positions().len());
        let mut held = account.positions().iter().peekable();
        for target in targets {
            while let Some(position) = held.next_if(|position| position.asset < target.asset) {
                wanted.push(Position { asset: position.asset, shares: 0.0 });
            }
            let current = held.next_if(|position| position.asset == target.asset).map_or(0.0, |p| p.shares);
            let shares = scale * target.weight * equity / known(target.asset);
            let shares = match account.rounding() {
                _ if !shares.is_finite() => {
                    // No price yet, or no longer: the position is kept.
                    journal.n_unpriced += 1;
                    current
                }
                Rounding::Whole => shares.round(),
                Rounding::Exact => shares,
            };
            wanted.push(Position { asset: target.asset, shares });
        }
        wanted.extend(held.map(|position| Position { asset: position.asset, shares: 0.0 }));
        wanted
    }

    /// Sends orders to the profile's auction. Orders above the participation cap and orders in assets that did not
    /// trade remain working.
    pub(super) fn trade(&self, account: &mut Account, today: &Quotes<'_>, wanted: &[Position], journal: &mut Journal) {
        let auction = match self.profile.order {
            Order::MarketOnClose => Auction::Close,
            Order::MarketOnOpen => Auction::Open,
        };
        let cap =
            self.profile.max_participation.map(|most| if auction == Auction::Open { most.open } else { most.close });
        let mut fills = std::mem::take(&mut journal.fills);
        fills.clear();
        account.working.clear();
        for order in wanted {
            let shares = order.shares - account.shares(order.asset);
            if shares == 0.0 {
                continue;
            }
            let quote = today.of(order.asset);
            if !quote.traded {
                journal.n_unpriced += 1;
                account.working.push(*order);
                continue;
            }
            let price = if auction == Auction::Open { quote.open } else { quote.close };
            if (shares * quote.previous).abs() < self.profile.min_trade_usd && order.shares != 0.0 {
                continue;
            }
            let volume = || today.average_dollar_volume(order.asset, self.profile.volume_days);
            let most =
                cap.and_then(|cap| Some(cap * volume()? / quote.previous)).map(|most| match account.rounding() {
                    Rounding::Whole => most.floor(),
                    Rounding::Exact => most,
                });
            let filled = most.map_or(shares, |most| shares.clamp(-most, most));
            if filled != shares {
                journal.n_capped += 1;
                account.working.push(*order);
            }
            if filled != 0.0 {
                fills.push(Fill { asset: order.asset, shares: filled, price, auction });
            }
        }
        self.execute(account, today, &fills, journal);
        journal.fills = fills;
    }
}
