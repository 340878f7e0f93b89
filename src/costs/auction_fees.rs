//! Fees per share that exchanges charge in their auctions, as a tiered plan passes them on. For stocks below one
//! dollar the fee is a fraction of the value. A liquidation pays the fee of the closing auction.

use crate::account::Entry;
use crate::costs::schedules::AuctionFees;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

impl CostModel for AuctionFees {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let mut last = None;
        for fill in day.fills {
            let venue = day.quotes.panel().assets()[fill.asset].venue;
            let key = (venue, fill.auction);
            // Most fills of an auction have the same exchange and fee as the one before.
            let rate = match last {
                Some((known, rate)) if known == key => rate,
                _ => self.per_share(venue, fill.auction, day.date),
            };
            last = Some((key, rate));
            let usd =
                if fill.price < 1.0 { self.sub_dollar_share_of_value * fill.value() } else { rate * fill.shares.abs() };
            charges.push(Charge { entry: Entry::AuctionFee, asset: Some(fill.asset), usd });
        }
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(schedules.auction_fees.clone()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn both_sides_pay_and_cheap_shares_by_value() {
        let usd = |asset, shares, price| order("auction_fees", date(2024, 1, 1), asset, shares, price);
        close(usd(0, 100.0, 50.0), 0.10, 1e-12);
        close(usd(1, -100.0, 50.0), 0.16, 1e-12);
        close(usd(2, 100.0, 50.0), 0.12, 1e-12);
        close(usd(0, 1000.0, 0.5), 1.5, 1e-12);
    }
}
