//! Forced sales when margin or equity is insufficient.

use crate::account::{Account, Auction, Entry, Fill, Position, Rounding, Status};
use crate::costs::Day;
use crate::panel::{AssetId, Quotes};
use crate::simulator::margin::Held;
use crate::simulator::{Event, EventKind, Journal, Margin, Simulator, fraction_sold};

/// Most rounds of sales in one day: costs are estimated before a sale, so equity may still be too small after it.
const MOST_SALES: usize = 5;

impl Simulator<'_> {
    /// Compares equity with the maintenance requirement, with every position at its own worst price of the day, and
    /// sells as much as is needed, pro rata, at those prices. Positions do not have their worst prices at the same
    /// time, so the rule is stricter than the market was.
    pub(super) fn maintenance(&self, account: &mut Account, today: &Quotes<'_>, journal: &mut Journal) {
        if matches!(self.margin, Margin::None) || account.positions().is_empty() {
            return;
        }
        let rule = &self.schedules.margin.liquidation;
        let date = today.panel().calendar().date(today.day());
        let (worst_long, worst_short) = (rule.worst_long, rule.worst_short);
        let worst = |asset: AssetId, is_long: bool| {
            let quote = today.of(asset);
            match is_long {
                true => today.low(asset).max(worst_long * quote.open.min(quote.close)),
                false => today.high(asset).min(worst_short * quote.open.max(quote.close)),
            }
        };
        let factor = self.margin.restore_factor(rule.restore_factor);
        for _ in 0..MOST_SALES {
            let (mut value, mut gross, mut need) = (0.0, 0.0, 0.0);
            // Yesterday's equity decides which rule applies: today's was not known before.
            let known = account.equity(|asset| today.of(asset).previous) / 100.0;
            for position in account.positions() {
                let price = worst(position.asset, position.shares > 0.0);
                let held = Held { shares: position.shares, price, traded: today.of(position.asset).traded };
                value += 100.0 * position.shares * price;
                gross += 100.0 * (position.shares * price).abs();
                need += 100.0 * self.margin.maintenance(date, known, held);
            }
            let equity = account.money() + value;
            if equity >= need {
                return;
            }
            let price = |asset: AssetId, shares: f64| worst(asset, shares > 0.0);
            if equity <= 0.0 {
                return self.ruin(account, today, price, equity, journal);
            }
            let cost = self.cost_of_selling(account, today, price);
            let fraction = fraction_sold(equity, need, factor, gross, cost);
            let detail = format!(
                "equity {:.2} at the worst prices, {:.2} needed, {:.1} % of gross; sold {:.2} % of every position",
                equity / 100.0,
                need / 100.0,
                100.0 * equity / gross,
                100.0 * fraction
            );
            if !self.sell(account, today, fraction, price, journal) {
                return; // nothing trades today
            }
            journal.events.push(Event { day: today.day(), kind: EventKind::Liquidation, asset: None, detail });
        }
    }

    /// Marks the account at the close: ruin, and the special memorandum account (SMA) of Regulation T.
    ///
    /// ```text
    /// SMA ← max(SMA − initial · (increase of positions by trades) + other money, equity − initial · gross)
    /// ```
    /// The SMA must not be negative after the close; positions are sold to cover a shortfall.
    pub(super) fn after_the_close(&self, account: &mut Account, today: &Quotes<'_>, journal: &mut Journal) {
        let close = |asset: AssetId| today.of(asset).close;
        let equity = account.equity(close);
        if equity <= 0.0 {
            return self.ruin(account, today, |asset, _| close(asset), equity, journal);
        }
        let date = today.panel().calendar().date(today.day());
        let gross = account.gross(close);
        let Some(initial) = self.margin.reg_t(date, equity / 100.0).map(|rule| rule.initial) else {
            account.sma = equity - self.schedules.margin.reg_t.initial * gross;
            return;
        };
        // Money received or paid without a trade, and the margin that trades used or released.
        let mut sma = account.sma;
        for posting in &journal.postings {
            match posting.entry {
                Entry::Fill => {
                    let asset = posting.asset.expect("a fill has an asset");
                    let after = account.shares(asset);
                    let increase = 100.0 * posting.price * (after.abs() - (after - posting.shares).abs());
                    sma -= initial * increase;
                }
                Entry::Deposit | Entry::Split => {}
                _ => sma += posting.cents,
            }
        }
        account.sma = sma.max(equity - initial * gross);
        // Up to a cent per position is rounding.
        if account.sma < -(account.positions().len() as f64) {
            let fraction = (-account.sma / (initial * gross)).min(1.0);
            let detail = format!(
                "Regulation T: special memorandum account {:.2}; sold {:.2} % of every position",
                account.sma / 100.0,
                100.0 * fraction
            );
            if self.sell(account, today, fraction, |asset, _| close(asset), journal) {
                journal.events.push(Event { day: today.day(), kind: EventKind::Liquidation, asset: None, detail });
            }
            account.sma = account.sma.max(0.0);
        }
    }

    /// Sells a fraction of every position that trades today; returns whether anything was sold.
    fn sell(
        &self,
        account: &mut Account,
        today: &Quotes<'_>,
        fraction: f64,
        price: impl Fn(AssetId, f64) -> f64,
        journal: &mut Journal,
    ) -> bool {
        let fills = sales(account, today, fraction, price);
        self.execute(account, today, &fills, journal);
        !fills.is_empty()
    }

    /// Charges per dollar sold if a tenth of every position were sold.
    fn cost_of_selling(&self, account: &Account, today: &Quotes<'_>, price: impl Fn(AssetId, f64) -> f64) -> f64 {
        let fills = sales(account, today, 0.1, price);
        let mut charges = Vec::new();
        let month_shares = account.month_shares;
        self.charges_of(&Day { fills: &fills, month_shares, ..self.day(account, today) }, &mut charges);
        let value: f64 = fills.iter().map(Fill::value).sum();
        if value > 0.0 { charges.iter().map(|charge| charge.usd).sum::<f64>() / value } else { 0.0 }
    }

    /// Sells everything and closes the account.
    fn ruin(
        &self,
        account: &mut Account,
        today: &Quotes<'_>,
        price: impl Fn(AssetId, f64) -> f64,
        equity: f64,
        journal: &mut Journal,
    ) {
        let day = today.day();
        let fills: Vec<Fill> = account
            .positions()
            .iter()
            .map(|p| Fill {
                asset: p.asset,
                shares: -p.shares,
                price: price(p.asset, p.shares),
                auction: Auction::Liquidation,
            })
            .collect();
        self.execute(account, today, &fills, journal);
        account.working.clear();
        account.status = Status::Ruined(day);
        let detail = format!("equity {:.2}; everything sold, {:.2} left", equity / 100.0, account.money() / 100.0);
        journal.events.push(Event { day, kind: EventKind::Ruin, asset: None, detail });
    }
}

/// Fills that sell a fraction of every position that trades today, rounded up to whole shares where shares are whole.
fn sales(account: &Account, today: &Quotes<'_>, fraction: f64, price: impl Fn(AssetId, f64) -> f64) -> Vec<Fill> {
    let positions = account.positions().iter().filter(|position| today.of(position.asset).traded);
    let fill = |position: &Position| {
        let exact = position.shares.abs() * fraction;
        let sold = match account.rounding() {
            Rounding::Whole => exact.ceil(),
            Rounding::Exact => exact,
        };
        Fill {
            asset: position.asset,
            shares: -sold * position.shares.signum(),
            price: price(position.asset, position.shares),
            auction: Auction::Liquidation,
        }
    };
    positions.map(fill).filter(|fill| fill.shares != 0.0).collect()
}
