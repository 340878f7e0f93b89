//! Impact of one's own orders in the auctions.
//!
//! ```text
//! bps = k √(Q / ADV) · σ / σ_ref             close
//! bps = 3.3 times that ± one half-spread     open, only in `impact_close_open`
//! bps = k_continuous √(Q / ADV) · σ / σ_ref + one half-spread    on Nasdaq before it had auctions
//! ```
//! A stock of unknown exchange pays the last line on `unknown_venue_nasdaq_share` of its value (40 %). k depends on
//! exchange and size, Q are one's own shares, ADV is the mean volume of the `window_days` days before.
//! Goyal, Jegadeesh, Wu (JFQA 2026) measured k; 3.3, the noise and the scaling by volatility are our choice. With
//! `tick_usd` the impact per share is rounded up to whole ticks, because the price paid moves in ticks.

use serde::{Deserialize, Serialize};

use crate::account::Auction;
use crate::costs::impact::{noise_sign, of_usd, orders, participation, venue};
use crate::costs::schedules::Slippage;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    window_days: usize,
    scale_by_sigma: bool,
    tick_usd: f64,
    multiplier: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { window_days: 20, scale_by_sigma: true, tick_usd: 0.0, multiplier: 1.0 }
    }
}

struct ImpactClose {
    parameters: Parameters,
    slippage: Slippage,
    /// The factor of the opening auction's impact, which then also has noise; `None` treats the open like the close.
    open: Option<f64>,
}

impl CostModel for ImpactClose {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let (p, s) = (&self.parameters, &self.slippage);
        for fill in orders(day) {
            let (k_close, _) = s.k(venue(day, fill), day.ranks[fill.asset]);
            let sigma = if p.scale_by_sigma { s.relative_volatility(day, fill) } else { 1.0 };
            let size = participation(day, fill, p.window_days).sqrt() * sigma;
            let auction_bps = match (fill.auction, self.open) {
                (Auction::Open, Some(multiple)) => {
                    multiple * k_close * size + noise_sign(day, fill) * s.half_spread(day, fill)
                }
                _ => k_close * size,
            };
            let continuous = s.without_auction(day, fill);
            let bps = (1.0 - continuous) * auction_bps + continuous * s.nasdaq_before_auctions(day, fill, size);
            let mut per_share = p.multiplier * 1e-4 * bps * fill.price;
            if p.tick_usd > 0.0 {
                per_share = (per_share / p.tick_usd - 1e-9).ceil() * p.tick_usd;
            }
            charges.push(of_usd(fill, per_share * fill.shares.abs()));
        }
    }
}

fn build(choice: &Choice, schedules: &Schedules, open: Option<f64>) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.window_days > 0, "impact_close.window_days", "at least 1", 0)?;
    check(parameters.tick_usd >= 0.0, "impact_close.tick_usd", "at least 0", parameters.tick_usd)?;
    check(parameters.multiplier >= 0.0, "impact_close.multiplier", "at least 0", parameters.multiplier)?;
    Ok(Box::new(ImpactClose { parameters, slippage: schedules.slippage.clone(), open }))
}

pub(super) fn close(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, None)
}

pub(super) fn close_open(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    build(choice, schedules, Some(schedules.slippage.open_multiple))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::account::Fill;
    use crate::costs::tests::{charged, close, order};
    use crate::panel::Venue;

    const PLAIN: &str = "impact_close,scale_by_sigma=false";

    #[test]
    fn the_published_pairs_are_reproduced() {
        // Orders of 0.1, 0.5, 1 and 5 % of a volume of 100 million dollars, bps.
        let bps =
            |asset, share: f64| order(PLAIN, date(2015, 1, 1), asset, share * 1e8 / 50.0, 50.0) / (share * 1e8) * 1e4;
        for (asset, share, published) in [
            (0, 0.001, 1.4),
            (1, 0.001, 3.2),
            (0, 0.005, 3.2),
            (0, 0.01, 4.5),
            (1, 0.01, 10.2),
            (0, 0.05, 10.1),
            (1, 0.05, 22.7),
        ] {
            close(bps(asset, share), published, 0.06);
        }
        close(bps(2, 0.01), 7.5, 1e-4);
    }

    #[test]
    fn every_exchange_and_size_has_its_published_impact() {
        // bps for orders of 0.5 and 5 % of the volume: closing auction, continuous trading.
        let s = Schedules::default().slippage;
        for (venue, rank, close_bps, continuous_bps) in [
            (Venue::Nyse, 1500, [3.2, 10.1], [6.4, 20.2]),
            (Venue::Nyse, 1501, [5.2, 16.5], [10.7, 33.8]),
            (Venue::Nasdaq, 1500, [7.2, 22.7], [8.3, 26.3]),
            (Venue::Nasdaq, 3000, [8.8, 27.9], [11.3, 35.8]),
            (Venue::Nasdaq, 3001, [31.6, 100.0], [15.6, 49.4]),
        ] {
            let (k, k_continuous) = s.k(Some(venue), rank);
            for (i, share) in [0.005f64, 0.05].into_iter().enumerate() {
                close(k * share.sqrt(), close_bps[i], 0.06);
                close(k_continuous * share.sqrt(), continuous_bps[i], 0.06);
            }
        }
    }

    #[test]
    fn impact_grows_with_volatility_and_is_rounded_up_to_ticks() {
        // Returns of ±2 % over twenty days.
        let sigma = 0.02 * (20.0f64 / 19.0).sqrt();
        let usd = |words| order(words, date(2015, 1, 1), 0, 20_000.0, 50.0);
        close(usd("impact_close") / usd(PLAIN), sigma / 0.019, 1e-9);
        // 4.52 bps of 50 dollars are 2.26 cents a share.
        close(usd(&format!("{PLAIN},tick_usd=0.01")), 20_000.0 * 0.03, 1e-6);
    }

    #[test]
    fn nasdaq_before_its_closing_cross_is_continuous_trading_with_a_half_spread() {
        let bps = |first| order(PLAIN, first, 1, 20_000.0, 50.0) / 1e6 * 1e4;
        close(bps(date(2004, 2, 16)), 11.75 + 4.0, 1e-3); // 2004-03-26, the last day
        close(bps(date(2004, 2, 17)), 10.17, 1e-3); // 2004-03-29, the first cross
    }

    #[test]
    fn where_the_exchange_is_unknown_two_fifths_of_an_order_pay_as_on_nasdaq_before_its_closing_cross() {
        let bps = |first| order(PLAIN, first, 2, 20_000.0, 50.0) / 1e6 * 1e4;
        close(bps(date(2004, 2, 16)), 0.6 * 7.5 + 0.4 * (11.75 + 4.0), 1e-3); // 2004-03-26
        close(bps(date(2004, 2, 17)), 7.5, 1e-3); // 2004-03-29
    }

    #[test]
    fn the_open_costs_a_multiple_with_noise_that_is_no_cost_on_average() {
        let open = |words: &str, asset, y| {
            let fill = Fill { asset, shares: 20_000.0, price: 50.0, auction: Auction::Open };
            let charges = charged(words, date(y, 1, 1), |day| day.fills = Box::leak(Box::new([fill])));
            charges[0].usd / 1e6 * 1e4
        };
        let words = "impact_close_open,scale_by_sigma=false";
        let noise: Vec<f64> =
            (2010..2018).flat_map(|y| [open(words, 0, y) - 3.3 * 4.52, open(words, 2, y) - 24.75]).collect();
        assert!(noise.iter().all(|x| (x.abs() - 1.47).abs() < 1e-3), "{noise:?}");
        assert!(noise.iter().any(|x| *x > 0.0) && noise.iter().any(|x| *x < 0.0));
        close(open(PLAIN, 0, 2015), 4.52, 1e-3);
    }
}
